"""Faithfulness: does the decision fall when what a map marks is removed, and rise when it is shown?

Windows of 8 samples are ranked by a map. Deletion flattens them from the highest on and averages
the probability of the class; the lower, the better. Insertion shows them from the highest on, on a
flat record; the higher, the better. Masks act on the preprocessed signal. Samek et al. 2017,
"Evaluating the visualization of what a deep neural network has learned".

F compares a map with a reference: F = (map - random) / (reference - random); 0 is chance, 1 is as
good as the reference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..nn.network import Network
from .attributions import Attribution, random_map, window_means
from .figures import Floats, Statistic, mean_of

WINDOW = 8  # samples
FRACTIONS = np.linspace(0, 1, 21)  # of the windows
RANDOM_SEEDS = range(5)
KINDS = ("deletion", "insertion")

_BLOCK = 32  # records at a time: the fastest on one core


@dataclass(frozen=True, kw_only=True, eq=False)
class Areas:
    """Area under the curve of deletion and insertion for each record: (records,), from 0 to 1."""

    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]


def faithfulness(
    network: Network,
    prepared: Tensor,
    k: int,
    maps: Mapping[str, Attribution],
    *,
    sign: int = 1,
    leads: int = 1,
) -> dict[str, Areas]:
    """Return the areas of each map, and of "random", for these records and the class k.

    prepared: (records, leads, samples), preprocessed. sign: 1 towards the class, -1 away from it:
    then the maps are turned around, and the probability is that of "not the class". leads: number
    of leads, to remove windows lead by lead; 1: all leads together.
    """
    areas = {}
    for name, map_of in maps.items():
        values = torch.cat([map_of(network, part, k) for part in torch.split(prepared, _BLOCK)])
        areas[name] = curve_areas(network, prepared, k, sign * values, sign)
    chance = []
    for seed in RANDOM_SEEDS:
        values = random_map(seed)(network, prepared.repeat(leads, 1, 1), k)
        values = values.reshape(leads, len(prepared), -1).transpose(0, 1)
        chance.append(curve_areas(network, prepared, k, values, sign))
    areas["random"] = Areas(
        deletion=np.mean([area.deletion for area in chance], axis=0),
        insertion=np.mean([area.insertion for area in chance], axis=0),
    )
    return areas


def relative_area(
    areas: Mapping[str, Areas], name: str, kind: str, references: Sequence[str]
) -> Statistic:
    """Return F of a map, by deletion or insertion, against the best of the references."""
    random, own, *others = (
        mean_of(getattr(areas[map_name], kind)) for map_name in ("random", name, *references)
    )
    best = np.minimum if kind == "deletion" else np.maximum

    def compare(counts: Floats) -> Floats:
        chance = random(counts)
        reference = best.reduce([other(counts) for other in others])
        return (own(counts) - chance) / (reference - chance)

    return compare


def curve_areas(network: Network, prepared: Tensor, k: int, values: Tensor, sign: int) -> Areas:
    """Return the areas of a map (records, parts, samples) by deletion and insertion."""
    ranks = _ranks(window_means(values, width=WINDOW))
    count = ranks[0].numel()
    deletion, insertion = [], []
    for fraction in FRACTIONS:
        marked = (ranks < round(float(fraction) * count)).repeat_interleave(WINDOW, dim=-1)
        marked = marked[..., : prepared.shape[-1]]
        deletion.append(_probabilities(network, prepared, ~marked, k, sign))
        insertion.append(_probabilities(network, prepared, marked, k, sign))
    return Areas(deletion=_area(deletion), insertion=_area(insertion))


def _ranks(scores: Tensor) -> Tensor:
    """Return the rank of each window of a record, 0 for the highest: (records, parts, windows)."""
    order = scores.flatten(1).argsort(dim=1, descending=True, stable=True)
    ranks = torch.empty_like(order)
    ranks.scatter_(1, order, torch.arange(order.shape[1]).expand_as(order))
    return ranks.view_as(scores)


def _probabilities(
    network: Network, prepared: Tensor, shown: Tensor, k: int, sign: int
) -> NDArray[np.float64]:
    with torch.inference_mode():
        blocks = zip(torch.split(prepared, _BLOCK), torch.split(shown, _BLOCK), strict=True)
        logits = torch.cat([network.logits(part * mask)[:, k] for part, mask in blocks])
    return (sign * logits).double().sigmoid().numpy()


def _area(curve: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the area of each record by trapezoids of equal width."""
    return np.asarray(np.mean([(left + right) / 2 for left, right in pairwise(curve)], axis=0))
