"""Pairs: does the map change where the ECG changes, when a synthetic heart gets a disorder?

The same synthetic heart, with the same noise, is drawn with and without the disorder
(data/synthetic). The change of the map should be largest where the ECG changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.statements import statement_labels
from ..data.synthetic.diagnoses import DISORDERS, NORMAL, STATEMENTS
from ..data.synthetic.ecg import synthetic_ecg
from ..nn.network import NetworkConfig
from ..tasks import Task
from .figures import Figure, Goal, draw_counts, estimate_fraction
from .subject import Subject, compute_maps, predict, prepare

CHANGED = 0.2  # of the largest change in any lead: a sample that changes by more has changed
PAIRS_GOAL = Goal(bound=0.95)
MOST_HEARTS = 10  # of each disorder


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of ECGs that differ by a disorder.

    codes: of each pair. signals_mv: (2 · pairs, leads, samples), each healthy heart before the ill
    one. changed: (pairs, samples), whether the ECG changes within half a frame of the sample.
    """

    codes: tuple[str, ...]
    signals_mv: NDArray[np.float32]
    changed: NDArray[np.bool_]


def pairs_figures(subject: Subject, k: int, *, hearts: int) -> list[Figure]:
    """Measure the pointing of class k on `hearts` hearts for each disorder that changes the class.

    A map counts in the direction in which the logit moves.
    """
    name, codes = subject.classes[k], changing_disorders(subject.task, k)
    meaning = (
        "When a synthetic heart gets a disorder, fraction of hearts in which the map changes most "
        "where the ECG changes."
    )
    if not codes or subject.network.config.duration_s < 4:
        note = "The synthetic hearts have no disorder that changes this class."
        return [Figure(name="pairs", meaning=meaning, subject=name, note=note)]
    pairs = draw_pairs(codes, subject, hearts=min(hearts, MOST_HEARTS))
    prepared = prepare(subject.network, pairs.signals_mv)
    logits = predict(subject.network, prepared)[:, k].reshape(-1, 2)
    direction = np.sign(logits[:, 1] - logits[:, 0])[:, None]
    counts = draw_counts(np.arange(len(pairs.codes)))
    values = {}
    for map_name, x in compute_maps(subject.maps, subject.network, prepared, k).items():
        healthy, ill = x[:, 0].reshape(-1, 2, x.shape[-1]).transpose(1, 0, 2)
        highest = ((ill - healthy) * direction).argmax(axis=1)
        hits = pairs.changed[np.arange(len(highest)), highest]
        values[map_name] = estimate_fraction(hits, counts)
    note = f"by chance {pairs.changed.mean():.2f}"
    figure = Figure(
        name="pairs", meaning=meaning, subject=name, values=values, goal=PAIRS_GOAL,
        records=len(pairs.codes), note=note,
    )  # fmt: skip
    return [figure]


def changing_disorders(task: Task, k: int) -> tuple[str, ...]:
    """Return the disorders with which a healthy heart gets or loses class k."""
    codes = tuple(DISORDERS)
    labels = [statement_labels([code], STATEMENTS) for code in (*codes, NORMAL)]
    *ill, healthy = task.targets(labels)[0][:, k]
    return tuple(
        code
        for code, target in zip(codes, ill, strict=True)
        if not np.isnan(target) and target != healthy
    )


def draw_pairs(codes: Sequence[str], subject: Subject, *, hearts: int) -> Pairs:
    """Draw hearts with and without each disorder."""
    config = subject.network.config
    margin = round(subject.frames["step_s"] / 2 * config.rate_hz)
    signals, changed, drawn = [], [], []
    for code in codes:
        for heart in range(hearts):
            pair = draw_pair(heart, code, config)
            difference = (pair[1] - pair[0]).abs().amax(dim=0)
            moved = (difference >= CHANGED * difference.max()).numpy()
            changed.append(np.convolve(moved, np.ones(2 * margin + 1), mode="same") > 0)
            signals += list(pair.numpy())
            drawn.append(code)
    return Pairs(codes=tuple(drawn), signals_mv=np.array(signals), changed=np.array(changed))


def draw_pair(heart: int, code: str, config: NetworkConfig) -> Tensor:
    """Draw a heart in health and with a disorder as a network's input: (2, leads, time) in mV."""
    seed = [heart, list(DISORDERS).index(code)]
    ecgs = [
        synthetic_ecg(
            np.random.default_rng(seed), [statement],
            rate_hz=config.rate_hz, duration_s=config.duration_s,
        ).record.with_leads(config.leads)
        for statement in (NORMAL, code)
    ]  # fmt: skip
    return torch.from_numpy(np.stack([ecg.signal_mv for ecg in ecgs]))
