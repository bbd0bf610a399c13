"""A store to batches of tensors, in an order that a seed and the epoch determine."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from .store import MICROVOLT_MV, Store

Batch = tuple[Tensor, Tensor]


class StoreBatches(Dataset[Batch]):
    """signal_mv (batch, leads, time) and targets (batch, classes), float32, of some records.

    store's records `numbers` (n,) with their targets (n, classes); indexed by a list of places
    in these, a whole batch at once.
    """

    def __init__(
        self, store: Store, numbers: NDArray[np.int64], targets: NDArray[np.float32]
    ) -> None:
        if len(numbers) != len(targets):
            raise ValueError(f"{len(numbers)} records, but {len(targets)} targets")
        self.store = store
        self.numbers = numbers
        self.targets = torch.from_numpy(np.ascontiguousarray(targets))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, places: list[int]) -> Batch:
        signal_uv = torch.from_numpy(self.store.signals_uv(self.numbers[places]))
        return signal_uv * float(MICROVOLT_MV), self.targets[places]


class BatchOrder(Sampler[list[int]]):
    """The places of each batch: in order, or shuffled anew each epoch.

    The order depends on the seed and the epoch alone, so that a run which was broken off and
    goes on at some epoch sees what an unbroken one would have.
    """

    def __init__(self, records: int, *, batch: int, shuffle_seed: int | None = None) -> None:
        self.records = records
        self.batch = batch
        self.shuffle_seed = shuffle_seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by lightning when an epoch starts."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-self.records // self.batch)

    def __iter__(self) -> Iterator[list[int]]:
        order = np.arange(self.records)
        if self.shuffle_seed is not None:
            order = np.random.default_rng([self.shuffle_seed, self.epoch]).permutation(order)
        for at in range(0, self.records, self.batch):
            yield order[at : at + self.batch].tolist()


def batches(
    store: Store,
    numbers: NDArray[np.int64],
    targets: NDArray[np.float32],
    *,
    batch: int,
    shuffle_seed: int | None = None,
) -> DataLoader[Batch]:
    """Batches of these records; shuffled if a seed is given."""
    order = BatchOrder(len(numbers), batch=batch, shuffle_seed=shuffle_seed)
    # batch_size=None: the order gives whole batches, so the dataset is indexed once for each
    return DataLoader(StoreBatches(store, numbers, targets), sampler=order, batch_size=None)
