"""Demo command: the full pipeline on synthetic ECGs."""

from pathlib import Path
from typing import Annotated

import typer

from .options import output_folder
from .progress import progress
from .train_command import quiet_lightning


def demo(
    out: Annotated[
        Path, typer.Option(help="New folder for all results.", callback=output_folder)
    ] = Path("demo"),
    records: Annotated[
        int, typer.Option("-n", "--records", min=200, help="Number of synthetic ECGs.")
    ] = 1000,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of training.")] = 15,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the ECGs and the training.")] = 0,
) -> None:
    """Run the full pipeline on synthetic ECGs (no download, about a minute)."""
    from .demo import DemoConfig, run_demo

    quiet_lightning()
    config = DemoConfig(records=records, epochs=epochs, seed=seed)
    typer.echo(run_demo(out, config, show=progress))
