"""The command that calibrates a model."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Overwrite, Trusted, a_file, folds, refuse_to_replace
from .progress import progress


def calibrate(
    model: Annotated[Path, typer.Argument(help="A model file, or a shipped model's name.")],
    store: Annotated[Path, typer.Argument(help="A store, as `prepare` makes it.")],
    out: Annotated[Path, typer.Option(help="The model file to write.", callback=a_file)],
    fold: Annotated[
        str, typer.Option(help="Folds that the model has not learned from, as in 9 or 1-8.")
    ] = "9",
    shift: Annotated[
        bool, typer.Option(help="Shift each class's logits; or fit one temperature alone.")
    ] = True,
    threshold: Annotated[
        str,
        typer.Option(
            help="What decides: youden, accuracy, sensitivity=0.95, specificity=0.95; none: as is."
        ),
    ] = "youden",
    band: Annotated[
        str, typer.Option(help="Where it is not sure: accuracy=0.95, coverage=0.8, or none.")
    ] = "accuracy=0.95",
    alpha: Annotated[float, typer.Option(help="The error rate of the conformal sets.")] = 0.1,
    backbone: Trusted = None,
    overwrite: Overwrite = False,
) -> None:
    """Give a model calibrated probabilities, thresholds, a band of doubt and conformal sets."""
    from ..data.store import open_store
    from ..evaluation.calibrator import calibrate as run
    from ..evaluation.choices import CalibrateConfig

    try:
        config = CalibrateConfig(shift=shift, threshold=threshold, band=band, alpha=alpha)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    refuse_to_replace(out, overwrite=overwrite)
    with progress("ECGs judged") as show:
        card = run(
            model,
            open_store(store),
            out,
            config,
            folds=folds(fold),
            backbone=backbone,
            progress=show,
        )
    typer.echo(f"temperature {card['temperature']:.3f}", err=True)
    for name, limit in zip(card["classes"], card["thresholds"], strict=True):
        known = name in card["operating_points"]["classes"]
        why = "" if known else ": its records are all of one kind, so nothing was chosen"
        typer.echo(f"{name}: threshold {limit:.3f}{why}", err=True)
    typer.echo(out)
