"""Figures: one function, one figure."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .sheet import draw_sheet
    from .stacked_leads import draw_leads

__all__ = ["draw_leads", "draw_sheet"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "draw_leads": ".stacked_leads",
        "draw_sheet": ".sheet",
    },
)
