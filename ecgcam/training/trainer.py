"""Training: a store to a run, the folder that run_folder.py describes.

An epoch's batches and their augmentation depend only on the seed, the epoch and the batch's
position, so a resumed run ends with the same result as an uninterrupted one.
"""

import platform
import signal
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader

from .. import __version__
from ..data.store import LabelledRecords, Store
from ..errors import DatasetError, RecordError
from ..evaluation.leakage import digest_tables, teacher_provenance, training_data
from ..inference.card import FITTED_HEAD, Card, make_card
from ..inference.modelfile import load_network, read_card, save_model
from ..inference.zoo import find_model
from ..nn.allocation import keep_freed_memory
from ..nn.network import Network, NetworkConfig, evaluating
from ..nn.preprocess import PreprocessConfig
from ..processes import Progress
from ..signals.leads import lead_order
from ..tasks import Task
from .callbacks import OnEpoch, Patience, RunFiles
from .classification_loss import ClassificationLoss, class_frequency, class_weights
from .config import PRECISIONS, TrainConfig, resolve_precision
from .dataloader import Batch, preprocessed_batches
from .head_fit import fit_head
from .lightning_module import TrainingModule
from .run_folder import (
    LAST,
    MODEL,
    PREPROCESSED,
    TENSORBOARD,
    check_new_run,
    check_same_inputs,
    read_config,
    run_inputs,
    write_settings,
)
from .targets import TrainingTargets, training_targets
from .training_labels import class_titles, training_task
from .validation import validation_score


def train(
    store: Store,
    out: Path,
    config: TrainConfig | None = None,
    *,
    resume: bool = False,
    progress_bar: bool = False,
    on_epoch: OnEpoch | None = None,
    on_measured: Progress | None = None,
    on_head: Progress | None = None,
) -> Path:
    """Train a network on a store and return the path of the model.

    config: the paper's recipe by default. out: a new folder; with `resume` the folder of an
    interrupted run, which continues with its own config. on_epoch: called with each new row of
    metrics.csv and the best epoch so far. on_measured, on_head: called with the number of training
    records done, and of all: measured for auxiliary labels, and seen by the fit of the head.
    Raises DatasetError if the folder, the store or the config do not fit, ModelError for a backbone
    or teacher that cannot be used, both before anything is written; TrainingFailedError if
    the loss is not finite or the first epochs are no better than chance (validation.py).
    """
    config = _config_of(out, config, resume=resume)
    keep_freed_memory()
    task = training_task(config, store)
    records = store.require_labelled(task, folds=config.data.train_folds)
    validation = store.require_labelled(task, folds=config.data.validation_folds)
    _check_score_is_defined(config, validation)
    network = _network(config, task, store)
    teachers = [find_model(path_or_name) for path_or_name in config.distillation.teachers]
    targets = training_targets(
        config, task, store, records,
        student=network.config, teachers=teachers, on_measured=on_measured,
    )  # fmt: skip
    loss = _loss(config, task, records, validation)
    training = _training_module(network, config, loss, targets=targets)
    inputs = run_inputs(task, store, teachers=teachers, subsampled=targets.subsampled)
    if resume:
        check_same_inputs(out, inputs)
    else:
        write_settings(out, config, inputs)
    card = _card(training, task, store, teachers)
    files = RunFiles(
        out,
        score=config.score,
        card=card,
        keep_last=config.additivity.starts_late,
        on_epoch=on_epoch,
    )
    trainer = _trainer(out, config, files, progress_bar=progress_bar)
    with preprocessed_batches(
        out / PREPROCESSED, network, store, config, records, targets, validation
    ) as loaders:
        _fit(trainer, training, *loaders, last=out / LAST)
        if config.head.fit:
            _fit_head(out / MODEL, training, store, records, loaders[1], progress=on_head)
    return out / MODEL


def _config_of(out: Path, config: TrainConfig | None, *, resume: bool) -> TrainConfig:
    """Return the config to train by, with its precision resolved; DatasetError for a bad folder."""
    if resume:
        config = read_config(out)
    else:
        check_new_run(out)
    config = config or TrainConfig()
    precision = resolve_precision(config.optimizer.precision)
    return replace(config, optimizer=replace(config.optimizer, precision=precision))


def _check_score_is_defined(config: TrainConfig, validation: LabelledRecords) -> None:
    """Raise DatasetError if no epoch could be chosen, as by AUROC where all records are alike."""
    targets = validation.targets
    if np.isnan(validation_score(config.score, targets, targets)):
        raise DatasetError(
            f"the score {config.score!r} is not defined on the validation folds "
            f"{', '.join(map(str, config.data.validation_folds))}: for each class, all of their "
            f"{len(targets)} records are positive or all are negative."
        )


def _network(config: TrainConfig, task: Task, store: Store) -> Network:
    """Build the network, with weights drawn from the seed."""
    form = NetworkConfig(
        classes=len(task.classes),
        backbone=config.network.backbone,
        backbone_config=config.network.arguments,
        preprocess=PreprocessConfig(**asdict(config.preprocessing)),
        leads=_leads(config, store),
        rate_hz=store.rate_hz,
        duration_s=store.samples / store.rate_hz,
    )
    with torch.random.fork_rng(devices=[]):  # leaves the global generator as it was
        torch.manual_seed(config.seed)
        try:
            return Network(form)
        except ValueError as error:  # a polynomial of a higher degree than there are samples
            raise DatasetError(f"{store.folder}: {error}") from None


