"""Command that combines models into an ensemble."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Overwrite, check_replaceable, output_file


def combine(
    models: Annotated[list[Path], typer.Argument(help="Two or more model files or names.")],
    out: Annotated[Path, typer.Option(help="Model file to write.", callback=output_file)],
    overwrite: Overwrite = False,
) -> None:
    """Combine models into an ensemble, whose logits and maps are the mean of theirs."""
    from ..inference.combine import combine as write

    check_replaceable(out, overwrite=overwrite)
    typer.echo(write(models, out))
