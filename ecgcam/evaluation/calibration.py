"""Calibration: choose a threshold, fit temperature and shifts, and measure reliability.

Thresholds, temperature and shifts are chosen on a fold that the model is not tested on. Targets are
0 or 1, probabilities within [0, 1], both (n,); the decision is `probability >= threshold`. A
threshold lies halfway between two probabilities: exactly on one, the rounding of another batch size
or engine would change that record's decision.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import TEMPERATURES
from .metrics import validate

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_SHIFT = 5.0  # in logits: odds 148 times as high
_ROUNDING = 1e-12  # of a fraction: 1 - 0.9 is below 0.1


def choose_threshold(targets: NDArray[Any], probabilities: NDArray[Any], rule: str) -> float:
    """Return the threshold that a rule chooses; the highest one if several are equally good.

    rule: one of
    - "youden": largest sensitivity + specificity - 1 (Youden 1950),
    - "accuracy": most correct decisions; it depends on the prevalence of positives,
    - "f1": highest F1, for rare classes: it weighs each false alarm as a miss,
    - "sensitivity=0.95": the highest threshold with at least this sensitivity,
    - "specificity=0.95": the lowest threshold with at least this specificity.
    ValueError if all targets are equal, or if so many negatives have the highest probability that
    no threshold reaches the specificity.
    """
    thresholds, sensitivity, specificity = _roc_points(targets, probabilities)
    kind, _, value = rule.partition("=")
    if kind == "sensitivity":
        return float(thresholds[np.argmax(sensitivity >= float(value) - _ROUNDING)])
    if kind == "specificity":
        enough = np.flatnonzero(specificity >= float(value) - _ROUNDING)
        if enough.size == 0:
            raise ValueError(
                f"the highest threshold has a specificity of {specificity[0]:.3f}; "
                f"expected {value}."
            )
        return float(thresholds[enough[-1]])
    prevalence = np.asarray(targets, np.float64).mean() if kind in ("accuracy", "f1") else 0.5
    score = prevalence * sensitivity + (1 - prevalence) * specificity
    if kind == "f1":
        found = prevalence * sensitivity
        score = 2 * found / (prevalence + found + (1 - prevalence) * (1 - specificity))
    return float(thresholds[np.argmax(score >= score.max() - _ROUNDING)])


def _roc_points(
    targets: NDArray[Any], probabilities: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]:
    """Return a threshold below each distinct probability, highest first, and what it reaches.

    Returns (m,) each: thresholds, sensitivity, specificity.
    """
    from sklearn.metrics import roc_curve

    targets, probabilities = validate(targets, probabilities)
    if targets.all() or not targets.any():
        raise ValueError("all targets are equal; expected positives and negatives.")
    fpr, tpr, upper = roc_curve(targets, probabilities, drop_intermediate=False)
    upper = upper[1:].astype(probabilities.dtype)  # the first is infinite: no positive decision
    lower = np.append(upper[1:], upper.dtype.type(0))
    halfway = upper - (upper - lower) / 2
    thresholds = np.where(halfway > lower, halfway, upper)  # adjacent floats have no middle
    return thresholds, tpr[1:], 1 - fpr[1:]


def reliability_table(
    targets: NDArray[Any], probabilities: NDArray[Any], *, bins: int = 10
) -> "pd.DataFrame":
    """Return mean probability and prevalence in bins of equal width from 0 to 1.

    One row per bin that holds records, with `low` and `high` (low <= probability < high; the last
    bin includes 1), `n`, `mean_probability` and `prevalence`.
    """
    import pandas as pd

    targets, probabilities = validate(targets, probabilities)
    bin_of = np.minimum((probabilities.astype(np.float64) * bins).astype(int), bins - 1)
    n = np.bincount(bin_of, minlength=bins)
    used = np.flatnonzero(n)
    return pd.DataFrame(
        {
            "low": used / bins,
            "high": (used + 1) / bins,
            "n": n[used],
            "mean_probability": np.bincount(bin_of, probabilities, bins)[used] / n[used],
            "prevalence": np.bincount(bin_of, targets, bins)[used] / n[used],
        }
    )


def expected_calibration_error(
    targets: NDArray[Any], probabilities: NDArray[Any], *, bins: int = 10
) -> float:
    """Return Σ_b n_b / n |mean probability_b - prevalence_b| over equal bins b; 0 is best.

    Naeini, Cooper and Hauskrecht 2015, for the probability of the positive class. It depends on
    the bins, and chance alone keeps it above 0: compare it on the same records only.
    """
    table = reliability_table(targets, probabilities, bins=bins)
    gap = (table["mean_probability"] - table["prevalence"]).abs()
    return float((table["n"] * gap).sum() / table["n"].sum())


def fit_temperature(
    targets: NDArray[Any], logits: NDArray[Any], *, exclusive: bool = False
) -> float:
    """Return the temperature T that maximizes the likelihood of logits / T.

    targets: (n,) or (n, classes), 0, 1, or NaN where unknown. logits: the same shape. exclusive:
    softmax over the classes instead of a sigmoid each. A class whose known records are all of one
    kind has no say: any T that makes it more certain would suit it. Without other classes T is 1.
    One T for all classes keeps the order of a class's records,
    and so its AUROC (Guo et al. 2017). The mean negative log-likelihood is convex in 1 / T; T is
    kept within TEMPERATURES, because logits that separate the classes perfectly would have T = 0.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    targets, logits = np.asarray(targets, np.float64), np.asarray(logits, np.float64)
    if not np.isfinite(logits).all():
        raise ValueError("a logit is not finite.")

    both_kinds = _has_both_kinds(targets)
    if not both_kinds.any():
        return 1.0
    if exclusive:
        targets, logits = targets[:, both_kinds], logits[:, both_kinds]
    else:
        use = ~np.isnan(targets) & both_kinds
        targets, logits = targets[use], logits[use]

    def negative_log_likelihood(log_temperature: float) -> float:
        z = logits / np.exp(log_temperature)
        if exclusive:
            return float(-(targets * log_softmax(z, axis=1)).sum(axis=1).mean())
        return float((np.logaddexp(0, z) - targets * z).mean())

    bounds = np.log(TEMPERATURES)
    best = minimize_scalar(negative_log_likelihood, bounds=bounds, options={"xatol": 1e-6})
    return float(np.exp(best.x))


