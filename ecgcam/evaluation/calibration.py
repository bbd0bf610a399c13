"""Where to put the threshold, and whether a probability means what it says.

All of this is chosen on a fold that the model is not tested on. Targets are 0 or 1, probabilities
within [0, 1], both (n,); a decision is `probability >= threshold`. A threshold is put halfway
between two neighbouring probabilities: on one of them, the rounding of another batch size or
another engine would turn that record's decision.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import TEMPERATURES
from .bootstrap import ratio
from .metrics import checked, decide

if TYPE_CHECKING:
    import pandas as pd

_MOST_SHIFT = 5.0  # in logits: odds 148 times as high
_ROUNDING = 1e-12  # of a share: 1 - 0.9 is below 0.1


def youden_threshold(targets: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """The threshold at which sensitivity + specificity - 1 is largest (Youden 1950).

    The highest one where several are as good. ValueError if all targets are alike.
    """
    thresholds, sensitivity, specificity = _operating_points(targets, probabilities)
    return _highest_of_best(thresholds, sensitivity + specificity - 1)


def threshold_for_accuracy(targets: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """The threshold at which most records are decided rightly.

    The highest one where several are as good. It moves with the share of positives: where they
    are rare, so is a yes. ValueError if all targets are alike.
    """
    thresholds, sensitivity, specificity = _operating_points(targets, probabilities)
    prevalence = np.asarray(targets, np.float64).mean()
    return _highest_of_best(thresholds, prevalence * sensitivity + (1 - prevalence) * specificity)


def threshold_for_sensitivity(
    targets: NDArray[Any], probabilities: NDArray[Any], *, sensitivity: float
) -> float:
    """The highest threshold with at least this sensitivity, so with the best specificity.

    sensitivity: within (0, 1], the share of the positives to be found. ValueError if all targets
    are alike.
    """
    if not 0 < sensitivity <= 1:
        raise ValueError(f"sensitivity is {sensitivity}; needed: above 0, at most 1.")
    thresholds, reached, _ = _operating_points(targets, probabilities)
    enough = reached >= sensitivity - _ROUNDING
    return float(thresholds[np.argmax(enough)])  # the first: thresholds fall


def threshold_for_specificity(
    targets: NDArray[Any], probabilities: NDArray[Any], *, specificity: float
) -> float:
    """The lowest threshold with at least this specificity, so with the best sensitivity.

    specificity: within [0, 1), the share of the negatives to be left alone. ValueError if all
    targets are alike, or if so many negatives share the highest probability that none will do.
    """
    if not 0 <= specificity < 1:
        raise ValueError(f"specificity is {specificity}; needed: at least 0, below 1.")
    thresholds, _, reached = _operating_points(targets, probabilities)
    enough = np.flatnonzero(reached >= specificity - _ROUNDING)
    if enough.size == 0:
        raise ValueError(
            f"the highest threshold has a specificity of {reached[0]:.3f}; needed: {specificity}."
        )
    return float(thresholds[enough[-1]])


def _operating_points(
    targets: NDArray[Any], probabilities: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """A threshold below each probability there is, highest first; sensitivity and specificity."""
    from sklearn.metrics import roc_curve

    targets, probabilities = checked(targets, probabilities)
    if targets.all() or not targets.any():
        raise ValueError("all targets are alike; needed: positives and negatives.")
    fpr, tpr, found = roc_curve(targets, probabilities, drop_intermediate=False)
    found = found[1:].astype(probabilities.dtype)  # the first is infinite: nothing is positive
    lower = np.append(found[1:], found.dtype.type(0))
    halfway = found - (found - lower) / 2
    thresholds = np.where(halfway > lower, halfway, found)  # neighbouring floats have no middle
    return thresholds, tpr[1:], 1 - fpr[1:]


def _highest_of_best(thresholds: NDArray[Any], scores: NDArray[np.float64]) -> float:
    return float(thresholds[np.argmax(scores >= scores.max() - _ROUNDING)])  # thresholds fall


def sensitivity_and_specificity(
    targets: NDArray[Any], probabilities: NDArray[Any], *, threshold: float
) -> tuple[float, float]:
    """What a threshold reaches: the shares of positives and of negatives decided rightly.

    NaN where there is none of a kind.
    """
    targets, probabilities = checked(targets, probabilities)
    called = decide(probabilities, threshold=threshold)
    rightly = np.array([(called & targets).sum(), (~called & ~targets).sum()], np.float64)
    kinds = np.array([targets.sum(), (~targets).sum()], np.float64)
    sensitivity, specificity = ratio(rightly, kinds)
    return float(sensitivity), float(specificity)


def brier(targets: NDArray[Any], probabilities: NDArray[Any]) -> float:
    """The mean of (probability - target)², within [0, 1]; 0 is best (Brier 1950)."""
    from sklearn.metrics import brier_score_loss

    targets, probabilities = checked(targets, probabilities)
    return float(brier_score_loss(targets, probabilities, pos_label=True))


def reliability_table(
    targets: NDArray[Any], probabilities: NDArray[Any], *, bins: int = 10
) -> "pd.DataFrame":
    """What was said against what was so, in bins of equal width from 0 to 1.

    One row a bin that holds records, with `low` and `high` (low <= probability < high; the last
    bin holds 1 as well), `n`, `mean_probability` and `prevalence`.
    """
    import pandas as pd

    if bins < 1:
        raise ValueError(f"bins is {bins}; needed: at least 1.")
    targets, probabilities = checked(targets, probabilities)
    place = np.minimum((probabilities.astype(np.float64) * bins).astype(int), bins - 1)
    n = np.bincount(place, minlength=bins)
    used = np.flatnonzero(n)
    return pd.DataFrame(
        {
            "low": used / bins,
            "high": (used + 1) / bins,
            "n": n[used],
            "mean_probability": np.bincount(place, probabilities, bins)[used] / n[used],
            "prevalence": np.bincount(place, targets, bins)[used] / n[used],
        }
    )


def expected_calibration_error(
    targets: NDArray[Any], probabilities: NDArray[Any], *, bins: int = 10
) -> float:
    """Σ_b n_b / n |mean probability_b - prevalence_b| over equal bins b; 0 is best, 1 worst.

    Naeini, Cooper and Hauskrecht 2015, for the probability of the positive class. It depends on
    the bins, and chance alone keeps it above 0: compare it on the same records only.
    """
    table = reliability_table(targets, probabilities, bins=bins)
    gap = (table["mean_probability"] - table["prevalence"]).abs()
    return float((table["n"] * gap).sum() / table["n"].sum())


def fit_temperature(
    targets: NDArray[Any], logits: NDArray[Any], *, exclusive: bool = False
) -> float:
    """The temperature T for which logits / T make the likeliest probabilities.

    targets: (n,) or (n, classes), 0 or 1. logits: the same shape. exclusive: softmax over the
    classes instead of a sigmoid each. One T for all classes; it keeps the order of a class's
    records, and so its AUROC (Guo et al. 2017). T minimises the mean negative log-likelihood, which
    is convex in 1 / T, within [0.05, 20]: logits that part the classes fully would have T = 0.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    targets, logits = np.asarray(targets, np.float64), np.asarray(logits, np.float64)
    if targets.shape != logits.shape or targets.size == 0 or not np.isfinite(logits).all():
        raise ValueError(
            f"targets have shape {targets.shape}, logits {logits.shape}; "
            "needed: one shape with a record in it, and finite logits."
        )

    def negative_log_likelihood(log_temperature: float) -> float:
        z = logits / np.exp(log_temperature)
        if exclusive:
            return float(-(targets * log_softmax(z, axis=1)).sum(axis=1).mean())
        return float((np.logaddexp(0, z) - targets * z).mean())

    bounds = np.log(TEMPERATURES)
    found = minimize_scalar(negative_log_likelihood, bounds=bounds, options={"xatol": 1e-6})
    return float(np.exp(found.x))


