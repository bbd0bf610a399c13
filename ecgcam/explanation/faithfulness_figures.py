"""Figures of faithfulness: F over time and by lead, and what-if, towards each class."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from .attributions import REFERENCES
from .faithfulness import KINDS, Areas, faithfulness, relative_area
from .figures import EVIDENCE, Counts, Estimate, Figure, Goal, estimate, mean_of
from .masks import draw_masks
from .subject import BATCH, Subject
from .what_if import WhatIf, what_if

GRADIENTS = "integrated gradients"
F_GOAL = {True: Goal(bound=1.15), False: Goal(bound=1.0)}  # of models with one class, with several
R2_GOAL, ERROR_GOAL = Goal(bound=0.8), Goal(bound=0.03, at_least=False)
MIXED = "The model mixes leads, so it has no evidence by lead."

_VERBS = {
    "deletion": "How fast the decision goes when the highest parts of the map are flattened",
    "insertion": "How fast the decision comes when only the highest parts of the map are shown",
}


def faithfulness_figures(subject: Subject, k: int) -> list[Figure]:
    """Measure F and what-if of class k: towards it, and with one class also towards "no".

    On the first records of the fold by id that are labelled and predicted so, at a probability of
    0.5.
    """
    name = subject.classes[k]
    directions = {1: f"towards {name}"} | ({-1: f"towards not {name}"} if subject.one_class else {})
    figures: list[Figure] = []
    for sign, direction in directions.items():
        right = (subject.targets[:, k] > 0) if sign > 0 else (subject.targets[:, k] == 0)
        rows = np.flatnonzero(right & (sign * subject.logits[:, k] > 0))[: subject.effort.records]
        if len(rows) < 2:
            figures.append(
                _not_measured(direction, "Fewer than two records are labelled and predicted so.")
            )
            continue
        figures += _of_direction(subject, k, sign, direction, rows=torch.from_numpy(rows))
    return figures


def _of_direction(
    subject: Subject, k: int, sign: int, direction: str, *, rows: Tensor
) -> Iterator[Figure]:
    some, counts = subject.prepared[rows], subject.counts(rows.numpy())
    network, goal = subject.network, F_GOAL[subject.one_class]
    areas = faithfulness(network, some, k, subject.maps, sign=sign)
    yield from _area_figures(areas, direction, counts)
    yield from _f_figures(areas, [GRADIENTS], direction, counts, goal=goal)
    if set(REFERENCES) <= set(areas):
        yield from _f_figures(areas, REFERENCES, direction, counts, goal=Goal(bound=1.0))
    yield from _what_if_figures(subject, some, k, direction, counts)
    if not network.leads_apart:
        yield _not_measured(direction, MIXED, name="F by lead")
        return
    by_lead = faithfulness(network, some, k, subject.lead_maps, sign=sign, leads=some.shape[1])
    yield from _f_figures(
        by_lead, [GRADIENTS], direction, counts, goal=Goal(bound=1.0), by_lead=True
    )


def _area_figures(areas: Mapping[str, Areas], direction: str, counts: Counts) -> Iterator[Figure]:
    """Yield the mean probability along the curves, from which F follows."""
    for kind in KINDS:
        yield Figure(
            name=f"mean probability, {kind}",
            meaning=f"Mean probability of the decision along the curve of {kind}: "
            f"{'lower' if kind == 'deletion' else 'higher'} is better.",
            subject=direction,
            values={
                name: estimate(mean_of(getattr(area, kind)), counts) for name, area in areas.items()
            },
            records=counts.shape[1],
        )


def _f_figures(
    areas: Mapping[str, Areas],
    references: Sequence[str],
    direction: str,
    counts: Counts,
    *,
    goal: Goal,
    by_lead: bool = False,
) -> Iterator[Figure]:
    """Yield F of each map against the best of the references, by deletion and insertion."""
    several = len(references) > 1
    against = f"the better of {' and '.join(references)}" if several else GRADIENTS
    better = ", against the better reference" * several
    for kind in KINDS:
        values = {
            name: estimate(relative_area(areas, name, kind, references), counts) for name in areas
        }
        fixed = ["random", *(references if len(references) == 1 else [])]
        values |= {name: Estimate(value=values[name].value) for name in fixed}
        yield Figure(
            name=f"F{' by lead' * by_lead}, {kind}{better}",
            meaning=f"{_VERBS[kind]}{', lead by lead' * by_lead}: 0 is chance, 1 is as good as "
            f"{against}.",
            subject=direction,
            values=values,
            goal=goal,
            records=counts.shape[1],
        )


def _what_if_figures(
    subject: Subject, some: Tensor, k: int, direction: str, counts: Counts
) -> Iterator[Figure]:
    masks = draw_masks(len(some), 1, some.shape[-1], torch.Generator().manual_seed(0))
    answer = _in_blocks(subject, some, k, masks)
    predictions = {EVIDENCE: answer.by_evidence, GRADIENTS: answer.by_gradients}
    yield Figure(
        name="what-if, R²",
        meaning="How well the evidence of a random part of the ECG predicts the logit of that part "
        "alone: 1 is exact, 0 is no better than the fraction of time that is kept.",
        subject=direction,
        values={name: estimate(answer.r2(x), counts) for name, x in predictions.items()},
        goal=R2_GOAL,
        records=len(some),
    )
    yield Figure(
        name="what-if, median error (logits)",
        meaning="By how much that prediction misses in half of the ECGs.",
        subject=direction,
        values={name: estimate(answer.median_error(x), counts) for name, x in predictions.items()},
        goal=ERROR_GOAL,
        records=len(some),
    )


def _in_blocks(subject: Subject, some: Tensor, k: int, masks: Tensor) -> WhatIf:
    blocks = zip(torch.split(some, BATCH), torch.split(masks, BATCH), strict=True)
    parts = [what_if(subject.network, part, k, mask) for part, mask in blocks]
    fields = ("masked", "by_evidence", "by_gradients", "by_fraction")
    return WhatIf(**{key: np.concatenate([getattr(x, key) for x in parts]) for key in fields})


def _not_measured(direction: str, note: str, *, name: str = "F") -> Figure:
    return Figure(name=name, meaning="Faithfulness of the map.", subject=direction, note=note)
