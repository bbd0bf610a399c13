"""Commands that train and evaluate."""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ..signals.leads import LEADS, lead_name
from ..training.precision import AUTO
from .options import Bootstrap, Fold, Trusted, a_folder, folds, found_here
from .progress import progress


def train(
    context: typer.Context,
    store: Annotated[Path, typer.Argument(help="A store, as `prepare` makes it.")],
    out: Annotated[Path, typer.Option(help="A new folder for the run.", callback=a_folder)],
    task: Annotated[
        str,
        typer.Option(
            help="normal, superclass, subclass, rhythm, form, all, columns, or a FILE.toml."
        ),
    ] = "normal",
    unlabelled: Annotated[
        str | None, typer.Option(help="What becomes of those: positive, negative or drop.")
    ] = None,
    backbone: Annotated[
        str,
        typer.Option(
            help="signalcnn, resnet, inception, depthwise, or module:Class of your own.",
            callback=found_here,
        ),
    ] = "signalcnn",
    backbone_config: Annotated[str, typer.Option(help="Its arguments, as JSON.")] = "{}",
    scale: Annotated[
        str, typer.Option(help="unit, record, zscore, robust, minmax or none.")
    ] = "unit",
    detrend_order: Annotated[
        int, typer.Option(min=-1, help="Of the polynomial taken off; -1: none.")
    ] = 10,
    leads: Annotated[
        str | None, typer.Option(help="The leads to judge by, as in I,II; all if not given.")
    ] = None,
    augmentation: Annotated[str, typer.Option(help="paper, none, or a file.")] = "paper",
    crop_s: Annotated[
        float | None,
        typer.Option(help="Train on so many seconds of each ECG, cut out anew each time."),
    ] = None,
    unvalidated_share: Annotated[
        float, typer.Option(help="Of the ECGs that no person validated, how many an epoch sees.")
    ] = 1.0,
    train_folds: Fold = "1-8",
    validation_folds: Annotated[str, typer.Option(help="Folds to choose the epoch on.")] = "9",
    epochs: Annotated[int, typer.Option(min=1)] = 25,
    batch: Annotated[int, typer.Option(min=1, help="ECGs a step.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Of Adam.")] = 5e-4,
    weight_decay: Annotated[float, typer.Option(min=0.0)] = 0.0,
    schedule: Annotated[str, typer.Option(help="plateau, onecycle or constant.")] = "plateau",
    auxiliary: Annotated[
        int | None,
        typer.Option(min=1, help="Learn beside it each statement that N records have, or more."),
    ] = None,
    average: Annotated[
        float | None, typer.Option(help="Keep the weights' running average, as in 0.999.")
    ] = None,
    teacher: Annotated[
        list[Path] | None,
        typer.Option(help="A model to learn from, a file or a name; several, if you like."),
    ] = None,
    teacher_share: Annotated[
        float, typer.Option(help="How much of the targets is the teachers', from 0 to 1.")
    ] = 0.5,
    out_of_fold: Annotated[
        bool, typer.Option("--out-of-fold", help="No teacher speaks of folds it has learned from.")
    ] = False,
    each_batch: Annotated[
        bool,
        typer.Option("--each-batch", help="The teachers judge each batch as the pupil sees it."),
    ] = False,
    score: Annotated[
        str, typer.Option(help="Chooses the epoch: auroc, average_precision, accuracy, f1.")
    ] = "auroc",
    patience: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many epochs without a better score.")
    ] = None,
    precision: Annotated[
        str,
        typer.Option(help="float32, bf16, or auto: bf16 where the processor multiplies it."),
    ] = "auto",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, with its own settings.")
    ] = False,
) -> None:
    """Train a network; the paper's recipe unless told otherwise."""
    from ..data.store import open_store
    from ..nn.preprocess import PreprocessConfig
    from ..training.config import TrainConfig
    from ..training.run_folder import CONFIG
    from ..training.trainer import train as run

    quiet_lightning()
    preprocess: dict[str, Any] = {
        "detrend_order": None if detrend_order < 0 else detrend_order,
        "scale": scale,
    }
    recipe: dict[str, Any] = {
        "task": task,
        "unlabelled": unlabelled,
        "backbone": backbone,
        "backbone_config": _json(backbone_config),
        "leads": _leads(leads) if leads is not None else None,
        "augmentation": augmentation,
        "crop_s": crop_s,
        "unvalidated_share": unvalidated_share,
        "train_folds": folds(train_folds),
        "validation_folds": folds(validation_folds),
        "epochs": epochs,
        "batch": batch,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "schedule": schedule,
        "auxiliary": auxiliary,
        "average": average,
        "teachers": tuple(str(path) for path in teacher or ()),
        "teacher_share": teacher_share,
        "out_of_fold": out_of_fold,
        "each_batch": each_batch,
        "score": score,
        "patience": patience,
        "precision": precision,
        "seed": seed,
    }
    config = None
    if resume:
        _refuse_other_settings(out, _given(context, recipe | preprocess))
    else:
        try:
            config = TrainConfig(preprocess=PreprocessConfig(**preprocess), **recipe)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    bar = sys.stderr.isatty()
    try:
        typer.echo(
            run(open_store(store), out, config, resume=resume, progress_bar=bar, on_epoch=say_epoch)
        )
    except KeyboardInterrupt:
        if not (out / CONFIG).is_file():  # nothing has begun
            raise
        typer.echo("ecgcam: stopped. The same with --resume goes on from there.", err=True)
        raise typer.Exit(1) from None


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file, or a shipped model's name.")],
    store: Annotated[Path, typer.Argument(help="A store, as `prepare` makes it.")],
    out: Annotated[
        Path, typer.Option(help="The folder for the scores and the report.", callback=a_folder)
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
            folds=folds(fold),
            draw=draw,
            seed=seed,
            replicates=bootstrap,
            progress=show,
        )
    typer.echo(report)


