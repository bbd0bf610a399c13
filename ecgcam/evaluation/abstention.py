"""When a model should say that it is not sure: a band of probabilities around its threshold.

The band is Chow's rule (1970) for two kinds of mistake. Let a false alarm cost t and a miss 1 - t;
then t is the best threshold, and a record of probability p costs p (1 - t) if it is called
negative and (1 - p) t if positive. It is left open where both are above (1 - w) t (1 - t), which
is where its certainty

    c(p) = (p - t) / (1 - t) above the threshold, (t - p) / t below

is under w, the width of the band: 0 leaves nothing open, 1 all that is not quite certain.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import Band
from .metrics import checked, decide

_ROUNDING = 1e-12  # of a share: 19 of 20 is 0.95


def certainty(probabilities: NDArray[Any], *, threshold: float) -> NDArray[np.float64]:
    """How far each probability is on its way from the threshold, 0, to 0 % or 100 %, 1.

    probabilities: (n,). threshold: within [0, 1]. Returns (n,).
    """
    distance = probabilities.astype(np.float64) - threshold
    room = np.where(distance < 0, threshold, 1 - threshold)
    return np.abs(distance) / np.where(room > 0, room, 1)


def coverage_and_accuracy(
    right: NDArray[np.bool_], certainties: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """What is answered, and how much of it rightly, if only the surest records are answered.

    right: (n,), whether the decision is right. certainties: (n,), how sure it is.
    Returns (m,) each, one entry for each certainty there is, the surest first: the certainty down
    to which records are answered, their share of all, and the share of them decided rightly.
    """
    order = np.argsort(-certainties, kind="stable")
    last_of_equals = np.flatnonzero(np.diff(certainties[order], append=-1))
    answered = last_of_equals + 1
    rightly = np.cumsum(right[order])[last_of_equals]
    return certainties[order][last_of_equals], answered / right.size, rightly / answered


def band_for_accuracy(
    targets: NDArray[Any], probabilities: NDArray[Any], *, threshold: float, accuracy: float
) -> Band:
    """The narrowest band outside which this share of the decisions is right.

    targets: (n,), 0 or 1. probabilities: (n,). ValueError if no band will do: then even the
    surest decisions are wrong too often.
    """
    certainties, _, reached = _curve(targets, probabilities, threshold=threshold)
    enough = np.flatnonzero(reached >= accuracy - _ROUNDING)
    if enough.size == 0:
        raise ValueError(
            f"no band leaves so many of its answers right: {reached.max():.3f} at best; "
            f"needed: {accuracy}."
        )
    return _band(certainties, last=enough[-1], threshold=threshold)


def band_for_coverage(
    targets: NDArray[Any], probabilities: NDArray[Any], *, threshold: float, coverage: float
) -> Band:
    """The widest band outside which at least this share of the records is left.

    targets: (n,), 0 or 1. probabilities: (n,). coverage: within (0, 1].
    """
    certainties, covered, _ = _curve(targets, probabilities, threshold=threshold)
    first = int(np.argmax(covered >= coverage - _ROUNDING))
    return _band(certainties, last=first, threshold=threshold)


def _curve(
    targets: NDArray[Any], probabilities: NDArray[Any], *, threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    targets, probabilities = checked(targets, probabilities)
    right = decide(probabilities, threshold=threshold) == targets
    return coverage_and_accuracy(right, certainty(probabilities, threshold=threshold))


def _band(certainties: NDArray[np.float64], *, last: int, threshold: float) -> Band:
    """The band that answers down to the last-th certainty: halfway to the next one, if any."""
    if last == certainties.size - 1:
        return Band.around(threshold, width=0)
    return Band.around(threshold, width=float(certainties[last : last + 2].mean()))
