"""Localisation on synthetic ECGs, whose abnormal intervals and leads are known.

Pointing game: does the highest point of the map lie in an abnormal interval? (Zhang et al. 2016,
"Top-down neural attention by excitation backprop".) For this the intervals are widened by half of
the time that a frame stands for, for every map and for chance. Positive evidence: which fraction of
it lies there, over the fraction that chance would put there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.statements import statement_labels
from ..data.synthetic.diagnoses import DISORDERS, NORMAL, STATEMENTS
from ..data.synthetic.ecg import Interval, synthetic_ecg
from ..tasks import Task
from .faithfulness_figures import MIXED
from .figures import (
    EVIDENCE,
    Counts,
    Figure,
    Goal,
    Statistic,
    draw_counts,
    estimate,
    estimate_fraction,
    mean_of,
)
from .subject import Subject, compute_maps, predict, prepare

POINTING_GOAL, EVIDENCE_GOAL, WALL_GOAL = Goal(bound=0.9), Goal(bound=2.0), Goal(bound=0.9)
GROUPS = {
    "inferior": ("II", "III", "aVF"),
    "anterior": ("V1", "V2", "V3", "V4"),
    "lateral": ("I", "aVL", "V5", "V6"),
}
WALLS = {  # the lead groups that face the wall of each infarction
    "IMI": ("inferior",),
    "AMI": ("anterior",),
    "ASMI": ("anterior",),
    "ALMI": ("anterior", "lateral"),
    "LMI": ("lateral",),
}

Masks = NDArray[np.bool_]
Maps = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntheticSet:
    """Synthetic ECGs as a network takes them.

    codes:      the disorder of each. signals_mv: (ecgs, leads, samples).
    in_leads:   (ecgs, leads, samples), whether a sample lies in an abnormal interval that is
                visible in its lead. near_leads: like it, with the intervals widened.
    """

    codes: tuple[str, ...]
    signals_mv: NDArray[np.float32]
    in_leads: Masks
    near_leads: Masks


def localisation_figures(subject: Subject, k: int, *, hearts: int) -> list[Figure]:
    """Measure localisation of class k on `hearts` synthetic hearts for each of its disorders."""
    name, codes = subject.classes[k], disorders_of(subject.task, k)
    if not codes or subject.network.config.duration_s < 4:
        return [
            _not_measured(name, "The synthetic hearts have no disorder of this class with a place.")
        ]
    drawn = draw_ecgs(codes, subject, hearts=hearts)
    prepared = prepare(subject.network, drawn.signals_mv)
    recognized = subject.decide(predict(subject.network, prepared))[:, k]
    found = Figure(
        name="recognized",
        meaning="Fraction of the synthetic ECGs with a disorder of the class that the model "
        "recognizes. The rows below are about these alone.",
        subject=name,
        values={EVIDENCE: estimate_fraction(recognized, draw_counts(np.arange(len(recognized))))},
        records=len(recognized),
    )
    rows = np.flatnonzero(recognized)
    if len(rows) < 2:
        return [
            found,
            _not_measured(name, "The model recognizes fewer than two of the synthetic ECGs."),
        ]
    some, counts = prepared[rows], draw_counts(rows)
    maps = compute_maps(subject.maps, subject.network, some, k)
    by_lead = drawn.in_leads[rows], drawn.near_leads[rows]
    in_time, near_time = (np.asarray(mask.any(axis=1))[:, None] for mask in by_lead)
    figures = [found, *_place_figures(maps, in_time, near_time, name, counts, where="time")]
    lead_maps = compute_maps(subject.lead_maps, subject.network, some, k)
    figures += _place_figures(lead_maps, *by_lead, name, counts, where="time and lead")
    codes_found = [drawn.codes[row] for row in rows]
    figures += _wall_figures(lead_maps, codes_found, subject.network.config.leads, name)
    return figures


def disorders_of(task: Task, k: int) -> tuple[str, ...]:
    """Return the disorders of the synthetic hearts that belong to class k."""
    codes = tuple(DISORDERS)
    targets, _ = task.targets([statement_labels([code], STATEMENTS) for code in codes])
    healthy, _ = task.targets([statement_labels([NORMAL], STATEMENTS)])
    if healthy[0, k] > 0:  # a healthy heart has the class, and no place that shows it
        return ()
    return tuple(code for code, target in zip(codes, targets[:, k], strict=True) if target > 0)


def draw_ecgs(codes: Sequence[str], subject: Subject, *, hearts: int) -> SyntheticSet:
    """Draw ECGs with each disorder; the same hearts for every model of the same rate and length."""
    config, half_s = subject.network.config, subject.frames["step_s"] / 2
    times_s = (np.arange(config.samples) + 0.5) / config.rate_hz
    signals, masks, near, drawn = [], [], [], []
    for code in codes:
        for heart in range(hearts):
            rng = np.random.default_rng([1000 + heart, list(DISORDERS).index(code)])
            ecg = synthetic_ecg(rng, [code], rate_hz=config.rate_hz, duration_s=config.duration_s)
            signals.append(ecg.record.with_leads(config.leads).signal_mv)
            masks.append(_mask(ecg.truth, config.leads, times_s, 0))
            near.append(_mask(ecg.truth, config.leads, times_s, half_s))
            drawn.append(code)
    return SyntheticSet(
        codes=tuple(drawn),
        signals_mv=np.array(signals, np.float32),
        in_leads=np.array(masks),
        near_leads=np.array(near),
    )


def _mask(
    truth: Sequence[Interval], leads: Sequence[str], times_s: NDArray[Any], margin_s: float
) -> Masks:
    mask = np.zeros((len(leads), len(times_s)), dtype=bool)
    for interval in truth:
        inside = (times_s > interval.start_s - margin_s) & (times_s < interval.end_s + margin_s)
        rows = [row for row, lead in enumerate(leads) if lead in interval.leads]
        mask[np.ix_(np.array(rows, int), inside)] = True
    return mask


def _place_figures(
    maps: Maps, truth: Masks, near: Masks, name: str, counts: Counts, *, where: str
) -> Iterator[Figure]:
    """Yield pointing and positive evidence; without the model's own map the note says why."""
    note = f"by chance {near.mean():.2f}" if EVIDENCE in maps else MIXED
    yield Figure(
        name=f"pointing in {where}",
        meaning=f"Fraction of ECGs whose highest point of the map lies at an abnormal {where}.",
        subject=name,
        values={
            map_name: estimate_fraction(pointing(x, near), counts) for map_name, x in maps.items()
        },
        goal=POINTING_GOAL,
        records=len(truth),
        note=note,
    )
    most = 1 / truth.mean()
    yield Figure(
        name=f"positive evidence in {where}",
        meaning=f"Fraction of the evidence for the class that lies at an abnormal {where}, over "
        "what chance would put there.",
        subject=name,
        values={map_name: estimate(times_chance(x, truth), counts) for map_name, x in maps.items()},
        goal=EVIDENCE_GOAL,
        records=len(truth),
        note=f"at most {most:.2f} is possible" if EVIDENCE in maps else MIXED,
    )


