"""Teachers that judge each batch as the pupil sees it: the same crop, the same augmentation.

What a model says of a record once is one number more to learn. What it says of every cut and every
change of it is the function that it has become, and a small network can learn that of several
large ones (Beyer et al. 2022, "Knowledge distillation: a good teacher is patient and consistent").
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from .errors import DatasetError
from .folded import folded
from .labels import Task
from .modelfile import load_network
from .network import Network, NetworkConfig
from .teachers import known_classes


class Tutors:
    """Targets of a batch moved to what the teachers say of it, by `share`, as teachers.py has it.

    members: the labels that make each class of the targets. pupil: the network that learns; it
    shares its preprocessed signals with the teachers.
    Raises DatasetError for a teacher that knows none of the classes, or takes other signals.
    """

    def __init__(
        self,
        teachers: Sequence[Path],
        members: Sequence[tuple[str, ...]],
        pupil: NetworkConfig,
        *,
        share: float,
    ) -> None:
        self.share = share
        self._tutors = [_Tutor(path, members, pupil) for path in teachers]

    @torch.no_grad()
    def teach(self, prepared: Tensor, targets: Tensor) -> Tensor:
        """Targets (batch, classes) for preprocessed signals (batch, leads, time)."""
        total, count = torch.zeros_like(targets), targets.new_zeros(targets.shape[1])
        for tutor in self._tutors:
            total[:, tutor.columns] += tutor.probabilities(prepared)
            count[tutor.columns] += 1
        mean = total / count.clamp(min=1)
        return torch.where(count > 0, targets + self.share * (mean - targets), targets)


class _Tutor:
    """One teacher. columns: where in the targets the classes stand that both know."""

    def __init__(
        self, path: Path, members: Sequence[tuple[str, ...]], pupil: NetworkConfig
    ) -> None:
        network, card = load_network(path)
        _refuse_other_signals(path, network.config, pupil)
        self._task = Task.from_dict(card["task"])
        places = known_classes(path, self._task, members)
        self._shared, self.columns = list(places), list(places.values())
        self._network: Network = folded(network)
        self._temperature: float = card["temperature"]

    def probabilities(self, prepared: Tensor) -> Tensor:
        """(batch, columns)."""
        logits = self._network.to(prepared.device).logits(prepared).float() / self._temperature
        said = logits.softmax(-1) if self._task.exclusive else logits.sigmoid()
        return said[:, self._shared]


def _refuse_other_signals(path: Path, teacher: NetworkConfig, pupil: NetworkConfig) -> None:
    """One preprocessing serves them all."""
    for what in ("leads", "rate_hz", "preprocess"):
        theirs, ours = getattr(teacher, what), getattr(pupil, what)
        if theirs != ours:
            raise DatasetError(
                f"{path}: this teacher's {what} is {theirs}, the pupil's {ours}; needed: the same."
            )
