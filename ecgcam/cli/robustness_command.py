"""The `robustness` command."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Bootstrap, Fold, Model, StoreFolder, Trusted, output_folder, parse_folds
from .progress import progress


def robustness(
    model: Model,
    store: StoreFolder,
    out: Annotated[
        Path, typer.Option(help="Folder for the scores and the report.", callback=output_folder)
    ],
    fold: Fold = "9",
    bootstrap: Bootstrap = 200,
    backbone: Trusted = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise and the bootstrap.")] = 0,
) -> None:
    """Score a model on ECGs with noise, drift, lost leads and swapped electrodes."""
    from ..data.store import open_store
    from ..inference.loading import load
    from ..reports.robustness_report import report_robustness

    with progress("disturbances") as show:
        page = report_robustness(
            load(model, backbone=backbone),
            open_store(store),
            out,
            folds=parse_folds(fold),
            seed=seed,
            replicates=bootstrap,
            progress=show,
        )
    typer.echo(page)
