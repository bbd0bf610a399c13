"""Mean beats of a fold: for each class, its hits beside its misses and false alarms."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..evaluation.fold_predictions import FoldPredictions
from ..files import atomic_write
from ..plots.beat import BeatEvidence, beat_evidence, draw_mean_beats, mean_of
from ..processes import Progress
from ..signals.mean_beat import mean_beat
from ..signals.waves import find_waves

GROUPS = ("hits", "misses", "false alarms", "correctly no")
_BLOCK = 64  # ECGs explained at a time

Groups = Mapping[str, tuple[int, BeatEvidence]]


def write_mean_beats(
    predictions: FoldPredictions, out: Path, *, progress: Progress | None = None
) -> dict[str, Path]:
    """Draw the mean beat and mean evidence of each class to OUT/mean-beats-CLASS.png.

    Returns the pictures by the classes' full names; none for a class without a mean beat.
    """
    classifier = predictions.classifier
    pictures = {}
    for name, full_name, groups in zip(
        classifier.classes, classifier.full_names, mean_beats(predictions, progress), strict=True
    ):
        if groups:
            title = f"{full_name}: mean beat and mean evidence, fold {predictions.fold}"
            path = out / f"mean-beats-{re.sub(r'[^A-Za-z0-9_]+', '_', name)}.png"
            with atomic_write(path) as temporary:
                draw_mean_beats(groups, title=title).savefig(temporary, format="png", dpi=110)
            pictures[full_name] = path
    return pictures


def mean_beats(predictions: FoldPredictions, progress: Progress | None = None) -> list[Groups]:
    """Return, for each class, the number of ECGs and the mean beat of each of GROUPS that has any.

    An ECG whose waves are not sure is in no mean. An ECG counts as much as any other, however many
    beats it has.
    """
    classifier, store = predictions.classifier, predictions.store
    found: list[dict[str, list[BeatEvidence]]] = [
        {group: [] for group in GROUPS} for _ in classifier.classes
    ]
    count = len(predictions.indices)
    for start in range(0, count, _BLOCK):
        rows = range(start, min(start + _BLOCK, count))
        records = [store.record(int(predictions.indices[row])) for row in rows]
        answers = classifier.explain(records, force=True)
        for row, record, answer in zip(rows, records, answers, strict=True):
            beat = mean_beat(record, find_waves(record))
            if beat is not None and answer.refused is None:
                for k, groups in enumerate(found):
                    if group := _group(predictions, row, k):
                        groups[group].append(beat_evidence(record, answer, k, beat))
        if progress:
            progress(rows.stop, count)
    return [
        {group: (len(beats), mean_of(beats)) for group, beats in groups.items() if beats}
        for groups in found
    ]


def _group(predictions: FoldPredictions, row: int, k: int) -> str:
    """Return the group of an ECG for class k; "" where the class is unknown."""
    target = predictions.targets[row, k]
    if np.isnan(target):
        return ""
    decided = bool(predictions.decisions[row, k])
    return GROUPS[(0 if decided else 1) if target > 0 else (2 if decided else 3)]
