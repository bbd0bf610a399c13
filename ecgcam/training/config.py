"""The training configuration: frozen dataclasses that mirror the tables of a recipe file.

The defaults are the paper's recipe. Needs no torch, so that a wrong setting is refused at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..data.ptbxl import TRAIN_FOLDS
from ..nn.backbones import BACKBONES
from ..tasks import UNLABELLED
from .settings import Settings, setting

SCHEDULES = ("plateau", "onecycle", "constant")
SCORES = ("auroc", "average_precision", "accuracy", "f1")
SCALES = ("unit", "record", "zscore", "robust", "minmax", "none")  # those of nn/preprocess.py
AUGMENTATIONS = ("paper", "none")
AUTO = "auto"
BALANCED = "balanced"
PRECISIONS: dict[str, Literal["32-true", "bf16-mixed"]] = {  # lightning's names
    "float32": "32-true",
    "bf16": "bf16-mixed",
}

_BF16_FEATURES = ("amx_bf16", "avx512_bf16")  # of x86 CPUs, by torch's names


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """Records to train and validate on."""

    train_folds: tuple[int, ...] = setting(TRAIN_FOLDS, "Folds to train on.")
    validation_folds: tuple[int, ...] = setting((9,), "Folds that choose the best epoch.")
    unvalidated_fraction: float = setting(
        1.0,
        "Fraction of the records without a person's validation that an epoch uses, drawn anew for "
        "each epoch.",
        at_least=0,
        at_most=1,
    )
    crop_s: float | None = setting(
        None,
        "Length in seconds of a random crop of each training record, drawn anew for each epoch; "
        "none: the whole record.",
        above=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("train_folds", "validation_folds"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty; expected at least one fold")
        shared = sorted(set(self.train_folds) & set(self.validation_folds))
        if shared:
            raise ValueError(
                f"train_folds and validation_folds share {', '.join(map(str, shared))}; expected "
                "different folds"
            )


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(Settings):
    """The network."""

    backbone: str = setting(
        "signalcnn",
        f"Backbone: {', '.join(BACKBONES)}, or module:Class of your own.",
    )
    arguments: Mapping[str, Any] = setting(
        dict, "Arguments of the backbone, as in {widths = [12, 16, 24], blocks = 2}."
    )
    leads: tuple[str, ...] = setting(
        (), 'Leads to use, as in ["I", "II"]; empty: all leads of the store.'
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.leads)) < len(self.leads):
            raise ValueError(f"leads are {', '.join(self.leads)}; expected each lead once")


@dataclass(frozen=True, kw_only=True)
class PreprocessingSettings(Settings):
    """Preprocessing, which is part of the network (docs/design.md)."""

    detrend_order: int | None = setting(
        10, "Degree of the polynomial subtracted from each lead; none: no detrending.", at_least=0
    )
    scale: str = setting("unit", "Scaling of the amplitudes; none: millivolts.", choices=SCALES)


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings(Settings):
    """The optimizer, Adam (AdamW with weight decay), and its schedule."""

    epochs: int = setting(25, "Passes over the training records.", above=0)
    batch: int = setting(128, "Records per step.", above=0)
    learning_rate: float = setting(5e-4, "Learning rate; with onecycle the highest.", above=0)
    weight_decay: float = setting(0.0, "Weight decay.", at_least=0)
    dropout: float = setting(
        0.0,
        "Probability with which a feature's mean over time is left out of the logits.",
        at_least=0,
        below=1,
    )
    schedule: str = setting(
        "plateau",
        "Learning rate over time. plateau: halved when the score has not risen for more than 3 "
        "epochs; onecycle: rises to learning_rate, then falls to 0, over all epochs.",
        choices=SCHEDULES,
    )
    average: float | None = setting(
        None,
        "Decay per step of a running average of the weights, as in 0.999, which is then validated "
        "and saved; none: the weights of the last step.",
        above=0,
        below=1,
    )
    patience: int | None = setting(
        None, "Epochs without a better score after which to stop; none: never.", above=0
    )
    precision: str = setting(
        AUTO,
        "Number format of products. auto: bf16 where the CPU has instructions for it, else "
        "float32.",
        choices=(AUTO, *PRECISIONS),
    )


@dataclass(frozen=True, kw_only=True)
class AdditivitySettings(Settings):
    """Additive training: the evidence of a stretch becomes what the stretch alone is worth."""

    weight: float = setting(
        0.0, "Weight of the additivity loss, as in 0.3 or 1; 0: off.", at_least=0
    )
    fraction: float = setting(
        0.5, "Fraction of each batch that is also seen masked.", above=0, at_most=1
    )
    stretches: tuple[int, ...] = setting(
        (8, 128),
        "Shortest and longest stretch that a mask keeps or flattens, in samples; each mask has one "
        "length between them.",
    )
    flat_weight: float = setting(
        0.1, "Weight of the loss that keeps the answer to a flat record low.", at_least=0
    )
    first_epoch: int = setting(
        1,
        "Epoch from which it counts. If it is not the first, the last epoch is kept instead of the "
        "best: the score does not tell how additive an epoch is.",
        above=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.stretches) != 2 or not 1 <= self.stretches[0] <= self.stretches[1]:
            raise ValueError(
                f"stretches is {list(self.stretches)}; expected the shortest and the longest, in "
                "samples, as in [8, 128]"
            )

    @property
    def starts_late(self) -> bool:
        """Whether it does not count from the start."""
        return self.weight > 0 and self.first_epoch > 1


@dataclass(frozen=True, kw_only=True)
class HeadSettings(Settings):
    """The head, fitted anew to the labels when the other layers are trained (head_fit.py)."""

    fit: bool = setting(
        False,
        "Whether to fit it, by itself, to the labels of all training records, without teachers.",
    )
    ridge: float = setting(
        0.01,
        "Weight of its squared distance from the trained head. Less, as in 1e-4, fits more freely; "
        "rare classes and the maps of two seeds then suffer.",
        at_least=0,
    )


@dataclass(frozen=True, kw_only=True)
class LossSettings(Settings):
    """The loss."""

    class_weights: str | tuple[float, ...] = setting(
        "none",
        "Weights of the positive records of each class. none: all 1; balanced: negatives / "
        "positives of the class; or a list with one number for each class. Probabilities then "
        "need `ecgcam calibrate`.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        weights = self.class_weights
        if isinstance(weights, str):
            valid = weights in ("none", BALANCED)
        else:
            valid = bool(weights) and all(weight > 0 for weight in weights)
        if not valid:
            raise ValueError(
                f"class_weights is {weights!r}; expected none, balanced, or numbers above 0"
            )


@dataclass(frozen=True, kw_only=True)
class AuxiliarySettings(Settings):
    """Auxiliary labels, learned beside the task: other diagnoses, and what can be measured."""

    min_records: int | None = setting(
        None,
        "Use each superclass, subclass and statement that at least this many training records "
        "have; none: none of them.",
        above=0,
    )
    measured: bool = setting(
        False,
        "Use what is measured of each training record: rhythm, intervals, amplitudes, mean beat. "
        "Measuring takes minutes before the first epoch.",
    )


@dataclass(frozen=True, kw_only=True)
class DistillationSettings(Settings):
    """Knowledge distillation: learning from the predictions of other models, the teachers."""

    teachers: tuple[str, ...] = setting((), "Model files, or names of shipped models.")
    weight: float = setting(
        0.5, "Weight of the teachers' predictions in the targets.", at_least=0, at_most=1
    )
    out_of_fold: bool = setting(
        False, "Whether a teacher predicts only records of folds that it was not trained on."
    )
    online: bool = setting(
        False,
        "Whether the teachers predict each batch as the student sees it, cropped and augmented, "
        "instead of each record once.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("out_of_fold", "online"):
            if getattr(self, name) and not self.teachers:
                raise ValueError(f"{name} is true, but there are no teachers; name at least one")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Settings):
    """A recipe for `ecgcam train`."""

    task: str = setting(
        "normal",
        "Task: normal, superclass, subclass, rhythm, form, all, columns, or a task file (.toml, "
        "docs/tasks.md).",
    )
    unlabelled: str = setting(
        "default",
        "Target of a record without any label of the task. default: as the task defines it.",
        choices=("default", *UNLABELLED),
    )
    score: str = setting(
        "auroc", "Score on the validation folds that chooses the best epoch.", choices=SCORES
    )
    seed: int = setting(
        0, "Seed of the weights, the order and the augmentation.", at_least=0, at_most=2**63 - 1
    )
    augmentation: str | tuple[Mapping[str, Any], ...] = setting(
        "paper",
        "Augmentation: paper, none, or a list of steps, as in "
        '[{probability = 0.5, one_of = [{transform = "TimeShift", up_to = 0.1}]}].',
    )
    disturbances: tuple[Mapping[str, Any], ...] = setting(
        (),
        "Steps like those of the augmentation, which follow it and which online teachers do not "
        "see: what devices and electrodes do to an ECG.",
    )
    data: DataSettings = setting(DataSettings, "")
    network: NetworkSettings = setting(NetworkSettings, "")
    preprocessing: PreprocessingSettings = setting(PreprocessingSettings, "")
    optimizer: OptimizerSettings = setting(OptimizerSettings, "")
    additivity: AdditivitySettings = setting(AdditivitySettings, "")
    head: HeadSettings = setting(HeadSettings, "")
    loss: LossSettings = setting(LossSettings, "")
    auxiliary: AuxiliarySettings = setting(AuxiliarySettings, "")
    distillation: DistillationSettings = setting(DistillationSettings, "")

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.augmentation, str) and self.augmentation not in AUGMENTATIONS:
            raise ValueError(
                f"augmentation is {self.augmentation!r}; expected paper, none, or a list of steps"
            )

    def by_name(self) -> dict[str, Any]:
        """Return the settings by their full names, as in "optimizer.epochs"."""
        tables = {key: x for key, x in vars(self).items() if isinstance(x, Settings)}
        plain = {key: x for key, x in vars(self).items() if key not in tables}
        nested = {f"{key}.{name}": x for key, t in tables.items() for name, x in vars(t).items()}
        return plain | nested


def resolve_precision(precision: str) -> str:
    """Return the precision to train in; for "auto" the faster one on this machine.

    bf16 halves the bytes of a product's factors; weights, sums, statistics and losses stay in
    float32. On CPUs with bf16 instructions a step takes 0.6 of the time, with the same scores
    (docs/performance.md, docs/results.md). "auto" is float32 on a GPU, where small networks are
    bound by latency, and on ARM, where bf16 has not been measured.
    """
    if precision != AUTO:
        return precision
    import torch

    features = torch.cpu.get_capabilities()
    on_cpu = not torch.accelerator.is_available()
    return "bf16" if on_cpu and any(map(features.get, _BF16_FEATURES)) else "float32"
