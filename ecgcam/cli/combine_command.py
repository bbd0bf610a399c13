"""The command that makes one model of several."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Overwrite, a_file, refuse_to_replace


def combine(
    models: Annotated[
        list[Path], typer.Argument(help="Two or more model files, or shipped models' names.")
    ],
    out: Annotated[Path, typer.Option(help="The model file to write.", callback=a_file)],
    overwrite: Overwrite = False,
) -> None:
    """Make one model of several, whose logits and maps are the mean of theirs."""
    from ..inference.combine import combine as run

    refuse_to_replace(out, overwrite=overwrite)
    typer.echo(run(models, out))
