"""Mean beats of a fold: for each class, its hits beside its misses and false alarms."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..evaluation.fold_predictions import FoldPredictions
from ..files import atomic_write
from ..inference.results import Explanation
from ..plots.beat import RunningMean, beat_evidence, draw_mean_beats
from ..processes import Progress
from ..signals.leads import lead_order
from ..signals.mean_beat import mean_beat
from ..signals.record import Record
from ..signals.waves import find_waves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROUPS = {  # by whether an ECG has the class, and whether it is predicted
    (True, True): "hits",
    (True, False): "misses",
    (False, True): "false alarms",
    (False, False): "correctly no",
}
_BLOCK = 64  # ECGs explained at a time

Groups = Mapping[tuple[bool, bool], RunningMean]


def write_mean_beats(
    predictions: FoldPredictions, out: Path, *, progress: Progress | None = None
) -> dict[str, Path]:
    """Draw the mean beat and mean evidence of each class to OUT/mean-beats-CLASS.png.

    Returns the pictures by the classes' full names; none for a class without a mean beat.
    progress: counts the ECGs and the classes.
    """
    classifier, ecgs = predictions.classifier, len(predictions.indices)
    total = ecgs + len(classifier.classes)
    show = progress or (lambda done, total: None)
    means = mean_beats(predictions, lambda done, _: show(done, total))
    pictures = {}
    for k, (name, full_name) in enumerate(
        zip(classifier.classes, classifier.full_names, strict=True)
    ):
        if means[k]:
            path = out / f"mean-beats-{re.sub(r'[^A-Za-z0-9_]+', '_', name)}.png"
            with atomic_write(path) as temporary:
                _draw(predictions, k, means[k]).savefig(temporary, format="png", dpi=110)
            pictures[full_name] = path
        show(ecgs + k + 1, total)
    return pictures


def _draw(predictions: FoldPredictions, k: int, groups: Groups) -> "Figure":
    """Return the figure of class k."""
    classifier = predictions.classifier
    known = int((~np.isnan(predictions.targets[:, k])).sum())
    left_out = known - sum(group.count for group in groups.values())
    note = (
        f"Each ECG counts once. {left_out:,} of {known:,} ECGs are left out: their waves are not "
        f"sure. Model {classifier.model or 'unnamed'}."
    )
    return draw_mean_beats(
        {_label(*key, group.count): group.mean() for key, group in groups.items()},
        title=f"{classifier.full_names[k]}: mean beat and mean evidence, fold {predictions.fold}",
        notes=[note],
    )


def _label(has_class: bool, predicted: bool, count: int) -> str:
    yes_no = {True: "yes", False: "no"}
    words = f"label {yes_no[has_class]}, answer {yes_no[predicted]}"
    return f"{GROUPS[has_class, predicted]}\n{words}\n{count:,} ECGs"


def mean_beats(predictions: FoldPredictions, progress: Progress | None = None) -> list[Groups]:
    """Return, for each class, the mean of each of GROUPS that has any ECG.

    ECGs without sure waves are in no mean. Each ECG counts once, however many beats it has.
    """
    means = [{key: RunningMean() for key in GROUPS} for _ in predictions.classifier.classes]
    decisions = predictions.decisions
    count = len(predictions.indices)
    for row, (record, explanation) in enumerate(_explained(predictions)):
        beat = mean_beat(record, find_waves(record))
        for k, target in enumerate(predictions.targets[row].tolist()):
            if beat is not None and not np.isnan(target):
                key = target > 0, bool(decisions[row, k])
                means[k][key].add(beat_evidence(record, explanation, k, beat))
        if progress and ((row + 1) % _BLOCK == 0 or row + 1 == count):
            progress(row + 1, count)
    return [{key: mean for key, mean in groups.items() if mean.count} for groups in means]


def _explained(predictions: FoldPredictions) -> Iterator[tuple[Record, Explanation]]:
    """Yield each ECG with its explanation, without the quality checks and the companion.

    They take half of the time of `Classifier.explain`, and the mean beats do not need them.
    """
    classifier, store = predictions.classifier, predictions.store
    leads = lead_order(store.leads, classifier.leads)
    for start in range(0, len(predictions.indices), _BLOCK):
        indices = predictions.indices[start : start + _BLOCK]
        signals_mv = store.signals_mv(indices)[:, leads]
        output = classifier.run(signals_mv)
        (first,) = classifier.explain(signals_mv[:1], force=True)  # where the frames lie
        for row, index in enumerate(indices.tolist()):
            by_lead = output.lead_evidence
            yield (
                store.record(index),
                replace(
                    first,
                    evidence=output.evidence[row],
                    lead_evidence=None if by_lead is None else by_lead[row],
                ),
            )
