"""Training: a store to a run, the folder that run.py describes.

The batches of an epoch and what augmentation does to them depend on the seed, the epoch and the
batch's place alone, so that a run which was broken off goes on to the same result.
"""

import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from .. import __version__
from ..data.store import LabelledRecords, Store
from ..errors import DatasetError, RecordError
from ..evaluation.leakage import digest_tables, teacher_provenance, training_data
from ..inference.card import Card, make_card
from ..inference.modelfile import read_card
from ..inference.zoo import find_model
from ..nn.allocation import keep_freed_memory
from ..nn.network import Network, NetworkConfig
from ..signals.leads import lead_order
from ..tasks import Task
from .config import TrainConfig
from .dataloader import Batch, batches, preprocess_once
from .lightning_module import TrainingModule, fit, validation_score
from .precision import PRECISIONS, settled
from .run_folder import (
    LAST,
    MODEL,
    PREPROCESSED,
    TENSORBOARD,
    OnEpoch,
    RunFiles,
    read_config,
    refuse_changed,
    settings,
    write_settings,
)
from .targets import TrainingTargets, task_to_learn, training_targets


class Patience(EarlyStopping):
    """Early stopping after which a run that is resumed stays stopped."""

    def on_train_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        trainer.should_stop = self.wait_count >= self.patience


def train(
    store: Store,
    out: Path,
    config: TrainConfig | None = None,
    *,
    resume: bool = False,
    progress_bar: bool = False,
    on_epoch: OnEpoch | None = None,
) -> Path:
    """Train a network on a store; the path of the model.

    out: a new folder; with `resume` the folder of a run that was broken off, which goes on with
    its own settings. on_epoch: called with each new row of metrics.csv.
    Raises DatasetError if the folder, the store or what the recipe asks of it do not fit,
    ModelError for a backbone or a teacher that cannot be used, both before anything is written,
    ArithmeticError if training diverges, and KeyboardInterrupt if it is stopped.
    """
    config = _recipe(out, config, resume=resume)
    keep_freed_memory()
    task = task_to_learn(config, store)
    to_train = store.require_labelled(task, folds=config.train_folds)
    to_validate = store.require_labelled(task, folds=config.validation_folds)
    _refuse_undefined_score(config, to_validate)
    network = _network(config, task, store)
    teachers = [find_model(path_or_name) for path_or_name in config.teachers]
    lessons = training_targets(
        config, task, store, to_train, pupil=network.config, teachers=teachers
    )
    training = _training(network, config, exclusive=task.exclusive, lessons=lessons)
    said = settings(config, task, training.augment, store, teachers=teachers, seldom=lessons.seldom)
    if resume:
        refuse_changed(out, said)
    else:
        write_settings(out, said)
    teacher_cards = [read_card(path) for path in teachers]
    made = {"data": training_data(store), "teacher_provenance": teacher_provenance(teacher_cards)}
    card = _card(network, task, said, made)
    card["fold_digests"] = digest_tables(store, teacher_cards)
    files = RunFiles(out, score=config.score, card=card, on_epoch=on_epoch)
    trainer = _trainer(out, config, files, progress_bar=progress_bar)
    last = out / LAST if resume and (out / LAST).exists() else None
    with _preprocessed(out, network, store, to_train, to_validate) as (train_on, validate_on):
        to_judge = batches(validate_on, to_validate.targets, batch=config.batch)
        fit(trainer, training, _lessons_in_batches(config, lessons, train_on), to_judge, last)
    return out / MODEL


def _recipe(out: Path, config: TrainConfig | None, *, resume: bool) -> TrainConfig:
    """The recipe to train by, its precision settled; DatasetError if the folder does not fit."""
    if resume:
        config = read_config(out)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: there is something already; --resume goes on with a run there.")
    config = config or TrainConfig()
    return replace(config, precision=settled(config.precision))


def _refuse_undefined_score(config: TrainConfig, validation: LabelledRecords) -> None:
    """No epoch would be better than another: auroc where every record is of one class."""
    targets = validation.targets
    if np.isnan(validation_score(config.score, targets, targets)):
        raise DatasetError(
            f"the score {config.score!r} is not defined on the validation folds "
            f"{', '.join(map(str, config.validation_folds))}: in each class all of their "
            f"{len(targets)} records are alike."
        )


@contextmanager
def _preprocessed(
    out: Path,
    network: Network,
    store: Store,
    to_train: LabelledRecords,
    to_validate: LabelledRecords,
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """The signals, preprocessed into files for the time of the training.

    Those to validate on in full precision: their scores are then those of judging.
    """
    folder = out / PREPROCESSED
    write = partial(preprocess_once, network, store)
    try:
        yield (
            write(to_train.indices, folder / "train.npy", dtype=np.float16),
            write(to_validate.indices, folder / "validation.npy", dtype=np.float32),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lessons_in_batches(
    config: TrainConfig, lessons: TrainingTargets, signals: NDArray[Any]
) -> DataLoader[Batch]:
    return batches(
        signals,
        lessons.targets,
        batch=config.batch,
        shuffle_seed=config.seed,
        seldom=lessons.seldom,
        share=config.unvalidated_share,
    )


def _network(config: TrainConfig, task: Task, store: Store) -> Network:
    """With weights drawn from the seed, leaving the global generator as it was."""
    form = NetworkConfig(
        classes=len(task.classes),
        backbone=config.backbone,
        backbone_config=config.backbone_config,
        preprocess=config.preprocess,
        leads=_leads(config, store),
        rate_hz=store.rate_hz,
        duration_s=store.samples / store.rate_hz,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        try:
            return Network(form)
        except ValueError as error:  # a polynomial of a higher degree than there are samples
            raise DatasetError(f"{store.folder}: {error}") from None


def _leads(config: TrainConfig, store: Store) -> tuple[str, ...]:
    """The leads to judge by; DatasetError if the store has not all of them."""
    leads = config.leads or store.leads
    try:
        lead_order(store.leads, leads)
    except RecordError as error:
        raise DatasetError(f"{store.folder}: {error}") from None
    return leads


def _training(
    network: Network, config: TrainConfig, *, exclusive: bool, lessons: TrainingTargets
) -> TrainingModule:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)  # the auxiliary head draws its weights
            return TrainingModule(
                network,
                config,
                exclusive=exclusive,
                auxiliary=lessons.auxiliary,
                tutors=lessons.tutors,
            )
    except ValueError as error:  # an augmentation or a crop that cannot be
        raise DatasetError(str(error)) from error


def _card(network: Network, task: Task, said: Mapping[str, Any], made: Mapping[str, Any]) -> Card:
    versions = {
        "ecgcam": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "lightning": version("lightning"),
        "numpy": np.__version__,
    }
    recipe = {**said["config"], "augmentation": said["augmentation"]}
    return make_card(network, task, provenance={**made, "recipe": recipe, "versions": versions})


def _trainer(out: Path, config: TrainConfig, files: RunFiles, *, progress_bar: bool) -> pl.Trainer:
    callbacks: list[Callback] = [
        files,
        ModelCheckpoint(out, filename=Path(LAST).stem, enable_version_counter=False),
    ]
    if config.patience is not None:
        score = f"val_{config.score}"
        callbacks.append(Patience(score, mode="max", patience=config.patience))
    return pl.Trainer(
        max_epochs=config.epochs,
        devices=1,
        precision=PRECISIONS[config.precision],
        callbacks=callbacks,
        logger=TensorBoardLogger(out, name=TENSORBOARD, version=""),
        enable_progress_bar=progress_bar,
        default_root_dir=out,
        enable_model_summary=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
    )
