"""The command that evaluates a model."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Bootstrap, Fold, Trusted, output_folder, parse_folds
from .progress import progress


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file, or a shipped model's name.")],
    store: Annotated[Path, typer.Argument(help="A store, as `prepare` makes it.")],
    out: Annotated[
        Path, typer.Option(help="The folder for the scores and the report.", callback=output_folder)
    ],
    fold: Fold = "9",
    bootstrap: Bootstrap = 1000,
    draw: Annotated[
        int, typer.Option(min=0, help="Explain the N surest hits and the N worst misses.")
    ] = 0,
    backbone: Trusted = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Score a model on folds of a store, with 95 % intervals."""
    from ..data.store import open_store
    from ..inference.classifier import load
    from ..reports.evaluation_report import write_evaluation as run

    with progress("ECGs judged") as show:
        report = run(
            load(model, backbone=backbone),
            open_store(store),
            out,
            folds=parse_folds(fold),
            draw=draw,
            seed=seed,
            replicates=bootstrap,
            progress=show,
        )
    typer.echo(report)