def _given(context: typer.Context, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that stand on the command line."""
    options = {"teachers": "teacher"}  # named otherwise
    sources = {name: context.get_parameter_source(options.get(name, name)) for name in settings}
    return {
        name: settings[name]
        for name, source in sources.items()
        if source and source.name == "COMMANDLINE"
    }


def _refuse_other_settings(out: Path, given: Mapping[str, Any]) -> None:
    """A run goes on with its own settings: none that was given may be another."""
    from ..training.run_folder import has_teachers, read_config

    config = read_config(out)
    started = vars(config) | vars(config.preprocess)
    for name, wanted in given.items():
        was = started[name]
        if wanted in (was, AUTO):  # the precision was settled when the run was started
            continue
        if name == "teachers" and has_teachers(out, wanted):
            continue
        raise typer.BadParameter(
            f"the run was started with {name} {was}, not {wanted}; --resume goes on with its own "
            "settings: leave that out, or start anew."
        )


def _leads(text: str) -> tuple[str, ...]:
    """("I", "aVR") from "i, AVR", in the usual order."""
    names = {lead_name(part) for part in text.split(",") if part.strip()}
    unknown = names - set(LEADS)
    if unknown or not names:
        raise typer.BadParameter(f"{text!r} are no leads; needed: some of {', '.join(LEADS)}.")
    return tuple(lead for lead in LEADS if lead in names)


def _json(text: str) -> dict[str, object]:
    import json

    try:
        found = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--backbone-config is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise typer.BadParameter('--backbone-config must be like {"widths": [8, 16]}.')
    return found


def quiet_lightning() -> None:
    """Its errors alone: what it says of accelerators and loggers helps nobody here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def say_epoch(row: Mapping[str, float]) -> None:
    """A line an epoch."""
    words = [f"epoch {row['epoch']:.0f}"]
    words += [f"{name} {row[name]:.4f}" for name in row if name.startswith(("train_", "val_"))]
    best = "  best so far" if row["epoch"] == row["best_epoch"] else ""
    typer.echo("  ".join(words) + best, err=True)