def pointing(values: NDArray[np.float32], truth: Masks) -> Masks:
    """Return whether the highest point of each map (records, parts, samples) is a true one."""
    highest = values.reshape(len(values), -1).argmax(axis=1)
    return truth.reshape(len(truth), -1)[np.arange(len(truth)), highest]


def times_chance(
    values: NDArray[np.float32], truth: Masks, *, within: Masks | None = None
) -> Statistic:
    """Return the mean fraction of the positive evidence at true points, over their mean fraction.

    within: the points that count; all by default. A map without any positive evidence has none
    there.
    """
    counted = np.ones_like(truth) if within is None else within
    positive = np.where(counted, np.maximum(values.astype(np.float64), 0), 0)
    total = positive.sum(axis=(1, 2))
    inside = np.where(truth, positive, 0).sum(axis=(1, 2)) / np.where(total > 0, total, 1)
    fraction = mean_of(inside)
    chance = mean_of((truth & counted).sum(axis=(1, 2)) / counted.sum(axis=(1, 2)))
    return lambda counts: fraction(counts) / chance(counts)


def _wall_figures(
    maps: Maps, codes: Sequence[str], leads: Sequence[str], name: str
) -> list[Figure]:
    rows = [row for row, code in enumerate(codes) if code in WALLS]
    if len(rows) < 2 or not all(lead in leads for group in GROUPS.values() for lead in group):
        return []
    infarctions, counts = [codes[row] for row in rows], draw_counts(rows)
    chance = np.mean([len(WALLS[code]) for code in infarctions]) / len(GROUPS)
    values = {
        map_name: estimate_fraction(right_walls(x[rows], infarctions, leads), counts)
        for map_name, x in maps.items()
    }
    return [
        Figure(
            name="right wall of infarctions",
            meaning="Fraction of infarctions whose positive evidence is strongest in the leads "
            "that face the infarcted wall: II, III, aVF; V1-V4; or I, aVL, V5, V6.",
            subject=name,
            values=values,
            goal=WALL_GOAL,
            records=len(rows),
            note=f"by chance {chance:.2f}" if EVIDENCE in maps else MIXED,
        )
    ]


def right_walls(values: NDArray[np.float32], codes: Sequence[str], leads: Sequence[str]) -> Masks:
    """Return whether the positive evidence (records, leads, samples) points at the right wall."""
    by_lead = np.maximum(values, 0).sum(axis=2)
    rows = [[list(leads).index(lead) for lead in group] for group in GROUPS.values()]
    strongest = np.stack([by_lead[:, group].mean(axis=1) for group in rows], axis=1).argmax(axis=1)
    names = list(GROUPS)
    hits = [names[best] in WALLS[code] for best, code in zip(strongest, codes, strict=True)]
    return np.array(hits)


def _not_measured(name: str, note: str) -> Figure:
    return Figure(
        name="pointing in time",
        meaning="Fraction of ECGs whose highest point of the map lies at an abnormal time.",
        subject=name,
        values={},
        note=note,
    )
