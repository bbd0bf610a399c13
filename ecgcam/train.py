"""Training: a store to a run, the folder that run.py describes.

The batches of an epoch and what augmentation does to them depend on the seed, the epoch and the
batch's place alone, so that a run which was broken off goes on to the same result.
"""

import platform
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

from . import __version__
from .allocation import FOR_TRAINING, keep_freed_memory
from .auxiliary import auxiliary_labels
from .batches import batches, preprocess_once
from .errors import DatasetError, RecordError
from .labels import Task, find_task
from .leads import lead_order
from .modelfile import Card, make_card
from .network import Network, NetworkConfig
from .precision import PRECISIONS, settled
from .recipe import TrainConfig
from .rows import Rows
from .run import (
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
from .store import Labelled, Store
from .teachers import taught
from .training import Training, validation_score
from .translate import wanted_classes
from .tutors import Tutors


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
    Raises DatasetError if the folder or the store do not fit that.
    """
    if resume:
        config = read_config(out)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: there is something already; --resume goes on with a run there.")
    config = config or TrainConfig()
    config = replace(config, precision=settled(config.precision))
    keep_freed_memory(FOR_TRAINING)
    task = _task(config, store)
    to_train = _labelled(store, task, config.train_folds)
    to_validate = _labelled(store, task, config.validation_folds)
    _refuse_undefined_score(config, to_validate)
    network = _network(config, task, store)
    lessons = _lessons(config, task, store, to_train, network.config)
    unvalidated = _unvalidated(config, store, to_train.numbers)
    training = _training(network, config, exclusive=task.exclusive, lessons=lessons)
    said = settings(config, task, training.augment, store)
    if resume:
        refuse_changed(out, said)
    else:
        write_settings(out, said)
    card = _card(network, task, said, store)
    files = RunFiles(out, score=config.score, card=card, on_epoch=on_epoch)
    trainer = _trainer(out, config, files, progress_bar=progress_bar)
    last = out / LAST
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")  # a worker copies more
        warnings.filterwarnings("ignore", ".*treespec.*")  # lightning's own use of torch
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")  # as is meant on resuming
        warnings.filterwarnings("ignore", ".*dirpath has changed.*")  # a run may be moved
        with _preprocessed(out, network, store, to_train, to_validate) as (train_on, validate_on):
            trainer.fit(
                training,
                batches(
                    train_on,
                    lessons.targets,
                    batch=config.batch,
                    shuffle_seed=config.seed,
                    seldom=unvalidated,
                    share=config.unvalidated_share,
                ),
                batches(validate_on, to_validate.targets, batch=config.batch),
                ckpt_path=last if resume and last.exists() else None,
                weights_only=True,
            )
    return out / MODEL


def _task(config: TrainConfig, store: Store) -> Task:
    task = find_task(config.task, store.vocabulary)
    try:
        return replace(task, unlabelled=config.unlabelled) if config.unlabelled else task
    except ValueError as error:
        raise DatasetError(str(error)) from None


def _labelled(store: Store, task: Task, folds: tuple[int, ...]) -> Labelled:
    labelled = store.labelled(task, folds=folds)
    if not len(labelled.numbers):
        raise DatasetError(
            f"{store.folder}: folds {', '.join(map(str, folds))} hold no record for the task "
            f"{task.name!r}; there are the folds {sorted(store.records['fold'].unique())}."
        )
    return labelled


def _refuse_undefined_score(config: TrainConfig, validation: Labelled) -> None:
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
    out: Path, network: Network, store: Store, to_train: Labelled, to_validate: Labelled
) -> Iterator[tuple[Rows, Rows]]:
    """The signals, preprocessed into files for the time of the training.

    Those to validate on in full precision: their scores are then those of judging.
    """
    folder = out / PREPROCESSED
    write = partial(preprocess_once, network, store)
    try:
        yield (
            write(to_train.numbers, folder / "train.npy", dtype=np.float16),
            write(to_validate.numbers, folder / "validation.npy", dtype=np.float32),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lessons:
    """What is to be learnt of the training records.

    targets:   (records, classes and auxiliary labels).
    auxiliary: how many auxiliary labels of each kind.
    tutors:    teachers that move the targets of each batch anew; or None.
    """

    targets: NDArray[np.float32]
    auxiliary: tuple[int, ...]
    tutors: Tutors | None


def _lessons(
    config: TrainConfig, task: Task, store: Store, to_train: Labelled, pupil: NetworkConfig
) -> _Lessons:
    targets = to_train.targets
    labels: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    if config.auxiliary is not None:
        found = auxiliary_labels(store, to_train.numbers, task, at_least=config.auxiliary)
        targets = np.concatenate([targets, found.targets], axis=1)
        labels, sizes = found.labels, found.sizes
    wanted = wanted_classes(task, labels)
    teachers = [Path(path) for path in config.teachers]
    tutors = None
    if config.each_batch:
        folds = store.records["fold"].to_numpy()[to_train.numbers]
        tutors = Tutors(
            teachers,
            wanted,
            pupil,
            share=config.teacher_share,
            folds=folds if config.out_of_fold else None,
        )
    elif teachers:
        targets = taught(
            targets,
            wanted,
            teachers,
            store,
            to_train.numbers,
            share=config.teacher_share,
            out_of_fold=config.out_of_fold,
        )
    return _Lessons(targets=targets, auxiliary=sizes, tutors=tutors)


def _unvalidated(
    config: TrainConfig, store: Store, numbers: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Which of these records no person has validated; None if they count as the others do."""
    if config.unvalidated_share == 1:
        return None
    if "validated" not in store.records:
        raise DatasetError(
            f"{store.folder}: it does not say which records were validated; make it anew from a "
            "folder that does, or leave unvalidated_share at 1."
        )
    return ~store.records["validated"].iloc[numbers].fillna(True).to_numpy(bool)


def _training(
    network: Network, config: TrainConfig, *, exclusive: bool, lessons: _Lessons
) -> Training:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)  # the auxiliary head draws its weights
            return Training(
                network,
                config,
                exclusive=exclusive,
                auxiliary=lessons.auxiliary,
                tutors=lessons.tutors,
            )
    except ValueError as error:  # an augmentation that does not exist, or does not fit the rate
        raise DatasetError(str(error)) from None


def _card(network: Network, task: Task, said: Mapping[str, Any], store: Store) -> Card:
    versions = {
        "ecgcam": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "lightning": version("lightning"),
        "numpy": np.__version__,
    }
    data = {key: store.about.get(key) for key in ("source", "fingerprint", "records")}
    recipe = {**said["config"], "augmentation": said["augmentation"]}
    provenance = {"data": data, "recipe": recipe, "versions": versions}
    return make_card(network, task, provenance=provenance)


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
