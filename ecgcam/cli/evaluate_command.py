"""The `evaluate` command."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Bootstrap, Fold, Model, Seed, StoreFolder, Trusted, output_folder, parse_folds
from .progress import progress


def evaluate(
    model: Model,
    store: StoreFolder,
    out: Annotated[
        Path, typer.Option(help="Folder for the scores and the report.", callback=output_folder)
    ],
    fold: Fold = "9",
    bootstrap: Bootstrap = 1000,
    draw: Annotated[
        int,
        typer.Option(
            min=0, help="Explain the N most confident correct records and the N worst errors."
        ),
    ] = 0,
    beats: Annotated[
        bool,
        typer.Option(
            "--beats",
            help="Draw the mean beat and mean evidence of each class: hits against misses.",
        ),
    ] = False,
    backbone: Trusted = None,
    seed: Seed = 0,
) -> None:
    """Score a model on folds of a store, with 95 % intervals over patients."""
    from ..data.store import open_store
    from ..inference.loading import load
    from ..reports.evaluation_report import write_evaluation as run

    with progress("ECGs predicted") as show, progress("mean beats", later=True) as show_beats:
        report = run(
            load(model, backbone=backbone),
            open_store(store),
            out,
            folds=parse_folds(fold),
            draw=draw,
            beats=beats,
            seed=seed,
            replicates=bootstrap,
            progress=show,
            beats_progress=show_beats,
        )
    typer.echo(report)
