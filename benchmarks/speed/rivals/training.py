"""PyTorch's usual way to train: a dataset of records, a DataLoader, one step a batch."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .network import PlainNetwork

Batches = DataLoader[tuple[Tensor, Tensor]]


class Records(Dataset[tuple[Tensor, Tensor]]):
    """Dataset of single records, with an augmentation of ecgmentations if there is one.

    prepared: (records, leads, time). targets: (records, 1).
    """

    def __init__(
        self,
        prepared: NDArray[np.float32],
        targets: NDArray[np.float32],
        augmentation: Any | None = None,
    ) -> None:
        self.prepared = prepared
        self.targets = targets
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.prepared)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        signal = self.prepared[place]
        if self.augmentation is not None:
            signal = np.ascontiguousarray(self.augmentation(ecg=signal.T)["ecg"].T)
        return torch.from_numpy(signal).float(), torch.from_numpy(self.targets[place])


class PlainTraining:
    """Adam at 5e-4 and binary cross-entropy, in float32."""

    def __init__(self, network: PlainNetwork) -> None:
        self.network = network
        self.loss = torch.nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.Adam(network.parameters(), lr=5e-4)

    def step(self, prepared: Tensor, targets: Tensor) -> None:
        """Run one step on a batch (batch, leads, time)."""
        self.optimizer.zero_grad()
        self.loss(self.network(prepared), targets).backward()
        self.optimizer.step()

    def epoch(self, train: Batches, validation: Batches) -> float:
        """Run a step on each batch, then return the accuracy on the validation records."""
        self.network.train()
        for batch in train:
            self.step(*batch)
        self.network.eval()
        right = seen = 0
        with torch.no_grad():
            for prepared, targets in validation:
                right += int(((self.network(prepared) > 0) == (targets > 0.5)).sum())
                seen += len(targets)
        return right / seen
