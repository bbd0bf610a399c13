"""Command that combines models into an ensemble."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Overwrite, a_file, refuse_to_replace


def combine(
    models: Annotated[list[Path], typer.Argument(help="Two or more model files or names.")],
    out: Annotated[Path, typer.Option(help="Model file to write.", callback=a_file)],
    overwrite: Overwrite = False,
) -> None:
    """Combine models into an ensemble, whose logits and maps are the mean of theirs."""
    from ..inference.combine import combine as write

    refuse_to_replace(out, overwrite=overwrite)
    typer.echo(write(models, out))
