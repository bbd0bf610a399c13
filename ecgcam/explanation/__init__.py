"""Explanations in words and numbers, measures of whether a map can be trusted, other maps."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from ..inference.description import describe
    from .map_scorecard import scorecard

__all__ = ["describe", "scorecard"]

__getattr__, __dir__ = lazy_names(
    __name__, {"describe": "..inference.description", "scorecard": ".map_scorecard"}
)
