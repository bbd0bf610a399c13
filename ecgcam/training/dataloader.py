"""Batches of preprocessed signals, in an order that depends only on the seed and the epoch."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ..data.store import LabelledRecords, Store
from ..nn.network import Network, evaluating
from ..signals.leads import lead_order
from .config import TrainConfig
from .targets import TrainingTargets

_BLOCK = 32  # records preprocessed together: 1.5 MB, which fit into a CPU's cache


class Batch(NamedTuple):
    """signal (batch, leads, time); targets (batch, classes); indices (batch,) of the records."""

    signal: Tensor
    targets: Tensor
    indices: Tensor


class PreprocessedRecords(Dataset[Batch]):
    """Preprocessed signals (n, leads, time) with targets (n, classes).

    Indexed by a list of record indices, it returns a whole batch.
    """

    def __init__(self, signals: NDArray[Any], targets: NDArray[np.float32]) -> None:
        if len(signals) != len(targets):
            raise ValueError(f"{len(signals)} records, but {len(targets)} targets")
        self.signals = signals
        self.targets = torch.from_numpy(np.ascontiguousarray(targets))

    def __len__(self) -> int:
        return len(self.signals)

    def __getitem__(self, indices: list[int]) -> Batch:
        selected = torch.tensor(indices)
        signal = torch.from_numpy(np.asarray(self.signals[indices]))
        return Batch(signal, self.targets[selected], selected)


class BatchOrder(Sampler[list[int]]):
    """The record indices of each batch: in order, or shuffled differently in each epoch.

    The order depends only on the seed and the epoch, so a resumed run continues as an
    uninterrupted run would.
    """

    def __init__(
        self,
        records: int,
        *,
        batch: int,
        shuffle_seed: int | None = None,
        subsampled: NDArray[np.bool_] | None = None,
        fraction: float = 1.0,
    ) -> None:
        """Set up the order.

        subsampled: (records,), of which an epoch has a random `fraction`. Raises ValueError if
        there are any, but no shuffle_seed to draw them with.
        """
        self.batch = batch
        self.shuffle_seed = shuffle_seed
        self.epoch = 0
        some = np.zeros(records, bool) if subsampled is None or fraction == 1 else subsampled
        if some.any() and shuffle_seed is None:
            raise ValueError("subsampled records are drawn at random; expected a shuffle_seed")
        self._always, self._subsampled = np.flatnonzero(~some), np.flatnonzero(some)
        self._draws = round(fraction * len(self._subsampled))

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; lightning calls this when an epoch starts."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-(len(self._always) + self._draws) // self.batch)

    def __iter__(self) -> Iterator[list[int]]:
        order = self._always
        if self.shuffle_seed is not None:
            rng = np.random.default_rng([self.shuffle_seed, self.epoch])
            if self._draws:
                drawn = rng.choice(self._subsampled, self._draws, replace=False)
                order = np.concatenate([order, drawn])
            order = rng.permutation(order)
        for start in range(0, len(order), self.batch):
            yield order[start : start + self.batch].tolist()


@contextmanager
def preprocessed_batches(
    folder: Path,
    network: Network,
    store: Store,
    config: TrainConfig,
    records: LabelledRecords,
    targets: TrainingTargets,
    validation: LabelledRecords,
) -> Iterator[tuple[DataLoader[Batch], DataLoader[Batch]]]:
    """Preprocess the signals into files, yield the loaders for training and validation, clean up.

    The validation signals keep full precision, so their scores are those of inference.
    """
    write = partial(preprocess_once, network, store)
    batch = config.optimizer.batch
    order = BatchOrder(
        len(records.indices),
        batch=batch,
        shuffle_seed=config.seed,
        subsampled=targets.subsampled,
        fraction=config.data.unvalidated_fraction,
    )
    try:
        signals = write(records.indices, folder / "train.npy", dtype=np.float16)
        validation_signals = write(validation.indices, folder / "validation.npy")
        yield (
            make_loader(signals, targets.targets, order),
            make_loader(
                validation_signals,
                validation.targets,
                BatchOrder(len(validation_signals), batch=batch),
            ),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_loader(
    signals: NDArray[Any], targets: NDArray[np.float32], order: BatchOrder
) -> DataLoader[Batch]:
    """Return a loader of these records' batches in this order."""
    # batch_size=None: the order yields whole batches, so the dataset is indexed once for each
    return DataLoader(PreprocessedRecords(signals, targets), sampler=order, batch_size=None)


def preprocess_once(
    network: Network,
    store: Store,
    indices: NDArray[np.int64],
    path: Path,
    *,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Write these records' preprocessed signals to an .npy file and return it memory-mapped.

    Preprocessing is deterministic, so once serves all epochs. float16 takes as much space as the
    store, and rounds an ECG of amplitude 1 by less than 0.0005.
    Returns (records, leads, time).
    """
    leads = lead_order(store.leads, network.config.leads)
    largest = float(np.finfo(dtype).max)
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (len(indices), len(leads), store.samples)
    prepared = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    with evaluating(network):
        for start in range(0, len(indices), _BLOCK):
            signal_mv = store.signals_mv(indices[start : start + _BLOCK])[:, leads]
            signal: Tensor = network.preprocess(torch.from_numpy(signal_mv))
            prepared[start : start + _BLOCK] = signal.clamp_(-largest, largest).numpy()
    return prepared
