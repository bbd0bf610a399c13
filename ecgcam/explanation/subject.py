"""The subject of a scorecard: a model, the records of a fold, and the maps to compare."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.store import Store
from ..errors import DatasetError
from ..inference.card import Card
from ..inference.classifier import to_probabilities
from ..nn.complexity import frames_of, receptive_field
from ..nn.fuse import fuse_norms
from ..nn.network import Network
from ..signals.leads import lead_order
from ..tasks import Task
from .attributions import (
    LEAD_MAPS,
    MAPS,
    Attribution,
    lead_evidence_map,
    random_map,
)
from .figures import EVIDENCE, Counts, draw_counts

BATCH = 32  # records at a time: the fastest on one core
MOST_RECORDS = 5000  # of a fold, the first by id
FEW_CLASSES = 5  # with more, each class has fewer records
_QUICK_MAPS = (EVIDENCE, "integrated gradients")


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured: the full scorecard by default.

    records: for each class, to remove windows from. sample: for the maps alone. draws: of random
    weights. hearts: synthetic hearts for each disorder. maps: which ones.
    """

    records: int = 200
    sample: int = 100
    draws: int = 3
    hearts: int = 20
    maps: tuple[str, ...] = tuple(MAPS)


QUICK = Effort(records=30, sample=16, draws=1, hearts=2, maps=_QUICK_MAPS)


def choose_effort(*, quick: bool, classes: int, hearts: int | None = None) -> Effort:
    """Return the effort; with many classes each has fewer records, at least 20.

    hearts: in place of those of the effort.
    """
    effort = QUICK if quick else Effort()
    if hearts is not None:
        effort = replace(effort, hearts=hearts)
    if classes <= FEW_CLASSES:
        return effort
    records, sample = (
        min(most, max(FEW_CLASSES * most // classes, 20))
        for most in (effort.records, effort.sample)
    )
    return replace(effort, records=records, sample=sample)


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """A model and the labelled records of a fold, in the order of their ids.

    trained:  the network as it was trained; network: with its norms fused, which is faster.
    indices:  (n,) in the store. prepared: (n, leads, samples), preprocessed.
    targets:  (n, classes), NaN where unknown. logits: (n, classes).
    """

    trained: Network
    network: Network
    card: Card
    task: Task
    store: Store
    fold: int
    indices: NDArray[np.int64]
    prepared: Tensor
    targets: NDArray[np.float32]
    logits: NDArray[np.float32]
    effort: Effort

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the model."""
        return self.task.classes

    @property
    def one_class(self) -> bool:
        """Whether the model answers one question with yes or no."""
        return len(self.classes) == 1

    @cached_property
    def maps(self) -> dict[str, Attribution]:
        """The maps over time to compare, without the random one."""
        return {name: MAPS[name] for name in self.effort.maps}

    @cached_property
    def lead_maps(self) -> dict[str, Attribution]:
        """The maps by lead to compare; that of the model is missing if it mixes leads."""
        own = {EVIDENCE: lead_evidence_map} if self.network.leads_apart else {}
        return own | {name: LEAD_MAPS[name] for name in self.effort.maps if name in LEAD_MAPS}

    @cached_property
    def frames(self) -> dict[str, Any]:
        """Where the frames lie: `count`, `first_s`, `step_s`."""
        return frames_of(self.network)

    @cached_property
    def field_s(self) -> float:
        """The time that one frame sees."""
        return receptive_field(self.network) / self.network.config.rate_hz

    def decide(self, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return the answers to logits (n, classes) at the model's own thresholds."""
        if self.task.exclusive:
            return logits.argmax(axis=1)[:, None] == np.arange(len(self.classes))
        probabilities = to_probabilities(
            logits, temperature=self.card["temperature"], exclusive=False
        )
        return probabilities >= np.array(self.card["thresholds"], np.float32)

    def signals_mv(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Read records as recorded, with the model's leads: (records, leads, samples)."""
        leads = lead_order(self.store.leads, self.network.config.leads)
        return self.store.signals_mv(self.indices[rows])[:, leads]

    def counts(self, rows: NDArray[np.integer[Any]]) -> Counts:
        """Draw bootstrap replicates of some records, over their patients."""
        return draw_counts(self.store.records["patient"].to_numpy()[self.indices[rows]])


def make_subject(
    network: Network, card: Card, store: Store, *, fold: int, effort: Effort
) -> Subject:
    """Preprocess and predict the records of a fold, at most 5,000, the first by id."""
    config, task = network.config, Task.from_dict(card["task"])
    if (store.rate_hz, store.samples) != (config.rate_hz, config.samples):
        raise DatasetError(
            f"{store.folder}: {store.samples} samples at {store.rate_hz:g} Hz; expected "
            f"{config.samples} at {config.rate_hz:g} Hz, as the model takes them. Prepare it again."
        )
    labelled = store.require_labelled(task.adapt_to(store.vocabulary), folds=[fold])
    order = np.argsort(store.records["id"].to_numpy()[labelled.indices])[:MOST_RECORDS]
    indices, fused = labelled.indices[order], fuse_norms(network)
    rows = lead_order(store.leads, config.leads)
    prepared = prepare(fused, store.signals_mv(indices)[:, rows])
    return Subject(
        trained=network, network=fused, card=card, task=task, store=store, fold=fold,
        indices=indices, prepared=prepared, targets=labelled.targets[order],
        logits=predict(fused, prepared), effort=effort,
    )  # fmt: skip


def prepare(network: Network, signals_mv: NDArray[np.float32]) -> Tensor:
    """Preprocess signals (records, leads, samples) in mV."""
    with torch.inference_mode():
        parts = torch.split(torch.from_numpy(signals_mv), BATCH)
        return torch.cat([network.preprocess(part) for part in parts])


def predict(network: Network, prepared: Tensor) -> NDArray[np.float32]:
    """Return the logits of preprocessed records: (records, classes)."""
    with torch.inference_mode():
        return torch.cat([network.logits(part) for part in torch.split(prepared, BATCH)]).numpy()


def compute_maps(
    maps: Mapping[str, Attribution], network: Network, prepared: Tensor, k: int, *, seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    """Return each map of class k, (records, parts, samples), and a random one of as many parts.

    seed: of the random one.
    """
    values = {
        name: torch.cat([map_of(network, part, k) for part in torch.split(prepared, BATCH)]).numpy()
        for name, map_of in maps.items()
    }
    parts = max((value.shape[1] for value in values.values()), default=1)
    every = prepared[:, :1].expand(-1, parts, -1).reshape(-1, 1, prepared.shape[-1])
    random = random_map(seed)(network, every, k).reshape(len(prepared), parts, -1)
    return values | {"random": random.numpy()}
