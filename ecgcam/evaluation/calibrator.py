"""A model to a calibrated one: probabilities, thresholds, bands and conformal sets from a fold."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import DatasetError, ModelError
from ..inference.card import Card, is_number
from ..inference.classifier import Classifier, load, to_probabilities
from ..inference.decisions import KEY, ChosenOn, ClassPoints, OperatingPoints
from ..inference.modelfile import copy_with_card
from ..inference.zoo import find_model
from .calibration import fit_shifts, fit_temperature
from .choices import NONE, CalibrateConfig, choose
from .fold_predictions import FoldPredictions, Progress, predict_folds
from .leakage import fold_digests, seen

BIAS_SHIFT = "bias_shift"  # in a card's provenance: what calibration added to each logit
_ANEW = "; temperature and thresholds were chosen anew"


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
    """Write the model to `out` with a card whose numbers are chosen on these folds; the card.

    model: a file, or the name of a shipped model. The file stays as it is, unless it is `out`.
    Raises DatasetError where these folds cannot choose them, ModelError where the model has no
    use for them.
    """
    classifier = load(model, backbone=backbone)
    _refuse_learned(classifier.card, store, folds)
    judged = predict_folds(classifier, store, folds=folds, progress=progress)
    shifts = []
    if config.shift and not classifier.exclusive:
        shifts = fit_shifts(judged.targets, judged.logits).tolist()
        judged = shifted(judged, shifts)
    card = calibrated(judged, config)
    copy_with_card(find_model(model), card, out, bias_shift=shifts)
    return card


def shifted(judged: FoldPredictions, shifts: Sequence[float]) -> FoldPredictions:
    """The same records judged by the model with these shifts (classes,) added to its logits.

    Its thresholds move along, so that it decides as before; its card keeps what was added so far.
    """
    classifier = judged.classifier
    card, added = classifier.card, np.array(shifts, np.float32)
    match card["provenance"].get(BIAS_SHIFT):
        case list(before) if len(before) == len(shifts) and all(map(is_number, before)):
            so_far = [round(old + new, 3) for old, new in zip(before, shifts, strict=True)]
        case _:  # none yet; or a stranger's card that means something else
            so_far = list(shifts)
    changed = {
        "thresholds": _same_decisions(card, card["temperature"], shifts=added),
        "provenance": {**card["provenance"], BIAS_SHIFT: so_far},
    }
    moved = Classifier(classifier.run, bias=classifier.bias + added, card=card | changed)
    logits = judged.logits + added
    return replace(
        judged, classifier=moved, logits=logits, probabilities=moved.probabilities(logits)
    )


def calibrated(judged: FoldPredictions, config: CalibrateConfig) -> Card:
    """The model's card with a temperature, thresholds and operating points for these records.

    A class whose records are all of one kind keeps its decisions, and gets no operating points.
    """
    classifier = judged.classifier
    temperature = fit_temperature(judged.targets, judged.logits, exclusive=classifier.exclusive)
    probabilities = to_probabilities(
        judged.logits, temperature=temperature, exclusive=classifier.exclusive
    )
    thresholds = _same_decisions(classifier.card, temperature)
    classes = {}
    for k, name in enumerate(_judged_by_itself(classifier, config)):
        targets = judged.targets[:, k] > 0
        if targets.any() and not targets.all():
            try:
                thresholds[k], classes[name] = choose(
                    targets, probabilities[:, k], config, unless_chosen=thresholds[k]
                )
            except ValueError as error:
                raise DatasetError(f"class {name}: {error}") from None
    points = _points(judged, config, classes)
    changed = {"temperature": temperature, "thresholds": thresholds, KEY: points.to_dict()}
    return classifier.card | changed | _about(classifier.card, points.chosen_on)


def _points(
    judged: FoldPredictions, config: CalibrateConfig, classes: Mapping[str, ClassPoints]
) -> OperatingPoints:
    return OperatingPoints(
        chosen_on=ChosenOn(
            folds=judged.folds,
            records=len(judged.indices),
            store=judged.store.about["fingerprint"],
            source=judged.store.about.get("source", ""),
            digests=fold_digests(judged.store, judged.folds),
        ),
        threshold=config.threshold,
        band=config.band,
        alpha=config.alpha,
        classes=classes,
    )


def _about(card: Card, chosen_on: ChosenOn) -> dict[str, Any]:
    """What a shipped card tells of itself, without the scores at its earlier points."""
    about = card.get("about")  # benchmarks/study/ship.py writes it
    if not isinstance(about, dict):
        return {}
    kept = {key: said for key, said in about.items() if key not in ("scores", "subgroups")}
    folds = f"fold{'s' if len(chosen_on.folds) > 1 else ''} {', '.join(map(str, chosen_on.folds))}"
    data = str(about.get("data", "")).partition(_ANEW)[0]
    return {"about": kept | {"data": f"{data}{_ANEW} on {folds} of {chosen_on.source}"}}


def _refuse_learned(card: Card, store: Store, folds: Sequence[int]) -> None:
    """Of records that it has learned from, a model is surer than it will be of new ones."""
    if learned := seen(card, store, folds).learned_from:
        raise DatasetError(
            f"the model has learned from fold {', '.join(map(str, learned))} of this data, and is "
            "surer of its records than of new ones; needed: folds it has not seen."
        )


def _judged_by_itself(classifier: Classifier, config: CalibrateConfig) -> tuple[str, ...]:
    """The classes that have a threshold; ModelError if one is asked for where there is none."""
    if not classifier.exclusive:
        return classifier.classes
    if config.threshold != NONE:
        raise ModelError(
            f"the classes of the task {classifier.card['task']['name']!r} exclude one another, and "
            "the likeliest is the answer: there is no threshold, band or set to choose. "
            "`--threshold none` fits the temperature alone."
        )
    return ()


def _same_decisions(
    card: Card, temperature: float, *, shifts: NDArray[np.float32] | float = 0.0
) -> list[float]:
    """The thresholds t' that decide at T' on logits shifted by b as the card's t do at its T.

    sigmoid(z / T) >= t is sigmoid((z + b) / T') >= t' for t' = sigmoid((logit(t) T + b) / T').
    """
    from scipy.special import expit, logit

    logits = logit(np.clip(card["thresholds"], 0, 1)) * card["temperature"] + shifts
    return [float(threshold) for threshold in expit(logits / temperature)]
