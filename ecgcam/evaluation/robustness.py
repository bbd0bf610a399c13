"""Robustness: a model's scores when its ECGs are disturbed, for each kind and strength.

Records are disturbed as the store holds them, in mV and with all their leads, before the model's
leads are selected. The noise depends only on the seed and on a record's position in the folds, so
every model gets the same noise.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..inference.classifier import Classifier
from ..processes import Progress
from ..signals.device_filters import filter_one_way
from ..signals.leads import lead_order
from ..signals.perturb import (
    Signals,
    add_mains_hum,
    add_muscle_noise,
    add_wander,
    add_white_noise,
    delay,
    flatten_lead,
    quantize,
    swap_electrodes,
)
from .fold_predictions import FoldPredictions, predict_folds
from .leakage import check_leakage
from .paired_scores import ClinicalScores, mean_over_classes, metrics_layout, score_classes

SNR_DB = (24, 18, 12, 6, 0)  # the steps of the noise stress test of Moody et al. 1984
MUSCLE_MV = (0.01, 0.02, 0.05, 0.1, 0.2)
MAINS_MV = (0.02, 0.05, 0.1, 0.2, 0.5)
MAINS_HZ = (50, 60)
WANDER_MV = (0.1, 0.2, 0.5, 1, 2)
HIGH_PASS_HZ = (0.05, 0.15, 0.3, 0.5, 0.67)  # monitors have 0.5 and more
LATE_S = (0.02, 0.1, 0.5, 1, 2)
STEP_UV = (2, 5, 10, 20, 50)
SWAPS = (
    *(("RA", "LA"), ("RA", "LL"), ("LA", "LL")),
    *((f"V{k}", f"V{k + 1}") for k in range(1, 6)),
)

Apply = Callable[[Signals, np.random.Generator], Signals]

_BLOCK = 512  # records disturbed and predicted at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Disturbance:
    """One change that is applied to every ECG of a store.

    kind:     for example "white noise"; disturbances of one kind with strengths form one curve.
    setting:  as people read it: "24 dB SNR", "V1".
    strength: in `unit`; None where the change has no strength.
    apply:    (signals, generator) to disturbed signals, (batch, leads, time) in mV with the
              store's leads.
    """

    kind: str
    setting: str
    apply: Apply
    strength: float | None = None
    unit: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that robustness.json holds."""
        return {key: value for key, value in vars(self).items() if key != "apply"}


