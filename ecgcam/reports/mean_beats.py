"""Mean beats of a fold: for each class, its hits beside its misses and false alarms."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

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
    """
    classifier = predictions.classifier
    known = (~np.isnan(predictions.targets)).sum(axis=0).tolist()
    pictures = {}
    for name, full_name, ecgs, groups in zip(
        classifier.classes,
        classifier.full_names,
        known,
        mean_beats(predictions, progress),
        strict=True,
    ):
        if not groups:
            continue
        left_out = ecgs - sum(group.count for group in groups.values())
        figure = draw_mean_beats(
            {_label(*key, group.count): group.mean() for key, group in groups.items()},
            title=f"{full_name}: mean beat and mean evidence, fold {predictions.fold}",
            notes=[
                f"Each ECG counts once. {left_out:,} of {ecgs:,} ECGs are left out: their waves "
                f"are not sure. Model {classifier.model or 'unnamed'}."
            ],
        )
        path = out / f"mean-beats-{re.sub(r'[^A-Za-z0-9_]+', '_', name)}.png"
        with atomic_write(path) as temporary:
            figure.savefig(temporary, format="png", dpi=110)
        pictures[full_name] = path
    return pictures


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
