"""Scores of a model on a store, and the choices made by them."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .calibrator import calibrate
    from .compare import compare_models
    from .scoring import evaluate

__all__ = ["calibrate", "compare_models", "evaluate"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "calibrate": ".calibrator",
        "compare_models": ".compare",
        "evaluate": ".scoring",
    },
)