def measure_robustness(
    classifier: Classifier,
    store: Store,
    *,
    folds: Sequence[int],
    seed: int = 0,
    replicates: int = 200,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the contents of robustness.json: undisturbed scores, and each disturbance's change.

    The model's own thresholds decide. The interval of a change compares the same bootstrap
    replicates over patients with and without the disturbance. Raises what `predict_folds` raises.
    """
    predictions = predict_folds(classifier, store, folds=folds)
    rows = lead_order(store.leads, classifier.leads)
    disturbances, skipped = plan_disturbances(
        store.leads, rate_hz=store.rate_hz, samples=store.samples, rows=rows
    )
    counts = predictions.resample(seed=seed, replicates=replicates)
    undisturbed = _score(predictions, counts)
    results = []
    for done, disturbance in enumerate(disturbances, start=1):
        disturbed = predict_disturbed(predictions, disturbance, rows=rows, seed=seed)
        scores = _layout(classifier.classes, _score(disturbed, counts), undisturbed)
        results.append(disturbance.to_dict() | scores)
        if progress:
            progress(done, len(disturbances))
    return {
        "task": classifier.card["task"]["name"],
        "fold": predictions.fold,
        "n": len(predictions.indices),
        "classes": list(classifier.classes),
        "leads": list(classifier.leads),
        "parameters": classifier.card["parameters"],
        "leakage": check_leakage(classifier.card, store, folds).to_dict(),
        "bootstrap": {"over": "patients", "replicates": replicates, "seed": seed},
        "undisturbed": _layout(classifier.classes, undisturbed, [None] * len(undisturbed)),
        "disturbances": results,
        "skipped": skipped,
    }


def predict_disturbed(
    predictions: FoldPredictions, disturbance: Disturbance, *, rows: Sequence[int], seed: int
) -> FoldPredictions:
    """Predict the same records again under a disturbance.

    rows: the rows of the store's signals that hold the model's leads. Noise is drawn for every
    record of the folds, including those without a label of the task.
    """
    indices = predictions.store.indices(folds=predictions.folds)
    logits = []
    for start in range(0, len(indices), _BLOCK):
        block = indices[start : start + _BLOCK]
        rng = np.random.default_rng([seed, start])
        signals_mv = disturbance.apply(predictions.store.signals_mv(block), rng)
        kept = np.isin(block, predictions.indices)
        if kept.any():
            logits.append(predictions.classifier.run(signals_mv[kept][:, rows]).logits)
    disturbed = np.concatenate(logits)
    probabilities = predictions.classifier.probabilities(disturbed)
    return replace(predictions, logits=disturbed, probabilities=probabilities)


def _score(predictions: FoldPredictions, counts: NDArray[np.integer[Any]]) -> list[ClinicalScores]:
    """Return the scores of each class, then their mean."""
    scores = score_classes(predictions, counts)
    return [*scores, mean_over_classes(scores)]


def _layout(
    names: Sequence[str],
    scores: Sequence[ClinicalScores],
    baseline: Sequence[ClinicalScores | None],
) -> dict[str, Any]:
    """Lay out the scores of `_score`, and their changes from a baseline, as in metrics.json."""
    *classes, macro = (
        after.to_dict(before) for after, before in zip(scores, baseline, strict=True)
    )
    return metrics_layout(dict(zip(names, classes, strict=True)), macro)


def plan_disturbances(
    leads: Sequence[str], *, rate_hz: float, samples: int, rows: Sequence[int]
) -> tuple[list[Disturbance], list[dict[str, Any]]]:
    """Return the disturbances for a store with these leads, rate and length, and those left out.

    rows: the rows of its signals that hold the model's leads. A disturbance is left out if it
    cannot be applied to, or changes none of the model's leads in, a synthetic signal.
    """
    probe = np.random.default_rng(0).normal(0, 1, (1, len(leads), samples)).astype(np.float32)
    disturbances, skipped = [], []
    for disturbance in (*_graded(leads, rate_hz), *_misplaced(leads)):
        try:
            changed = disturbance.apply(probe, np.random.default_rng(0)) != probe
            used = changed[:, list(rows)].any()
            reason = "" if used else "it changes no lead that the model uses."
        except ValueError as error:
            reason = str(error)
        if reason:
            skipped.append(
                {"kind": disturbance.kind, "setting": disturbance.setting, "reason": reason}
            )
        else:
            disturbances.append(disturbance)
    return disturbances, skipped


def _graded(leads: Sequence[str], rate_hz: float) -> Iterator[Disturbance]:
    """Yield the disturbances that have a strength, each kind from weak to strong."""
    store = {"leads": leads, "rate_hz": rate_hz}
    for db in SNR_DB:
        yield _strong("white noise", db, "dB SNR", _random(add_white_noise, snr_db=db))
    for mv in MUSCLE_MV:
        muscle = _random(add_muscle_noise, rms_mv=mv, **store)
        yield _strong("muscle noise", mv, "mV RMS", muscle)
    for hz in MAINS_HZ:
        for mv in MAINS_MV:
            hum = _random(add_mains_hum, amplitude_mv=mv, mains_hz=hz, **store)
            yield _strong(f"mains hum of {hz} Hz", mv, "mV", hum)
    for mv in WANDER_MV:
        yield _strong("baseline wander", mv, "mV", _random(add_wander, amplitude_mv=mv, **store))
    for cutoff_hz in HIGH_PASS_HZ:
        one_way = {"kind": "high-pass", "order": 2, "cutoff_hz": cutoff_hz, "rate_hz": rate_hz}
        yield _strong("one-way high-pass", cutoff_hz, "Hz", _fixed(filter_one_way, **one_way))
    for s in LATE_S:
        yield _strong("late start", s, "s", _fixed(delay, shift_s=s, rate_hz=rate_hz))
    for uv in STEP_UV:
        yield _strong("coarse steps", uv, "µV", _fixed(quantize, step_uv=uv))


def _misplaced(leads: Sequence[str]) -> Iterator[Disturbance]:
    """Yield each lead lost and each of SWAPS."""
    for lead in leads:
        lost = _fixed(flatten_lead, lead=lead, leads=leads)
        yield Disturbance(kind="lead flat", setting=lead, apply=lost)
    for first, second in SWAPS:
        swap = _fixed(swap_electrodes, first=first, second=second, leads=leads)
        yield Disturbance(kind="electrodes swapped", setting=f"{first} and {second}", apply=swap)


def _strong(kind: str, strength: float, unit: str, apply: Apply) -> Disturbance:
    setting = f"{strength:g} {unit}"
    return Disturbance(kind=kind, setting=setting, apply=apply, strength=strength, unit=unit)


def _random(function: Callable[..., Signals], **settings: object) -> Apply:
    return lambda signals_mv, rng: function(signals_mv, rng=rng, **settings)


def _fixed(function: Callable[..., Signals], **settings: object) -> Apply:
    return lambda signals_mv, _: function(signals_mv, **settings)
