"""The command that trains a network."""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..nn.backbones import BACKBONES
from .options import StoreFolder, make_importable, output_folder, parse_folds
from .progress import progress

if TYPE_CHECKING:
    from ..data.store import Store
    from ..training.config import TrainConfig

# The settings that have an option, by their full names.
SETTINGS = {
    "task": "task",
    "backbone": "network.backbone",
    "epochs": "optimizer.epochs",
    "batch": "optimizer.batch",
    "learning_rate": "optimizer.learning_rate",
    "augmentation": "augmentation",
    "class_weights": "loss.class_weights",
    "train_folds": "data.train_folds",
    "validation_folds": "data.validation_folds",
    "seed": "seed",
    "teacher": "distillation.teachers",
}


def _write_config(path: Path | None) -> None:
    """Write the default recipe and exit, if the option is used."""
    if path is None:
        return
    from ..errors import DatasetError
    from ..files import write_text
    from ..training.config import TrainConfig
    from ..training.recipe_file import recipe_text

    if path.exists():
        raise DatasetError(f"{path}: the file exists already; choose another name.")
    typer.echo(write_text(path, recipe_text(TrainConfig())))
    raise typer.Exit


def train(
    context: typer.Context,
    store: StoreFolder,
    out: Annotated[Path, typer.Option(help="A new folder for the run.", callback=output_folder)],
    config: Annotated[
        Path | None, typer.Option(help="Recipe file (.toml); the options below override it.")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help="normal, superclass, subclass, rhythm, form, all, columns, or a FILE.toml."
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(help=f"{', '.join(BACKBONES)}, or module:Class."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the training records.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="ECGs per step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Learning rate.")] = None,
    augmentation: Annotated[str | None, typer.Option(help="paper or none.")] = None,
    train_folds: Annotated[
        str | None, typer.Option(help="Folds to train on, as in 1-8 or 1,2,5.")
    ] = None,
    validation_folds: Annotated[
        str | None, typer.Option(help="Folds that choose the best epoch, as in 9.")
    ] = None,
    class_weights: Annotated[
        str | None,
        typer.Option(
            help="Weights of each class's positive ECGs: none, balanced, or numbers as in 1,4,2."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Random seed.")] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(help="Model file or shipped model to learn from; repeat for several."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the run in --out, with its own settings.")
    ] = False,
    write_config: Annotated[
        Path | None,
        typer.Option(
            help="Write a recipe file with every setting at its default, explained, and exit.",
            callback=_write_config,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Train a network, by the paper's recipe or your own.

    `--write-config FILE.toml` writes a recipe with a comment on every setting;
    edit it and pass it with `--config`. Documentation: docs/training.md.
    """
    from ..data.store import open_store

    changes = {
        name: context.params[option]
        for option, name in SETTINGS.items()
        if context.params[option] not in (None, [], ())  # an empty list: not used
    }
    for name in ("data.train_folds", "data.validation_folds"):
        if name in changes:
            changes[name] = parse_folds(changes[name])
    if "loss.class_weights" in changes:
        changes["loss.class_weights"] = _weights(changes["loss.class_weights"])
    opened = open_store(store)
    settings = _settings(out, config, changes, resume=resume)
    make_importable(settings.network.backbone)
    _check_teachers(settings)
    _print_label_counts(settings, opened)
    _run(opened, out, settings, resume=resume)


def _settings(
    out: Path, config: Path | None, changes: Mapping[str, Any], *, resume: bool
) -> "TrainConfig":
    """Return the settings of the run, from its recipe file or the folder to resume."""
    from ..training.recipe_file import make_config, read_recipe
    from ..training.run_folder import CONFIG, check_new_run, check_same_settings, read_config

    if not resume:
        check_new_run(out)
        recipe = read_recipe(config) if config else {}
        return make_config(recipe, changes, source=str(config or "the command line"))
    started = read_config(out)
    recipe_file = config or out / CONFIG
    check_same_settings(
        out, make_config(read_recipe(recipe_file), changes, source=str(recipe_file))
    )
    return started


def _weights(text: str) -> str | tuple[float, ...]:
    """Return numbers separated by commas, or the text if it is not numbers."""
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        return text


def _check_teachers(settings: "TrainConfig") -> None:
    """Raise ModelError for a teacher that is no model, before torch is imported."""
    from ..inference.modelfile import read_card
    from ..inference.zoo import find_model

    for teacher in settings.distillation.teachers:
        read_card(find_model(teacher))


def _print_label_counts(settings: "TrainConfig", store: "Store") -> None:
    """Print the records and the positives of each class by fold; warn of rare classes."""
    from ..tasks import TITLES, full_name
    from ..training.training_labels import (
        FEW,
        class_titles,
        count_labels,
        rare_classes,
        training_task,
    )

    titles = TITLES | class_titles(training_task(settings, store), store)
    counts = count_labels(settings, store)
    counts = counts.rename(index=lambda name: full_name(name, titles.get(name, "")))
    typer.echo(f"{counts.rename_axis(columns='fold').to_string()}", err=True)
    rare = [f"{name}: {count}" for name, count in rare_classes(counts).items()]
    if rare:
        typer.echo(
            f"warning: fewer than {FEW} positive training ECGs ({'; '.join(rare)}): too few "
            "to learn from, and their scores are unreliable.",
            err=True,
        )


def _run(store: "Store", out: Path, settings: "TrainConfig", *, resume: bool) -> None:
    from ..training.run_folder import CONFIG
    from ..training.trainer import train

    quiet_lightning()
    try:
        with (
            progress("training ECGs measured", later=True) as measured,
            progress("training ECGs for the head", later=True) as head,
        ):
            model = train(
                store,
                out,
                None if resume else settings,
                resume=resume,
                progress_bar=sys.stderr.isatty(),
                on_epoch=print_epoch,
                on_measured=measured,
                on_head=head,
            )
    except KeyboardInterrupt:
        if not (out / CONFIG).is_file():  # training has not begun
            raise
        typer.echo("ecgcam: stopped. The same command with --resume continues the run.", err=True)
        raise typer.Exit(1) from None
    print_head(model)
    typer.echo(model)


def quiet_lightning() -> None:
    """Show only lightning's errors, without its hints on accelerators and loggers."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


def print_epoch(row: Mapping[str, float]) -> None:
    """Print one line for an epoch."""
    words = [f"epoch {row['epoch']:.0f}"]
    words += [f"{name} {row[name]:.4f}" for name in row if name.startswith(("train_", "val_"))]
    best = "  best so far" if row["epoch"] == row["best_epoch"] else ""
    typer.echo("  ".join(words) + best, err=True)


def print_head(model: Path) -> None:
    """Print the score of a fitted head, if the model has one."""
    from ..inference.card import FITTED_HEAD
    from ..inference.modelfile import read_card

    if fitted := read_card(model)["provenance"].get(FITTED_HEAD):
        typer.echo(f"head fitted  {fitted['score']} {fitted['value']:.4f}", err=True)
