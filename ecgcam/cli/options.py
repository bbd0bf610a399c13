"""Options that several commands have."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import DatasetError
from ..files import check_output_file, check_output_folder


def found_here(name: str | None) -> str | None:
    """The name as it is; `module:Class` is then looked for in the working folder too, last.

    Code of one's own may lie there.
    """
    if name and ":" in name and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return name


def a_folder(path: Path | None) -> Path | None:
    """The path as it is; refused before the work if what comes of it cannot lie there."""
    if path is not None:
        check_output_folder(path)
    return path


def a_file(path: Path | None) -> Path | None:
    """The path as it is; refused before the work if what comes of it cannot be written there."""
    if path is not None:
        check_output_file(path)
    return path


def refuse_to_replace(path: Path, *, overwrite: bool) -> None:
    """DatasetError if there is a file at `path` that nobody said may go."""
    if path.exists() and not overwrite:
        raise DatasetError(f"{path}: there is a file already; --overwrite puts this in its place.")


Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Put it in the place of a file that is there.")
]
Trusted = Annotated[
    str | None,
    typer.Option("--backbone", help="module:Class that you trust.", callback=found_here),
]
Fold = Annotated[str, typer.Option(help="Folds, with commas or as 1-8.")]
Bootstrap = Annotated[int, typer.Option(min=1, help="Replicates for the intervals.")]


def folds(text: str) -> tuple[int, ...]:
    """(1, 2, 3, 9) from "1-3,9", each once."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            named = range(int(first), int(last if dash else first) + 1)
        except ValueError:
            named = range(0)
        if not named:
            raise typer.BadParameter(f"{text!r} are no folds; needed: as in 1-8 or 1,2,9.")
        found += named
    return tuple(dict.fromkeys(found))