def _loss(
    config: TrainConfig, task: Task, records: LabelledRecords, validation: LabelledRecords
) -> ClassificationLoss:
    """Return the loss of the task's classes; DatasetError for weights that do not fit them."""
    weights = class_weights(
        config.loss, records.targets, classes=task.classes, exclusive=task.exclusive
    )
    partial = any(np.isnan(part.targets).any() for part in (records, validation))
    return ClassificationLoss(exclusive=task.exclusive, weights=weights, partial=partial)


def _leads(config: TrainConfig, store: Store) -> tuple[str, ...]:
    """Return the network's leads; DatasetError if the store lacks some."""
    leads = config.network.leads or store.leads
    try:
        lead_order(store.leads, leads)
    except RecordError as error:
        raise DatasetError(f"{store.folder}: {error}") from None
    return leads


def _training_module(
    network: Network, config: TrainConfig, loss: ClassificationLoss, *, targets: TrainingTargets
) -> TrainingModule:
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)  # for the weights of the auxiliary head
            return TrainingModule(
                network,
                config,
                exclusive=loss.exclusive,
                loss=loss,
                auxiliary_sizes=targets.auxiliary_sizes,
                online=targets.online,
                frequency=torch.from_numpy(
                    class_frequency(targets.targets[:, : network.config.classes])
                ),
            )
    except ValueError as error:  # an invalid augmentation or crop
        raise DatasetError(str(error)) from error


def _card(training: TrainingModule, task: Task, store: Store, teachers: Sequence[Path]) -> Card:
    """Return the card of the model, with the digests by which its training data is recognized."""
    teacher_cards = [read_card(path) for path in teachers]
    versions = {
        "ecgcam": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "lightning": version("lightning"),
        "numpy": np.__version__,
    }
    steps = {"augmentation": training.augment.to_list(), "disturbances": training.disturb.to_list()}
    provenance = {
        "data": training_data(store),
        "teacher_provenance": teacher_provenance(teacher_cards),
        "recipe": {**asdict(training.config), **steps},
        "versions": versions,
    }
    titles = class_titles(task, store)
    card = make_card(training.network, task, provenance=provenance, class_titles=titles)
    return card | {"fold_digests": digest_tables(store, teacher_cards)}


def _trainer(out: Path, config: TrainConfig, files: RunFiles, *, progress_bar: bool) -> pl.Trainer:
    callbacks: list[Callback] = [
        files,
        ModelCheckpoint(out, filename=Path(LAST).stem, enable_version_counter=False),
    ]
    if config.optimizer.patience is not None:
        score = f"val_{config.score}"
        callbacks.append(Patience(score, mode="max", patience=config.optimizer.patience))
    return pl.Trainer(
        max_epochs=config.optimizer.epochs,
        devices=1,
        precision=PRECISIONS[config.optimizer.precision],
        callbacks=callbacks,
        logger=TensorBoardLogger(out, name=TENSORBOARD, version=""),
        enable_progress_bar=progress_bar,
        default_root_dir=out,
        enable_model_summary=False,
        log_every_n_steps=1,
        num_sanity_val_steps=0,
    )


def _fit(
    trainer: pl.Trainer,
    training: TrainingModule,
    train_loader: DataLoader[Batch],
    validation_loader: DataLoader[Batch],
    *,
    last: Path,
) -> None:
    """Train, resuming from the checkpoint `last` if it exists.

    Lightning turns a KeyboardInterrupt into a SystemExit and then ignores further ones; both are
    restored here, as is the global generator.
    """
    handler = signal.getsignal(signal.SIGINT)
    checkpoint = last if last.exists() else None
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")  # more would only copy
        warnings.filterwarnings("ignore", ".*treespec.*")  # lightning's own use of torch
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")  # intended: resuming
        warnings.filterwarnings("ignore", ".*dirpath has changed.*")  # a run may be moved
        try:
            trainer.fit(
                training, train_loader, validation_loader, ckpt_path=checkpoint, weights_only=True
            )
        except SystemExit as error:
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise
            signal.signal(signal.SIGINT, handler)
            raise KeyboardInterrupt from None


def _fit_head(
    model: Path,
    training: TrainingModule,
    store: Store,
    records: LabelledRecords,
    validation_loader: DataLoader[Batch],
    *,
    progress: Progress | None,
) -> None:
    """Fit the head of the trained model and write it, with its score, unless that was done."""
    config = training.config
    network, card = load_network(model, backbone=config.network.backbone)
    if FITTED_HEAD in card["provenance"]:
        return
    fit_head(
        network, store, records, config,
        loss=training.loss, additivity=training.additivity, progress=progress,
    )  # fmt: skip
    value = _score(network, validation_loader, config.score, exclusive=training.exclusive)
    fitted = {"score": f"val_{config.score}", "value": value}
    provenance = {**card["provenance"], FITTED_HEAD: fitted}
    save_model(model, network, {**card, "provenance": provenance})


def _score(network: Network, loader: DataLoader[Batch], score: str, *, exclusive: bool) -> float:
    with evaluating(network):
        batches = [(network.logits(batch.signal.float()), batch.targets) for batch in loader]
    logits, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    probabilities = logits.softmax(-1) if exclusive else logits.sigmoid()
    return validation_score(score, targets.numpy(), probabilities.numpy())
