"""A store to a trained model."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .config import TrainConfig
    from .trainer import train

__all__ = ["TrainConfig", "train"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "TrainConfig": ".config",
        "train": ".trainer",
    },
)
