"""Teachers that judge each batch as the pupil sees it: the same crop, the same augmentation.

What a model says of a record once is one number more to learn. What it says of every cut and every
change of it is the function that it has become, and a small network can learn that of several
large ones (Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and consistent").
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import ModelError
from ..inference.modelfile import load_network
from ..nn.fuse import fuse_norms
from ..nn.network import Network, NetworkConfig
from ..tasks import Task
from .class_mapping import Wanted, moved, translations
from .teachers import unseen


class Tutors:
    """Targets of a batch moved to what the teachers say of it, by `share`, as teachers.py has it.

    wanted: what each class of the targets is. pupil: the network that learns; it shares its
    preprocessed signals with the teachers. folds: (records,), of those to train on, if no teacher
    may speak of a fold that it has learned from; each record then costs the few that may.
    Raises DatasetError for a teacher that does not know the classes (translate.py), or has learned
    from every fold or does not say from which, ModelError for one that takes other signals.
    """

    def __init__(
        self,
        teachers: Sequence[Path],
        wanted: Sequence[Wanted],
        pupil: NetworkConfig,
        *,
        share: float,
        folds: NDArray[np.int64] | None = None,
    ) -> None:
        self.share = share
        self._tutors = [_Tutor(path, wanted, pupil, folds) for path in teachers]

    @torch.no_grad()
    def teach(self, prepared: Tensor, targets: Tensor, places: Tensor) -> Tensor:
        """Targets (batch, classes) for preprocessed signals (batch, leads, time).

        places: (batch,), which of the records to train on they are.
        """
        total, count = torch.zeros_like(targets), torch.zeros_like(targets)
        places = places.cpu()  # once for all: a GPU first does all that it was told
        for tutor in self._tutors:
            rows = tutor.may_judge(places, prepared.device)
            said = tutor.probabilities(prepared[rows])
            for one in tutor.known:
                total[rows, one.place] += one.probability(said)
                count[rows, one.place] += 1
        towards: Tensor = moved(targets, total, count, self.share)
        return towards


class _Tutor:
    """One teacher. known: how the classes to be learnt are put together from its own."""

    def __init__(
        self,
        path: Path,
        wanted: Sequence[Wanted],
        pupil: NetworkConfig,
        folds: NDArray[np.int64] | None,
    ) -> None:
        network, card = load_network(path)
        _refuse_other_signals(path, network.config, pupil)
        self._task = Task.from_dict(card["task"])
        self.known = translations(path, self._task, wanted)
        self._unseen = None if folds is None else torch.from_numpy(unseen(path, card, folds))
        self._network: Network = fuse_norms(network)
        self._temperature: float = card["temperature"]

    def may_judge(self, places: Tensor, device: torch.device) -> Tensor | slice:
        """Which rows of a batch of these records, whose signals are on this device."""
        if self._unseen is None:
            return slice(None)
        return self._unseen[places].nonzero()[:, 0].to(device)

    def probabilities(self, prepared: Tensor) -> Tensor:
        """Of its own classes, (batch, classes)."""
        logits = self._network.to(prepared.device).logits(prepared).float() / self._temperature
        return logits.softmax(-1) if self._task.exclusive else logits.sigmoid()


def _refuse_other_signals(path: Path, teacher: NetworkConfig, pupil: NetworkConfig) -> None:
    """One preprocessing serves them all."""
    for what in ("leads", "rate_hz", "preprocess"):
        theirs, ours = getattr(teacher, what), getattr(pupil, what)
        if theirs != ours:
            raise ModelError(
                f"{path}: this teacher's {what} is {theirs}, the pupil's {ours}; needed: the same."
            )
