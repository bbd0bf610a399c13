"""Training: from a store to a model."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .config import (
        AdditivitySettings,
        AuxiliarySettings,
        DataSettings,
        DistillationSettings,
        LossSettings,
        NetworkSettings,
        OptimizerSettings,
        PreprocessingSettings,
        TrainConfig,
    )
    from .trainer import train

__all__ = [
    "AdditivitySettings",
    "AuxiliarySettings",
    "DataSettings",
    "DistillationSettings",
    "LossSettings",
    "NetworkSettings",
    "OptimizerSettings",
    "PreprocessingSettings",
    "TrainConfig",
    "train",
]

__getattr__, __dir__ = lazy_names(
    __name__, {name: ".trainer" if name == "train" else ".config" for name in __all__}
)
