"""Conformal sets: which answers cannot be ruled out, with a guarantee that needs no good model.

Split conformal prediction, each kind of record by itself (class-conditional; Vovk, Gammerman and
Shafer 2005, section 4.5; Sadinle, Lei and Wasserman 2019). Take n records of one kind that the
model has not learned from, and a new one of that kind, exchangeable with them: any order of the
n + 1 is as likely as any other. Then the new one's probability is among the r most unusual with
probability r / (n + 1) at most, so that with r = floor(alpha (n + 1)) and the limit not beyond the
r-th most unusual of the n

    P(the true answer is in the set | the true answer) >= 1 - alpha,

for the positive records and for the negative ones, whatever their shares. The limit is put halfway
between the r-th and the one before it: on the r-th, the rounding of another batch size or another
engine would turn that record's set. Without ties P is at most 1 - alpha + 2 / (n + 1). It holds on
average over the draw of the n and of the new record, for each class by itself, and not for every
group of patients. It is lost where new records come from elsewhere, and weakened where several are
of one patient or the model was chosen on the n.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import ConformalLimits
from .metrics import checked


def conformal_limits(
    targets: NDArray[Any], probabilities: NDArray[Any], *, alpha: float
) -> ConformalLimits:
    """The limits whose sets miss the true answer of at most a share alpha, of either kind.

    targets: (n,), 0 or 1. probabilities: (n,). alpha: within (0, 1). Of a kind with fewer than
    1 / alpha - 1 records nothing can be promised: its answer is then always possible.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; needed: above 0, below 1.")
    targets, probabilities = checked(targets, probabilities)
    positives, negatives = np.sort(probabilities[targets]), np.sort(probabilities[~targets])[::-1]
    return ConformalLimits(
        positive_from=_limit(positives, alpha=alpha, always=0),
        negative_up_to=_limit(negatives, alpha=alpha, always=1),
    )


def _limit(probabilities: NDArray[Any], *, alpha: float, always: float) -> float:
    """Halfway from the floor(alpha (n + 1))-th of the n to the one before it.

    They come the most unusual first; before all of them comes what is always possible.
    """
    rank = int(alpha * (probabilities.size + 1))
    if rank == 0:
        return always
    return float(np.mean([always, *probabilities[:rank]][-2:], dtype=np.float64))