def _has_both_kinds(targets: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each class (its column, or all of (n,)) has positives and negatives."""
    return np.asarray((targets == 0).any(axis=0) & (targets == 1).any(axis=0))


def fit_shifts(targets: NDArray[Any], logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return the constant to add to each class's logits for the highest likelihood.

    targets, logits: (n, classes), classes that do not exclude one another; targets are NaN where
    unknown. Returns (classes,), to three decimals, within ±5; 0 for a class whose known records are
    all of one kind. Shifts correct
    what a temperature cannot: a class that is more frequent, or diagnosed more strictly, than
    where the model was trained (Platt 1999, with one slope for all classes).

    The mean negative log-likelihood of a z + c is convex in the slope a and the intercepts c; the
    shifts are c / a.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    targets, logits = np.asarray(targets, np.float64), np.asarray(logits, np.float64)
    both_kinds = _has_both_kinds(targets)
    shifts = np.zeros(logits.shape[1])
    if not both_kinds.any():
        return shifts
    y, z = targets[:, both_kinds], logits[:, both_kinds]
    known = ~np.isnan(y)
    y = np.where(known, y, 0)

    def loss_and_gradient(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = x[0] * z + x[1:]  # x: (1 + classes,), the slope and the intercepts
        error = known * (expit(scores) - y) / known.sum()
        loss = (known * (np.logaddexp(0, scores) - y * scores)).sum() / known.sum()
        return float(loss), np.concatenate([[(error * z).sum()], error.sum(axis=0)])

    coldest, hottest = TEMPERATURES
    bounds = [(1 / hottest, 1 / coldest)] + [(None, None)] * y.shape[1]
    start = np.concatenate([[1.0], np.zeros(y.shape[1])])
    options = {"ftol": 1e-12, "gtol": 1e-8}
    best = minimize(loss_and_gradient, start, jac=True, bounds=bounds, options=options).x
    shifts[both_kinds] = np.clip(best[1:] / best[0], -_LARGEST_SHIFT, _LARGEST_SHIFT)
    return shifts.round(3)
