"""Predictions for many ECGs."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .predict import predict_many

__all__ = ["predict_many"]

__getattr__, __dir__ = lazy_names(__name__, {"predict_many": ".predict"})
