"""Uncertainty: choose a class's abstention band and conformal limits on a fold.

**Abstention band** (Chow 1970). Let a false alarm cost t and a miss 1 - t; then t is the best
threshold, and a record of probability p costs p (1 - t) if the decision is negative and (1 - p) t
if it is positive. The model abstains where both exceed (1 - w) t (1 - t), which is where the
certainty c(p), |p - t| as a fraction of its largest value on that side, is less than w, the width
of the band: 0 never abstains, 1 always unless p is exactly 0 or 1.

**Conformal set**: the answers that a probability cannot rule out, by split conformal prediction for
each kind of record (class-conditional; Vovk, Gammerman and Shafer 2005, section 4.5; Sadinle, Lei
and Wasserman 2019). Take n records of one kind that the model was not trained on, and a new one
that is exchangeable with them: any order of the n + 1 is equally likely. It is among the r most
unusual with probability at most r / (n + 1), so with r = floor(alpha (n + 1)) and the limit not
beyond the r-th most unusual of the n

    1 - alpha <= P(the true answer is in the set | the true answer) <= 1 - alpha + 2 / (n + 1),

the latter without ties, whatever the model and the prevalence. It holds on average over the draw of
the n and of the new record, for each class separately, and not for every group of patients. It does
not hold for records from elsewhere, and is weaker if several are of one patient or the model was
selected on the n.

Band edges and limits lie halfway between two records: exactly on one, the rounding of another batch
size or engine would change that record's answer.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import Band, ConformalLimits
from .metrics import decide, validate

_ROUNDING = 1e-12  # of a fraction: 19 of 20 is 0.95


def certainty(probabilities: NDArray[Any], *, threshold: float) -> NDArray[np.float64]:
    """Return how far each probability is from the threshold, 0, towards 0 % or 100 %, 1.

    probabilities: (n,). threshold: within [0, 1]. Returns (n,).
    """
    distance = probabilities.astype(np.float64) - threshold
    room = np.where(distance < 0, threshold, 1 - threshold)
    return np.abs(distance) / np.where(room > 0, room, 1)


def coverage_and_accuracy(
    correct: NDArray[np.bool_], certainties: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what a model covers, and how accurately, if it answers only its most certain records.

    correct: (n,), whether each decision is correct. certainties: (n,).
    Returns (m,) each, one entry per distinct certainty, highest first: the lowest certainty that
    is answered, the fraction of records answered, and the fraction of these that is correct.
    """
    order = np.argsort(-certainties, kind="stable")
    last_of_ties = np.flatnonzero(np.diff(certainties[order], append=-1))
    answered = last_of_ties + 1
    correct_answers = np.cumsum(correct[order])[last_of_ties]
    return certainties[order][last_of_ties], answered / correct.size, correct_answers / answered


def choose_band(
    targets: NDArray[Any], probabilities: NDArray[Any], *, threshold: float, rule: str
) -> Band:
    """Return the abstention band that a rule chooses.

    targets: (n,), 0 or 1. probabilities: (n,). rule: "accuracy=0.95", the narrowest band outside
    which this fraction of the decisions is correct; or "coverage=0.8", the widest band outside
    which this fraction of the records is left.
    ValueError if no band reaches the accuracy because the most certain decisions are wrong.
    """
    targets, probabilities = validate(targets, probabilities)
    correct = decide(probabilities, threshold=threshold) == targets
    certainties, coverage, accuracy = coverage_and_accuracy(
        correct, certainty(probabilities, threshold=threshold)
    )
    kind, _, value = rule.partition("=")
    reached = coverage if kind == "coverage" else accuracy
    enough = np.flatnonzero(reached >= float(value) - _ROUNDING)
    if enough.size == 0:
        raise ValueError(
            f"no abstention band reaches the accuracy: {accuracy.max():.3f} at best; "
            f"expected {value}."
        )
    last = enough[0] if kind == "coverage" else enough[-1]
    if last == certainties.size - 1:
        return Band.around(threshold, width=0)
    return Band.around(threshold, width=float(certainties[last : last + 2].mean()))


def conformal_limits(
    targets: NDArray[Any], probabilities: NDArray[Any], *, alpha: float
) -> ConformalLimits:
    """Return the limits whose sets miss the true answer at a rate of at most alpha, for both kinds.

    targets: (n,), 0 or 1. probabilities: (n,). alpha: within (0, 1). With fewer than 1 / alpha - 1
    records of a kind there is no guarantee, so its answer is always in the set.
    """
    targets, probabilities = validate(targets, probabilities)
    positives, negatives = np.sort(probabilities[targets]), np.sort(probabilities[~targets])[::-1]
    return ConformalLimits(
        positive_from=_limit(positives, alpha=alpha, always=0),
        negative_up_to=_limit(negatives, alpha=alpha, always=1),
    )


def _limit(probabilities: NDArray[Any], *, alpha: float, always: float) -> float:
    """Return the value halfway from the floor(alpha (n + 1))-th probability to the one before it.

    probabilities: (n,), the most unusual first. always: the limit that rules out no record.
    """
    rank = int(alpha * (probabilities.size + 1))
    if rank == 0:
        return always
    return float(np.mean([always, *probabilities[:rank]][-2:], dtype=np.float64))
