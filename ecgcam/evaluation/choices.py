"""What to calibrate by, and what that chooses for one class: threshold, points, band and sets."""

import re
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import Band, ClassPoints, OperatingPoint
from .abstention import band_for_accuracy, band_for_coverage
from .calibration import (
    sensitivity_and_specificity,
    threshold_for_accuracy,
    threshold_for_sensitivity,
    threshold_for_specificity,
    youden_threshold,
)
from .conformal import conformal_limits

NONE = "none"
ASKED_FOR = (
    "youden",
    *(f"{kind}=0.{n}" for kind in ("sensitivity", "specificity") for n in (90, 95)),
)

_SHARE = r"=0?\.\d*[1-9]\d*"
_THRESHOLD = re.compile(rf"youden|accuracy|none|(sensitivity|specificity){_SHARE}")
_BAND = re.compile(rf"none|(accuracy|coverage){_SHARE}")


@dataclass(frozen=True, kw_only=True)
class CalibrateConfig:
    """What to choose by.

    shift:     add to each class's logits what makes its probabilities likeliest; classes that
               exclude one another keep theirs, for a shift would change the answers.
    threshold: "youden", "accuracy", "sensitivity=0.95" or "specificity=0.95" with any share; or
               "none": every decision stays as it is.
    band:      "accuracy=0.95": the narrowest band outside which so many decisions are right;
               "coverage=0.8": the widest outside which so many records are left; or "none".
    alpha:     the error rate of the conformal sets, within (0, 1).
    """

    shift: bool = True
    threshold: str = "youden"
    band: str = "accuracy=0.95"
    alpha: float = 0.1

    def __post_init__(self) -> None:
        if not _THRESHOLD.fullmatch(self.threshold):
            raise ValueError(
                f"threshold is {self.threshold!r}; needed: youden, accuracy, sensitivity=0.95, "
                "specificity=0.95 (any share below 1), or none"
            )
        if not _BAND.fullmatch(self.band):
            raise ValueError(
                f"band is {self.band!r}; needed: accuracy=0.95, coverage=0.8 (any share below 1), "
                "or none"
            )
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be above 0 and below 1, got {self.alpha}")


def choose(
    targets: NDArray[np.bool_],
    probabilities: NDArray[np.float32],
    config: CalibrateConfig,
    *,
    unless_chosen: float,
) -> tuple[float, ClassPoints]:
    """The threshold that shall decide, and all that the card keeps of one class.

    targets, probabilities: (n,). ValueError if what the configuration wants cannot be had.
    """
    asked = config.threshold != NONE
    threshold = _threshold(targets, probabilities, config.threshold) if asked else unless_chosen
    points = {}
    for by in dict.fromkeys((*ASKED_FOR, config.threshold) if asked else ASKED_FOR):
        with suppress(ValueError):  # a specificity that no threshold reaches
            points[by] = _point(targets, probabilities, by)
    return threshold, ClassPoints(
        positives=int(targets.sum()),
        negatives=int((~targets).sum()),
        points=points,
        band=_band(targets, probabilities, config.band, threshold=threshold),
        conformal=conformal_limits(targets, probabilities, alpha=config.alpha),
    )


def _point(
    targets: NDArray[np.bool_], probabilities: NDArray[np.float32], by: str
) -> OperatingPoint:
    threshold = _threshold(targets, probabilities, by)
    sensitivity, specificity = sensitivity_and_specificity(
        targets, probabilities, threshold=threshold
    )
    return OperatingPoint(threshold=threshold, sensitivity=sensitivity, specificity=specificity)


def _threshold(targets: NDArray[np.bool_], probabilities: NDArray[np.float32], by: str) -> float:
    name, _, share = by.partition("=")
    if name == "sensitivity":
        return threshold_for_sensitivity(targets, probabilities, sensitivity=float(share))
    if name == "specificity":
        return threshold_for_specificity(targets, probabilities, specificity=float(share))
    choose = {"youden": youden_threshold, "accuracy": threshold_for_accuracy}[name]
    return choose(targets, probabilities)


def _band(
    targets: NDArray[np.bool_], probabilities: NDArray[np.float32], by: str, *, threshold: float
) -> Band | None:
    name, _, share = by.partition("=")
    if name == NONE:
        return None
    if name == "coverage":
        return band_for_coverage(targets, probabilities, threshold=threshold, coverage=float(share))
    return band_for_accuracy(targets, probabilities, threshold=threshold, accuracy=float(share))
