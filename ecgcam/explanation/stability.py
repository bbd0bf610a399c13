"""Stability: the map under small changes of the ECG, at the record's edges, and between seeds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..inference.card import Card
from ..nn.fuse import fuse_norms
from ..nn.network import Network
from ..plots.summary import EDGE_S
from ..signals.perturb import Signals, add_white_noise, delay
from .figures import Counts, Estimate, Figure, Goal, estimate_fraction, estimate_mean
from .sanity import correlation
from .subject import Subject, compute_maps, predict, prepare

NOISE_DB, SHIFT_S, GAIN = 18.0, 0.1, 1.2
SAME_GOAL = Goal(bound=0.8)  # correlation of two maps of the same ECG

Maps = Mapping[str, NDArray[np.float32]]
Values = dict[str, Estimate]

_CHANGES = {
    "noise": f"with white noise ({NOISE_DB:g} dB)",
    "shift": f"{SHIFT_S:g} s later, shifted back",
    "gain": f"with all amplitudes times {GAIN:g}",
}


def stability_figures(subject: Subject, k: int) -> Iterator[Figure]:
    """Compare the maps of class k of ECGs with and without a change that leaves the decision."""
    rows = _some_of_each_answer(subject, k)
    rate_hz = subject.network.config.rate_hz
    changes: dict[str, Callable[[Signals], Signals]] = {
        "noise": lambda x: add_white_noise(x, snr_db=NOISE_DB, rng=np.random.default_rng(0)),
        "shift": lambda x: delay(x, shift_s=SHIFT_S, rate_hz=rate_hz),
        "gain": lambda x: x * np.float32(GAIN),
    }
    before = compute_maps(subject.maps, subject.network, subject.prepared[rows], k)
    decisions = subject.decide(subject.logits[rows])[:, k]
    for name, change in changes.items():
        prepared = prepare(subject.network, change(subject.signals_mv(rows)))
        same = subject.decide(predict(subject.network, prepared))[:, k] == decisions
        figure = Figure(
            name=f"stability, {name}",
            meaning=f"Correlation of the map with that of the same ECG {_CHANGES[name]}.",
            subject=subject.classes[k],
            goal=SAME_GOAL,
            records=int(same.sum()),
            note=f"the decision stayed in {same.mean():.0%} of the ECGs",
        )
        if same.sum() > 1:
            maps = compute_maps(subject.maps, subject.network, prepared[same], k, seed=1)
            kept = {map_name: x[same] for map_name, x in before.items()}
            late = round(SHIFT_S * rate_hz) if name == "shift" else 0
            values = _correlations(kept, maps, subject.counts(rows[same]), late=late)
            figure = replace(figure, values=values)
        yield figure


def edge_figures(subject: Subject, k: int) -> Iterator[Figure]:
    """Yield how often the map of class k is highest near an edge: for "yes", and for "no"."""
    config, decided = subject.network.config, subject.decide(subject.logits)[:, k]
    times_s = (np.arange(config.samples) + 0.5) / config.rate_hz
    near = np.minimum(times_s, config.duration_s - times_s) < EDGE_S
    chance = float(near.mean())
    for answer, group in (("no", ~decided), ("yes", decided)):
        rows = np.flatnonzero(group)[: 2 * subject.effort.sample]
        figure = Figure(
            name=f"highest at an edge, {answer}",
            meaning=f'Fraction of ECGs with the answer "{answer}" whose map is highest within '
            f"{EDGE_S} s of the start or the end.",
            subject=subject.classes[k],
            goal=Goal(bound=round(2 * chance, 4), at_least=False),
            records=len(rows),
            note=f"by chance {chance:.2f}",
        )
        if len(rows) < 2:
            yield replace(figure, note="Fewer than two records have this answer.")
            continue
        counts = subject.counts(rows)
        maps = compute_maps(subject.maps, subject.network, subject.prepared[rows], k)
        values = {
            map_name: estimate_fraction(near[x[:, 0].argmax(axis=1)], counts)
            for map_name, x in maps.items()
        }
        yield replace(figure, values=values)


def agreement_figures(subject: Subject, k: int, *, other: Network) -> list[Figure]:
    """Compare the maps of class k with those of another model of the same task."""
    rows, network = _some_of_each_answer(subject, k), fuse_norms(other)
    some, counts = subject.prepared[rows], subject.counts(rows)
    own = compute_maps(subject.maps, subject.network, some, k)
    maps = compute_maps(
        subject.maps, network, prepare(network, subject.signals_mv(rows)), k, seed=1
    )
    figure = Figure(
        name="agreement with another model",
        meaning="Correlation of the map with that of another model, such as another seed, for the "
        "same ECG.",
        subject=subject.classes[k],
        values=_correlations(own, maps, counts),
        goal=SAME_GOAL,
        records=len(rows),
    )
    return [figure]


def check_comparable(card: Card, other: Card) -> None:
    """Raise ModelError unless the maps of two models can be compared."""
    for key in ("classes", "leads", "rate_hz", "duration_s"):
        if card[key] != other[key]:
            raise ModelError(
                f"the other model has {key} {other[key]}; expected {card[key]}, as the model has."
            )


def _some_of_each_answer(subject: Subject, k: int) -> NDArray[np.int64]:
    """Return rows of the first records with "yes", and as many with "no", by id."""
    decided = subject.decide(subject.logits)[:, k]
    half = max(subject.effort.sample // 2, 1)
    chosen = [np.flatnonzero(group)[:half] for group in (decided, ~decided)]
    return np.sort(np.concatenate(chosen))


def _correlations(before: Maps, after: Maps, counts: Counts, *, late: int = 0) -> Values:
    """Correlate maps (records, 1, samples), the second ones `late` samples later."""
    return {
        map_name: estimate_mean(
            correlation(before[map_name][:, 0, : x.shape[-1] - late], x[:, 0, late:]), counts
        )
        for map_name, x in after.items()
    }
