"""Full pipeline, folder to trained and evaluated model, added up from its stages.

In one piece the paper's way would take an hour. The time of each stage is proportional to the
number of ECGs (ours by growth.py; a loop over records by its nature), so the times add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from .limits import WORK, limit_s
from .plan import ONE_BY_ONE, OURS, PAPER, POLYFIT, RDSAMP
from .stages import Measured, Taken

EPOCHS = 25


@dataclass(frozen=True, kw_only=True)
class Counts:
    """ECGs of a folder: all, of its training folds, of fold 9, and those epochs were timed on."""

    records: int
    train: int
    validation: int
    trained: int


def our_way_s(stages: Mapping[str, Measured], counts: Counts, *, epoch: str) -> float:
    """Add up preparation, the first epoch with its start, the other epochs, and evaluation.

    epoch: the stage that has the epochs, "epoch" or "epoch_bf16".
    """
    epochs = stages[epoch].taken[OURS]
    first_s = (epochs.first_s or 0.0) / counts.trained  # with fixed costs, so rather too much
    return (
        counts.records * _seconds(stages["store"].taken[OURS])
        + counts.train * (first_s + (EPOCHS - 1) * _seconds(epochs))
        + counts.validation * _seconds(stages["evaluate"].taken[OURS])
    )


def paper_way_s(stages: Mapping[str, Measured], counts: Counts) -> float:
    """Add up reading and preprocessing of every record, the epochs, and evaluation by record.

    Raises KeyError with the name of the part that was not measured.
    """
    read = _seconds(stages["store"].taken[RDSAMP])
    preprocess = _seconds(stages["preprocess"].taken[POLYFIT])
    return (
        counts.records * (read + preprocess)
        + counts.train * EPOCHS * _seconds(stages["epoch"].taken[PAPER])
        + counts.validation * _seconds(stages["evaluate"].taken[ONE_BY_ONE])
    )


def way_limit_s(speeds: Mapping[str, float], counts: Counts) -> float:
    """Add up the limits of the stages in the same way."""
    return (
        counts.records * limit_s(WORK["store"], speeds)
        + counts.train * EPOCHS * limit_s(WORK["epoch"], speeds)
        + counts.validation * limit_s(WORK["evaluate"], speeds)
    )


def _seconds(taken: Taken) -> float:
    return median(taken.seconds)
