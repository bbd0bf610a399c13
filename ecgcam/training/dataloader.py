"""A store to batches of preprocessed signals, in an order that a seed and the epoch determine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ..data.store import Store
from ..files import atomic_write
from ..nn.network import Network, evaluating
from ..signals.leads import lead_order

_TOGETHER = 32  # records preprocessed together: 1.5 MB, which stay in a processor's cache


class Batch(NamedTuple):
    """signal (batch, leads, time); targets (batch, classes); places (batch,), which records."""

    signal: Tensor
    targets: Tensor
    places: Tensor


class PreprocessedBatches(Dataset[Batch]):
    """Batches of n records.

    signals: their preprocessed signals, (n, leads, time). targets: (n, classes), float32.
    Indexed by a list of places in these, a whole batch at once.
    """

    def __init__(self, signals: NDArray[Any], targets: NDArray[np.float32]) -> None:
        if len(signals) != len(targets):
            raise ValueError(f"{len(signals)} records, but {len(targets)} targets")
        self.signals = signals
        self.targets = torch.from_numpy(np.ascontiguousarray(targets))

    def __len__(self) -> int:
        return len(self.signals)

    def __getitem__(self, places: list[int]) -> Batch:
        where = torch.tensor(places)
        return Batch(torch.from_numpy(self.signals[places]), self.targets[where], where)


class BatchOrder(Sampler[list[int]]):
    """The places of each batch: in order, or shuffled anew each epoch.

    The order depends on the seed and the epoch alone, so that a run which was broken off and
    goes on at some epoch sees what an unbroken one would have.
    """

    def __init__(
        self,
        records: int,
        *,
        batch: int,
        shuffle_seed: int | None = None,
        seldom: NDArray[np.bool_] | None = None,
        share: float = 1.0,
    ) -> None:
        """seldom: (records,), those of which only a share comes in an epoch, by chance.

        Raises ValueError for such records without a seed to draw them by.
        """
        self.batch = batch
        self.shuffle_seed = shuffle_seed
        self.epoch = 0
        rare = np.zeros(records, bool) if seldom is None or share == 1 else seldom
        if rare.any() and shuffle_seed is None:
            raise ValueError("records that come seldom are drawn by chance; needed: a shuffle_seed")
        self._always, self._seldom = np.flatnonzero(~rare), np.flatnonzero(rare)
        self._some = round(share * len(self._seldom))

    def set_epoch(self, epoch: int) -> None:
        """Called by lightning when an epoch starts."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-(len(self._always) + self._some) // self.batch)

    def __iter__(self) -> Iterator[list[int]]:
        order = self._always
        if self.shuffle_seed is not None:
            rng = np.random.default_rng([self.shuffle_seed, self.epoch])
            if self._some:
                some = rng.choice(self._seldom, self._some, replace=False)
                order = np.concatenate([order, some])
            order = rng.permutation(order)
        for at in range(0, len(order), self.batch):
            yield order[at : at + self.batch].tolist()


def batches(
    signals: NDArray[Any],
    targets: NDArray[np.float32],
    *,
    batch: int,
    shuffle_seed: int | None = None,
    seldom: NDArray[np.bool_] | None = None,
    share: float = 1.0,
) -> DataLoader[Batch]:
    """Batches of these records; shuffled if a seed is given. seldom, share: see BatchOrder."""
    order = BatchOrder(
        len(signals), batch=batch, shuffle_seed=shuffle_seed, seldom=seldom, share=share
    )
    # batch_size=None: the order gives whole batches, so the dataset is indexed once for each
    return DataLoader(PreprocessedBatches(signals, targets), sampler=order, batch_size=None)


def preprocess_once(
    network: Network,
    store: Store,
    indices: NDArray[np.int64],
    path: Path,
    *,
    dtype: DTypeLike = np.float32,
) -> NDArray[Any]:
    """Write the signals of these records, preprocessed as the network does it, to an .npy file.

    Preprocessing draws on no chance, so that once will do for all epochs. In float16 they take
    no more room than in the store, and an ECG of amplitude 1 is rounded by less than 0.0005.
    Returns (records, leads, time).
    """
    leads = lead_order(store.leads, network.config.leads)
    largest = float(np.finfo(dtype).max)

    shape = (len(indices), len(leads), store.samples)
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with evaluating(network), atomic_write(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for at in range(0, len(indices), _TOGETHER):
            signal_mv = store.signals_mv(indices[at : at + _TOGETHER])[:, leads]
            prepared: Tensor = network.preprocess(torch.from_numpy(signal_mv))
            file.write(prepared.clamp_(-largest, largest).numpy().astype(dtype).tobytes())
    return np.asarray(np.load(path, mmap_mode="r"))
