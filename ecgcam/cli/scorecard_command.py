"""The `scorecard` command."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Model, Trusted, output_folder
from .progress import progress


def scorecard(
    model: Model,
    store: Annotated[Path, typer.Option(help="A store made by `ecgcam prepare`.")],
    out: Annotated[
        Path,
        typer.Option(help="Folder for the scorecard; it resumes there.", callback=output_folder),
    ],
    ludb: Annotated[
        Path | None, typer.Option(help="Folder of LUDB, to compare the map with marked waves.")
    ] = None,
    synthetic: Annotated[
        int | None,
        typer.Option(min=0, help="Synthetic hearts per disorder; 0: none.  [default: 20]"),
    ] = None,
    other: Annotated[
        Path | None, typer.Option(help="Another seed of the model, to compare the maps.")
    ] = None,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Also train on shuffled labels, for a few minutes.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few records, beside integrated gradients alone.")
    ] = False,
    fold: Annotated[int, typer.Option(help="Fold to measure on.")] = 9,
    backbone: Trusted = None,
) -> None:
    """Measure how far a model's map can be trusted, beside other maps."""
    from functools import partial

    from ..data.store import open_store
    from ..reports.scorecard_report import report_scorecard
    from ..training.shuffled_labels import train_on_shuffled_labels

    opened = open_store(store)
    shuffled = partial(train_on_shuffled_labels, model, opened, fold=fold, backbone=backbone)
    with progress("parts of the scorecard") as show:
        page = report_scorecard(
            model,
            opened,
            out,
            fold=fold,
            ludb=ludb,
            synthetic=synthetic,
            other=other,
            retrain=shuffled if retrain else None,
            quick=quick,
            backbone=backbone,
            progress=show,
        )
    typer.echo(page)
