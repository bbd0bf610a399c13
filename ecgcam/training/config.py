"""TrainConfig: a recipe for training; the paper's by default."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..data.ptbxl import TRAIN_FOLDS
from ..nn.preprocess import PreprocessConfig
from .precision import AUTO, PRECISIONS

SCHEDULES = ("plateau", "onecycle", "constant")
SCORES = ("auroc", "average_precision", "accuracy", "f1")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A recipe; the paper's by default (Adam at 5e-4, batches of 128, 25 epochs, plateau, BCE).

    task, unlabelled: see labels.py; unlabelled None: as is usual for the task.
    leads: the leads to judge by, of those in the store; None: all of them.
    augmentation: "paper", "none" or a file (augment.py).
    crop_s: train on so many seconds of each record, cut out anew each time; None: on all of it.
    unvalidated_share: of the records that no person has validated, how many come in an epoch, other
    ones each time; 1: all.
    schedule: "plateau" halves the learning rate when the score has not risen for over 3 epochs;
    "onecycle" rises to learning_rate and falls to nothing over all epochs.
    auxiliary: learn beside the task each superclass, subclass and statement that at least so many
    training records have (auxiliary.py); None: the task alone.
    average: keep the weights' running average over the steps, of which each step keeps this share,
    in place of the last step's; None: the last step's.
    teachers: model files, or shipped models by name, whose judgements the targets are moved to by
    `teacher_share`; out_of_fold: each says nothing of the folds that it has learned from.
    each_batch: they judge each batch as it is cropped and augmented (tutors.py), not a record once.
    score: what the best epoch is chosen by, of the validation folds; the higher the better.
    patience: stop after so many epochs without a better score; None: never.
    precision: "float32", "bf16", or "auto": bf16 where the processor multiplies it (precision.py).
    """

    task: str = "normal"
    unlabelled: str | None = None
    backbone: str = "signalcnn"
    backbone_config: Mapping[str, Any] = field(default_factory=dict)
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    leads: tuple[str, ...] | None = None
    augmentation: str = "paper"
    crop_s: float | None = None
    unvalidated_share: float = 1.0
    train_folds: tuple[int, ...] = TRAIN_FOLDS
    validation_folds: tuple[int, ...] = (9,)
    epochs: int = 25
    batch: int = 128
    learning_rate: float = 5e-4
    weight_decay: float = 0.0
    schedule: str = "plateau"
    auxiliary: int | None = None
    average: float | None = None
    teachers: tuple[str, ...] = ()
    teacher_share: float = 0.5
    out_of_fold: bool = False
    each_batch: bool = False
    score: str = "auroc"
    patience: int | None = None
    precision: str = AUTO
    seed: int = 0

    def __post_init__(self) -> None:
        self._refuse_numbers()
        for name, choices in (
            ("schedule", SCHEDULES),
            ("score", SCORES),
            ("precision", (AUTO, *PRECISIONS)),
        ):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                )
        if self.leads is not None and not 0 < len(self.leads) == len(set(self.leads)):
            raise ValueError(f"leads must be one or more different names, got {self.leads}")
        for name in ("each_batch", "out_of_fold"):
            if getattr(self, name) and not self.teachers:
                raise ValueError(f"{name} needs teachers")
        if not self.train_folds or not self.validation_folds:
            raise ValueError("train_folds and validation_folds need a fold each, or more")
        if set(self.train_folds) & set(self.validation_folds):
            raise ValueError("a fold cannot be both trained on and validated on")

    def _refuse_numbers(self) -> None:
        for name in ("epochs", "batch", "learning_rate", "auxiliary", "patience", "crop_s"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be above 0 and finite, got {value}")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must be 0 or more, and finite, got {self.weight_decay}")
        if not 0 <= self.seed < 2**63:  # what torch takes
            raise ValueError(f"seed must be from 0 to {2**63 - 1}, got {self.seed}")
        for name in ("epochs", "batch", "auxiliary", "patience", "seed"):
            if not isinstance(getattr(self, name), int | None):
                raise ValueError(f"{name} must be a whole number, got {getattr(self, name)}")
        if self.average is not None and not 0 < self.average < 1:
            raise ValueError(f"average must lie between 0 and 1, got {self.average}")
        for name in ("teacher_share", "unvalidated_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be within [0, 1], got {getattr(self, name)}")

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "TrainConfig":
        """Back from what asdict and JSON made of it; before there was a choice, it was float32."""
        preprocess = PreprocessConfig(**saved["preprocess"])
        listed = ("train_folds", "validation_folds", "leads", "teachers")
        tuples = {key: tuple(saved[key]) for key in listed if saved.get(key) is not None}
        return cls(**{"precision": "float32", **saved, "preprocess": preprocess, **tuples})
