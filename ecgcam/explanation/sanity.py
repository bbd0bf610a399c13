"""Sanity checks: a map must change when the weights or the labels are random.

Adebayo et al. 2018, "Sanity checks for saliency maps": weights are drawn anew layer by layer, from
the head down (cascading), and the map is compared with that of the trained network by rank
correlation over time.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..nn.fuse import fuse_norms
from ..nn.network import Network
from .figures import EVIDENCE, Counts, Estimate, Figure, Floats, Goal, estimate
from .subject import Subject, compute_maps

RANDOM_GOAL = Goal(bound=0.2, at_least=False)
STAGES = 10  # at most, from the head alone to all layers


def sanity_figures(subject: Subject, k: int) -> list[Figure]:
    """Compare the maps of class k with those of networks with random weights.

    Each figure is the size of the mean correlation over records, averaged over a few draws of the
    weights; the own map also after each step of the cascade.
    """
    rows = np.arange(len(subject.prepared))[: subject.effort.sample]
    some, counts = subject.prepared[: len(rows)], subject.counts(rows)
    trained = compute_maps(subject.maps, subject.network, some, k)
    own = {EVIDENCE: subject.maps[EVIDENCE]}
    figures = []
    stages = cascade(subject.trained)
    for stage, layers in enumerate(stages, start=1):
        last = stage == len(stages)
        correlations: list[dict[str, NDArray[np.float64]]] = []
        for draw in range(subject.effort.draws):
            network = fuse_norms(randomized(subject.trained, layers, seed=draw))
            maps = compute_maps(subject.maps if last else own, network, some, k, seed=1 + draw)
            correlations.append(
                {name: rank_correlation(maps[name], trained[name]) for name in maps}
            )
        figures.append(
            Figure(
                name=f"random weights, {'all' if last else 'some'} layers",
                meaning="Rank correlation with the trained network's map when "
                f"{'all' if last else 'some'} layers, from the head down, have random weights: "
                "low is right.",
                subject=f"{subject.classes[k]}, {len(layers)} of {len(stages[-1])}",
                values=_values(correlations, counts),
                goal=RANDOM_GOAL if last else None,
                records=len(rows),
            )
        )
    return figures


def shuffled_figures(subject: Subject, k: int, *, retrain: Callable[[], Network]) -> list[Figure]:
    """Compare the maps of class k with those of a network trained on shuffled labels."""
    network = fuse_norms(retrain())
    rows = np.arange(len(subject.prepared))[: subject.effort.sample]
    some = subject.prepared[: len(rows)]
    trained = compute_maps(subject.maps, subject.network, some, k)
    maps = compute_maps(subject.maps, network, some, k, seed=1)
    correlations = {name: rank_correlation(maps[name], trained[name]) for name in maps}
    figure = Figure(
        name="shuffled labels",
        meaning="Rank correlation with the map of a network that was trained briefly on shuffled "
        "labels: low is right.",
        subject=subject.classes[k],
        values=_values([correlations], subject.counts(rows)),
        goal=RANDOM_GOAL,
        records=len(rows),
    )
    return [figure]


def cascade(network: nn.Module) -> list[list[str]]:
    """Return the layers with weights, from the head alone to all of them, in at most STAGES steps.

    A layer is a module with a `reset_parameters`, by its name in the network.
    """
    layers = [
        name for name, module in network.named_modules() if hasattr(module, "reset_parameters")
    ][::-1]
    layers.sort(key=lambda name: name != "head")  # stable: the head first
    steps = np.unique(np.linspace(1, len(layers), STAGES).round().astype(int))
    return [layers[:count] for count in steps]


def randomized(network: Network, layers: Sequence[str], *, seed: int) -> Network:
    """Return a copy with new weights in these layers; the norms among them start anew."""
    changed = deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in layers:
            changed.get_submodule(name).reset_parameters()  # type: ignore[operator]
    return changed


def rank_correlation(
    first: NDArray[np.floating], second: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return Spearman's correlation of maps (records, parts, samples): (records,)."""
    from scipy.stats import rankdata

    flat = (rankdata(x.reshape(len(x), -1), axis=1) for x in (first, second))
    return correlation(*flat)


def correlation(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return Pearson's correlation of each row: (records,); NaN where a row is constant."""
    a, b = (x.astype(np.float64) - x.mean(axis=-1, keepdims=True) for x in (first, second))
    scale = np.sqrt((a**2).sum(axis=-1) * (b**2).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(scale > 1e-12, (a * b).sum(axis=-1) / scale, np.nan))


def _values(draws: Sequence[dict[str, NDArray[np.float64]]], counts: Counts) -> dict[str, Estimate]:
    """Return for each map the size of its mean correlation, averaged over the draws."""
    return {name: _mean_size([draw[name] for draw in draws], counts) for name in draws[0]}


def _mean_size(draws: Sequence[NDArray[np.float64]], counts: Counts) -> Estimate:
    known = ~np.isnan(draws).any(axis=0)
    if not known.any():
        return Estimate(value=np.nan)
    values = np.array(draws)[:, known]

    def size(weights: Floats) -> Floats:
        means = weights @ values.T / weights.sum(axis=1, keepdims=True)
        return np.asarray(np.abs(means).mean(axis=1))

    return estimate(size, counts[:, known])
