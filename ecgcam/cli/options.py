"""Options and checks that several commands share."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import DatasetError
from ..files import check_output_file, check_output_folder

if TYPE_CHECKING:
    from ..readers.channels import ReadOptions


def make_importable(name: str | None) -> str | None:
    """Return the name; for `module:Class`, add the working folder to the end of sys.path."""
    if name and ":" in name and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return name


def output_folder(path: Path | None) -> Path | None:
    """Return the path of an output folder; raise DatasetError if it cannot be one."""
    if path is not None:
        check_output_folder(path)
    return path


def output_file(path: Path | None) -> Path | None:
    """Return the path of an output file; raise DatasetError if it cannot be one."""
    if path is not None:
        check_output_file(path)
    return path


def check_replaceable(path: Path, *, overwrite: bool) -> None:
    """Raise DatasetError if the file exists, unless it may be overwritten."""
    if path.exists() and not overwrite:
        raise DatasetError(f"{path}: the file exists; --overwrite replaces it.")


Rate = Annotated[
    float | None,
    typer.Option(min=0, help="Samples per second, where a file has neither a rate nor times."),
]
Units = Annotated[
    str | None, typer.Option(help="Unit, where a file has none: mV, uV, …  [default: mV]")
]
LeadNames = Annotated[
    str | None,
    typer.Option(
        "--leads",
        help="Names of the leads in the order of the file, as I,II,V1; or of some, as I=ECG1,II=b.",
    ),
]


def reading_options(rate_hz: float | None, units: str | None, leads: str | None) -> "ReadOptions":
    """Return how to read files; leads: "I,II,V1", or "I=ECG1,II=ECG2" for names in the file."""
    from ..readers.channels import ReadOptions

    parts = [part.strip() for part in (leads or "").split(",") if part.strip()]
    pairs = [part.partition("=") for part in parts]
    if not all(sign for _, sign, _ in pairs) and any(sign for _, sign, _ in pairs):
        raise typer.BadParameter("--leads mixes names and I=NAME; expected one of both.")
    names = {lead.strip(): name.strip() for lead, sign, name in pairs if sign}
    return ReadOptions(rate_hz=rate_hz, units=units, leads=names or tuple(parts) or None)


Model = Annotated[Path, typer.Argument(help="Model file, or name of a shipped model.")]
StoreFolder = Annotated[Path, typer.Argument(help="A store made by `ecgcam prepare`.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")]
Trusted = Annotated[
    str | None,
    typer.Option(
        "--backbone",
        help="Backbone whose code you trust, as module:Class.",
        callback=make_importable,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Predict also what is refused for the quality of its signal; the reason becomes a "
        "warning.",
    ),
]
Fold = Annotated[str, typer.Option(help="Folds, for example 9 or 1-8 or 1,2,9.")]
Bootstrap = Annotated[int, typer.Option(min=1, help="Bootstrap replicates for the intervals.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")]


def parse_folds(text: str) -> tuple[int, ...]:
    """Parse folds: (1, 2, 3, 9) from "1-3,9", each once."""
    numbers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            part_numbers = range(int(first), int(last if dash else first) + 1)
        except ValueError:
            part_numbers = range(0)
        if not part_numbers:
            raise typer.BadParameter(
                f"invalid folds {text!r}; expected for example 9 or 1-8 or 1,2,9."
            )
        numbers += part_numbers
    return tuple(dict.fromkeys(numbers))
