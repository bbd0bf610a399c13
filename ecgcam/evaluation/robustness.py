"""How much a model's scores suffer when its ECGs are disturbed: each way, each strength.

Every record is disturbed as the store holds it, in mV and with all of its leads, before the model
is given its own. The noise comes from the seed and from a record's place in its folds, so that
every model meets the same.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..inference.classifier import Classifier
from ..signals.leads import lead_order
from .bootstrap import resample_patients
from .fold_predictions import FoldPredictions, Progress, predict_folds
from .leakage import seen
from .paired_scores import ClinicalScores, in_metrics_form, mean_over_classes, score_classes
from .trials import Trial, plan

_BLOCK = 512  # records disturbed and judged at a time


def try_model(
    classifier: Classifier,
    store: Store,
    *,
    folds: Sequence[int],
    seed: int = 0,
    replicates: int = 200,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What robustness.json holds: the scores undisturbed, and under each trial with the change.

    The model's own thresholds decide. The interval of a change is that of the same replicates over
    patients with and without the disturbance. Raises what `evaluate.predict_folds` raises.
    """
    judged = predict_folds(classifier, store, folds=folds)
    rows = lead_order(store.leads, classifier.leads)
    trials, skipped = plan(store.leads, rate_hz=store.rate_hz, samples=store.samples, rows=rows)
    counts = resample_patients(
        store.records["patient"].to_numpy()[judged.indices],
        rng=np.random.default_rng(seed),
        replicates=replicates,
    )
    before = _scores(judged, counts)
    found = []
    for done, trial in enumerate(trials, start=1):
        after = _scores(judge_disturbed(judged, trial, rows=rows, seed=seed), counts)
        found.append(_about(trial) | _told_with_change(classifier.classes, after, before))
        if progress:
            progress(done, len(trials))
    return {
        "task": classifier.card["task"]["name"],
        "fold": folds[0] if len(folds) == 1 else list(folds),
        "n": len(judged.indices),
        "classes": list(classifier.classes),
        "leads": list(classifier.leads),
        "parameters": classifier.card["parameters"],
        "seen": seen(classifier.card, store, folds).to_dict(),
        "bootstrap": {"over": "patients", "replicates": replicates, "seed": seed},
        "undisturbed": _told(classifier.classes, before),
        "trials": found,
        "skipped": [asdict(one) for one in skipped],
    }


def judge_disturbed(
    judged: FoldPredictions, trial: Trial, *, rows: Sequence[int], seed: int
) -> FoldPredictions:
    """What the model says of the same records when this happens to them.

    rows: where the model's leads stand in the store. The noise is drawn for every record of the
    folds, also for those that the task leaves out.
    """
    numbers = judged.store.indices(folds=judged.folds)
    logits = []
    for at in range(0, len(numbers), _BLOCK):
        block = numbers[at : at + _BLOCK]
        rng = np.random.default_rng([seed, at])
        signals = trial.disturb(judged.store.signals_mv(block), rng)
        kept = np.isin(block, judged.indices)
        if kept.any():
            logits.append(judged.classifier.run(signals[kept][:, rows])[0])
    found = np.concatenate(logits)
    return replace(judged, logits=found, probabilities=judged.classifier.probabilities(found))


def _scores(judged: FoldPredictions, counts: NDArray[np.integer[Any]]) -> list[ClinicalScores]:
    """Those of each class."""
    return score_classes(judged.targets, judged.probabilities, judged.decisions, counts=counts)


def _about(trial: Trial) -> dict[str, Any]:
    return {
        "kind": trial.kind,
        "what": trial.what,
        "strength": trial.strength,
        "unit": trial.unit,
    }


def _told(classes: Sequence[str], scores: Sequence[ClinicalScores]) -> dict[str, Any]:
    each = {name: one.to_dict() for name, one in zip(classes, scores, strict=True)}
    return in_metrics_form(each, mean_over_classes(scores).to_dict())


def _told_with_change(
    classes: Sequence[str], after: Sequence[ClinicalScores], before: Sequence[ClinicalScores]
) -> dict[str, Any]:
    each = {name: _changed(*pair) for name, *pair in zip(classes, after, before, strict=True)}
    return in_metrics_form(each, _changed(mean_over_classes(after), mean_over_classes(before)))


def _changed(after: ClinicalScores, before: ClinicalScores) -> dict[str, Any]:
    """Each score with its interval, and its `…_change` with the interval of that."""
    told = after.to_dict()
    for score, change in after.minus(before).items():
        told[f"{score}_change"] = change["difference"]
        told[f"{score}_change_ci"] = change["difference_ci"]
    return told
