"""Calibrate a model: choose its temperature, thresholds, bands and conformal limits on a fold."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import DatasetError, ModelError
from ..inference.card import Card, is_number
from ..inference.classifier import Classifier, to_probabilities
from ..inference.decisions import KEY, ChosenOn, ClassPoints, OperatingPoint, OperatingPoints
from ..inference.loading import load
from ..inference.modelfile import copy_with_card
from ..inference.zoo import find_model
from ..processes import Progress
from .calibration import choose_threshold, fit_shifts, fit_temperature
from .fold_predictions import FoldPredictions, by_class, predict_folds
from .leakage import check_leakage, digest_tables
from .metrics import decide
from .uncertainty import choose_band, conformal_limits

NONE = "none"
BIAS_SHIFT = "bias_shift"  # in a card's provenance: what calibration added to each logit
RULES = (
    "youden",
    *(f"{kind}=0.{n}" for kind in ("sensitivity", "specificity") for n in (90, 95)),
)

_FRACTION = r"=0?\.\d*[1-9]\d*"
_THRESHOLD = re.compile(rf"youden|accuracy|f1|none|(sensitivity|specificity){_FRACTION}")
_BAND = re.compile(rf"none|(accuracy|coverage){_FRACTION}")
_ANEW = "; temperature and thresholds were chosen anew"


@dataclass(frozen=True, kw_only=True)
class CalibrateConfig:
    """Rules by which a calibration chooses.

    shift:     add a constant to each class's logits where that raises the likelihood; exclusive
               classes are not shifted, because that would change their decisions.
    threshold: "youden", "accuracy", "f1", "sensitivity=0.95" or "specificity=0.95" with any
               fraction; "none" keeps all decisions.
    band:      "accuracy=0.95", the narrowest abstention band outside which this fraction of the
               decisions is correct; "coverage=0.8", the widest outside which this fraction of the
               records is left; or "none".
    alpha:     error rate of the conformal sets, within (0, 1).
    """

    shift: bool = True
    threshold: str = "youden"
    band: str = "accuracy=0.95"
    alpha: float = 0.1

    def __post_init__(self) -> None:
        if not _THRESHOLD.fullmatch(self.threshold):
            raise ValueError(
                f"threshold is {self.threshold!r}; expected youden, accuracy, f1, "
                "sensitivity=0.95, specificity=0.95 (any fraction below 1), or none"
            )
        if not _BAND.fullmatch(self.band):
            raise ValueError(
                f"band is {self.band!r}; expected accuracy=0.95, coverage=0.8 (any fraction below "
                "1), or none"
            )
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}; expected above 0 and below 1")


def calibrate(
    model: Path,
    store: Store,
    out: Path,
    config: CalibrateConfig,
    *,
    folds: Sequence[int] = (9,),
    backbone: str | None = None,
    progress: Progress | None = None,
) -> Card:
    """Write a copy of the model to `out` that is calibrated on these folds; return its card.

    model: a file, or the name of a shipped model. `out` may be the same file.
    Raises DatasetError if nothing can be chosen on these folds, ModelError if the model cannot
    use what the configuration asks for.
    """
    classifier = load(model, backbone=backbone)
    if trained_on := check_leakage(classifier.card, store, folds).trained_on:
        raise DatasetError(
            f"the model was trained on fold {', '.join(map(str, trained_on))} of this data, so it "
            "is more certain of these records than of new ones; expected folds it was not trained "
            "on."
        )
    predictions = predict_folds(classifier, store, folds=folds, progress=progress)
    shifts = []
    if config.shift and not classifier.exclusive:
        shifts = fit_shifts(predictions.targets, predictions.logits).tolist()
        predictions = shift_logits(predictions, shifts)
    card = calibrated_card(predictions, config)
    copy_with_card(find_model(model), card, out, bias_shift=shifts)
    return card


def shift_logits(predictions: FoldPredictions, shifts: Sequence[float]) -> FoldPredictions:
    """Return the predictions of the model with these shifts (classes,) added to its logits.

    The thresholds move along, so all decisions stay; the card's provenance sums up the shifts of
    all calibrations.
    """
    classifier = predictions.classifier
    card, added = classifier.card, np.array(shifts, np.float32)
    total = list(shifts)
    match card["provenance"].get(BIAS_SHIFT):
        case list(before) if len(before) == len(shifts) and all(map(is_number, before)):
            total = [round(old + new, 3) for old, new in zip(before, shifts, strict=True)]
    card = card | {
        "thresholds": _same_decisions(card, card["temperature"], shifts=added),
        "provenance": {**card["provenance"], BIAS_SHIFT: total},
    }
    shifted = Classifier(classifier.run, bias=classifier.bias + added, card=card)
    logits = predictions.logits + added
    probabilities = shifted.probabilities(logits)
    return replace(predictions, classifier=shifted, logits=logits, probabilities=probabilities)


def calibrated_card(predictions: FoldPredictions, config: CalibrateConfig) -> Card:
    """Return the model's card with temperature, thresholds and operating points for these records.

    A class whose known records are all of one kind keeps its decisions and gets no operating
    points.
    """
    classifier = predictions.classifier
    exclusive = classifier.exclusive
    temperature = fit_temperature(predictions.targets, predictions.logits, exclusive=exclusive)
    probabilities = to_probabilities(
        predictions.logits, temperature=temperature, exclusive=exclusive
    )
    thresholds = _same_decisions(classifier.card, temperature)
    classes = {}
    columns = by_class(replace(predictions, probabilities=probabilities))
    for k, name in enumerate(_classes_with_threshold(classifier, config)):
        own = columns[k]
        if own.targets.any() and not own.targets.all():
            try:
                if config.threshold != NONE:
                    chosen = choose_threshold(own.targets, own.probabilities, config.threshold)
                    thresholds[k] = chosen
                classes[name] = _choose(own.targets, own.probabilities, thresholds[k], config)
            except ValueError as error:
                raise DatasetError(f"class {name}: {error}") from None
    points = _operating_points(predictions, config, classes)
    changed = {
        "temperature": temperature,
        "thresholds": thresholds,
        KEY: points.to_dict(),
        "fold_digests": digest_tables(predictions.store, [classifier.card]),
    }
    return classifier.card | changed | _about(classifier.card, points.chosen_on)


def _choose(
    targets: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    threshold: float,
    config: CalibrateConfig,
) -> ClassPoints:
    """Choose operating points, band and limits of one class; ValueError if the band is impossible.

    targets, probabilities: (n,). threshold: the one that decides.
    """
    points, band = {}, None
    for rule in RULES if config.threshold in (NONE, *RULES) else (*RULES, config.threshold):
        with suppress(ValueError):  # no threshold reaches a specificity
            chosen = choose_threshold(targets, probabilities, rule)
            decisions = decide(probabilities, threshold=chosen)
            points[rule] = OperatingPoint(
                threshold=chosen,
                sensitivity=float(decisions[targets].mean()),
                specificity=float((~decisions[~targets]).mean()),
            )
    if config.band != NONE:
        band = choose_band(targets, probabilities, threshold=threshold, rule=config.band)
    return ClassPoints(
        positives=int(targets.sum()),
        negatives=int((~targets).sum()),
        points=points,
        band=band,
        conformal=conformal_limits(targets, probabilities, alpha=config.alpha),
    )


def _operating_points(
    predictions: FoldPredictions, config: CalibrateConfig, classes: Mapping[str, ClassPoints]
) -> OperatingPoints:
    store = predictions.store
    return OperatingPoints(
        chosen_on=ChosenOn(
            folds=predictions.folds,
            records=len(predictions.indices),
            store=store.about["fingerprint"],
            source=store.about.get("source", ""),
        ),
        threshold=config.threshold,
        band=config.band,
        alpha=config.alpha,
        classes=classes,
    )


def _about(card: Card, chosen_on: ChosenOn) -> dict[str, Any]:
    """Return a shipped card's `about` without the scores at its earlier operating points."""
    about = card.get("about")  # benchmarks/study/ship.py writes it
    if not isinstance(about, dict):
        return {}
    kept = {key: value for key, value in about.items() if key not in ("scores", "subgroups")}
    folds = f"fold{'s' if len(chosen_on.folds) > 1 else ''} {', '.join(map(str, chosen_on.folds))}"
    data = str(about.get("data", "")).partition(_ANEW)[0]
    return {"about": kept | {"data": f"{data}{_ANEW} on {folds} of {chosen_on.source}"}}


def _classes_with_threshold(classifier: Classifier, config: CalibrateConfig) -> tuple[str, ...]:
    """Return the classes that have a threshold; ModelError if there are none but a rule is set."""
    if not classifier.exclusive:
        return classifier.classes
    if config.threshold != NONE:
        raise ModelError(
            f"the classes of the task {classifier.card['task']['name']!r} exclude one another: the "
            "most probable class is the decision, without a threshold, abstention band or "
            "conformal set. Use `--threshold none` to fit the temperature only."
        )
    return ()


def _same_decisions(
    card: Card, temperature: float, *, shifts: NDArray[np.float32] | float = 0.0
) -> list[float]:
    """Return thresholds t' that decide at T' on logits shifted by b as the card's t do at its T.

    sigmoid(z / T) >= t is sigmoid((z + b) / T') >= t' for t' = sigmoid((logit(t) T + b) / T').
    """
    from scipy.special import expit, logit

    logits = logit(np.clip(card["thresholds"], 0, 1)) * card["temperature"] + shifts
    return [float(threshold) for threshold in expit(logits / temperature)]
