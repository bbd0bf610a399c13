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
from torch import Tensor

from ..nn.network import Network
from .attributions import Attribution, random_map, window_means

WINDOW = 8  # samples
FRACTIONS = np.linspace(0, 1, 21)  # of the windows
RANDOM_SEEDS = range(5)

_BLOCK = 200  # records predicted at a time


@dataclass(frozen=True, kw_only=True)
class Areas:
    """Mean areas under the curves of deletion and insertion, from 0 to 1."""

    deletion: float
    insertion: float


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
    areas = {
        name: curve_areas(network, prepared, k, sign * map_of(network, prepared, k), sign)
        for name, map_of in maps.items()
    }
    chance = []
    for seed in RANDOM_SEEDS:
        values = random_map(seed)(network, prepared.repeat(leads, 1, 1), k)
        values = values.reshape(leads, len(prepared), -1).transpose(0, 1)
        chance.append(curve_areas(network, prepared, k, values, sign))
    areas["random"] = Areas(
        deletion=float(np.mean([area.deletion for area in chance])),
        insertion=float(np.mean([area.insertion for area in chance])),
    )
    return areas


def compare_areas(areas: Mapping[str, Areas], name: str, references: Sequence[str]) -> Areas:
    """Return F of a map for deletion and insertion, against the best of the references in each."""
    random = areas["random"]
    deletion = min(areas[reference].deletion for reference in references)
    insertion = max(areas[reference].insertion for reference in references)
    return Areas(
        deletion=(areas[name].deletion - random.deletion) / (deletion - random.deletion),
        insertion=(areas[name].insertion - random.insertion) / (insertion - random.insertion),
    )


def curve_areas(network: Network, prepared: Tensor, k: int, values: Tensor, sign: int) -> Areas:
    """Return the mean areas of a map (records, parts, samples) by deletion and insertion."""
    ranks = _ranks(window_means(values, width=WINDOW))
    count = ranks[0].numel()
    deletion, insertion = [], []
    for fraction in FRACTIONS:
        marked = (ranks < round(float(fraction) * count)).repeat_interleave(WINDOW, dim=-1)
        marked = marked[..., : prepared.shape[-1]]
        deletion.append(_mean_probability(network, prepared * ~marked, k, sign))
        insertion.append(_mean_probability(network, prepared * marked, k, sign))
    return Areas(deletion=_area(deletion), insertion=_area(insertion))


def _ranks(scores: Tensor) -> Tensor:
    """Return the rank of each window of a record, 0 for the highest: (records, parts, windows)."""
    order = scores.flatten(1).argsort(dim=1, descending=True, stable=True)
    ranks = torch.empty_like(order)
    ranks.scatter_(1, order, torch.arange(order.shape[1]).expand_as(order))
    return ranks.view_as(scores)


def _mean_probability(network: Network, prepared: Tensor, k: int, sign: int) -> float:
    with torch.inference_mode():
        logits = torch.cat([network.logits(part)[:, k] for part in torch.split(prepared, _BLOCK)])
    return float((sign * logits).sigmoid().mean())


def _area(curve: list[float]) -> float:
    """Return the area by trapezoids of equal width."""
    return float(np.mean([(left + right) / 2 for left, right in pairwise(curve)]))