def fit_shifts(targets: NDArray[Any], logits: NDArray[Any]) -> NDArray[np.float64]:
    """What to add to each class's logits so that, at one temperature, they are likeliest.

    targets, logits: (n, classes), each class judged by itself. Returns (classes,), to three
    decimals, within 5 either way; 0 for a class whose records are all of one kind. It mends what
    a temperature cannot: a class that is more or less frequent, or more strictly diagnosed, here
    than where the model has learned (Platt 1999, with one slope for all classes).

    The mean negative log-likelihood of a z + c is convex in the slope a and the intercepts c; the
    shifts are c / a.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    targets, logits = np.asarray(targets, np.float64), np.asarray(logits, np.float64)
    both = (targets.min(axis=0) == 0) & (targets.max(axis=0) == 1)
    shifts = np.zeros(logits.shape[1])
    if not both.any():
        return shifts
    y, z = targets[:, both], logits[:, both]

    def loss(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Of x = (a, c…), with its gradient."""
        scores = x[0] * z + x[1:]
        error = (expit(scores) - y) / y.size
        value = (np.logaddexp(0, scores) - y * scores).mean()
        return float(value), np.concatenate([[(error * z).sum()], error.sum(axis=0)])

    coldest, hottest = TEMPERATURES
    bounds = [(1 / hottest, 1 / coldest)] + [(None, None)] * y.shape[1]
    start = np.concatenate([[1.0], np.zeros(y.shape[1])])
    found = minimize(loss, start, jac=True, bounds=bounds, options={"ftol": 1e-12, "gtol": 1e-8}).x
    shifts[both] = np.clip(found[1:] / found[0], -_MOST_SHIFT, _MOST_SHIFT)
    return shifts.round(3)
