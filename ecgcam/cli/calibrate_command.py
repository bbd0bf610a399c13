"""The `calibrate` command."""

from pathlib import Path
from typing import Annotated

import typer

from .options import (
    Model,
    Overwrite,
    StoreFolder,
    Trusted,
    check_replaceable,
    output_file,
    parse_folds,
)
from .progress import progress


def calibrate(
    model: Model,
    store: StoreFolder,
    out: Annotated[Path, typer.Option(help="Model file to write.", callback=output_file)],
    fold: Annotated[
        str, typer.Option(help="Folds that the model was not trained on, for example 9 or 1-8.")
    ] = "9",
    shift: Annotated[
        bool, typer.Option(help="Fit a shift per class, in addition to one temperature.")
    ] = True,
    threshold: Annotated[
        str,
        typer.Option(
            help="Rule for the threshold that decides: youden, accuracy, f1, sensitivity=0.95, "
            "specificity=0.95, or none to keep all decisions."
        ),
    ] = "youden",
    band: Annotated[
        str,
        typer.Option(help="Rule for the abstention band: accuracy=0.95, coverage=0.8, or none."),
    ] = "accuracy=0.95",
    alpha: Annotated[float, typer.Option(help="Error rate of the conformal sets.")] = 0.1,
    backbone: Trusted = None,
    overwrite: Overwrite = False,
) -> None:
    """Calibrate a model: probabilities, thresholds, abstention bands and conformal sets."""
    from ..data.store import open_store
    from ..evaluation.calibrator import CalibrateConfig
    from ..evaluation.calibrator import calibrate as run

    try:
        config = CalibrateConfig(shift=shift, threshold=threshold, band=band, alpha=alpha)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    check_replaceable(out, overwrite=overwrite)
    with progress("ECGs predicted") as show:
        card = run(
            model,
            open_store(store),
            out,
            config,
            folds=parse_folds(fold),
            backbone=backbone,
            progress=show,
        )
    typer.echo(f"temperature {card['temperature']:.3f}", err=True)
    for name, limit in zip(card["classes"], card["thresholds"], strict=True):
        chosen = name in card["operating_points"]["classes"]
        note = "" if chosen else " (unchanged: no positive or no negative record)"
        typer.echo(f"{name}: threshold {limit:.3f}{note}", err=True)
    typer.echo(out)
