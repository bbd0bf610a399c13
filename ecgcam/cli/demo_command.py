"""The demonstration: the whole way on made-up ECGs."""

from pathlib import Path
from typing import Annotated

import typer

from .options import a_folder
from .progress import progress
from .train_commands import quiet_lightning, say_epoch


def demo(
    out: Annotated[
        Path, typer.Option(help="A new folder for all it makes.", callback=a_folder)
    ] = Path("demo"),
    records: Annotated[int, typer.Option("-n", "--records", min=200, help="ECGs made up.")] = 1000,
    epochs: Annotated[int, typer.Option(min=1)] = 15,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same ECGs.")] = 0,
) -> None:
    """Go the whole way on made-up ECGs: no download, a minute on two cores."""
    from .demo import DemoConfig, run_demo

    quiet_lightning()
    config = DemoConfig(records=records, epochs=epochs, seed=seed)
    typer.echo(run_demo(out, config, show=progress, on_epoch=say_epoch))
