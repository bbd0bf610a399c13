"""ECG paper in millimetres: an A4 page, its grid and its scale."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_MM = (297, 210)  # A4, landscape
LEFT_MM, BOTTOM_MM, WIDTH_MM, HEIGHT_MM = 13, 17, 270, 160  # the grid
RIGHT_MM, TOP_MM = LEFT_MM + WIDTH_MM, BOTTOM_MM + HEIGHT_MM
THICK_MM = 5  # between two thick lines: 0.5 mV, and 0.2 s at 25 mm/s
MM_PER_MV = 10
SPEEDS_MM_S = (12.5, 25, 50)
START_MM = LEFT_MM + 15  # where time starts, on a thick line; the calibration pulse is left of it
TIME_MM = 250  # the width for time


@dataclass(frozen=True, kw_only=True)
class TimeAxis:
    """The time on a page: it starts at `from_s`, and the paper runs at `mm_per_s`.

    Raises ValueError for a speed that no ECG machine has.
    """

    from_s: float = 0.0
    mm_per_s: float = 25

    def __post_init__(self) -> None:
        if self.mm_per_s not in SPEEDS_MM_S:
            raise ValueError(
                f"the paper speed is {self.mm_per_s:g} mm/s; expected one of "
                f"{', '.join(f'{speed:g}' for speed in SPEEDS_MM_S)}"
            )

    @property
    def shown_s(self) -> float:
        """Duration that fits on the page: 10 s at 25 mm/s."""
        return TIME_MM / self.mm_per_s

    def x_mm(self, time_s: float) -> float:
        """Return the place of a time, in mm from the left edge of the paper."""
        return START_MM + (time_s - self.from_s) * self.mm_per_s


def new_page() -> tuple["Figure", "Axes"]:
    """Return a page and axes that cover it, in millimetres from its lower left corner."""
    from matplotlib.figure import Figure

    width, height = PAPER_MM
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    figure.suppressComposite = True  # a PDF holds each image by itself, saved 0.03 s faster
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height), autoscale_on=False)
    axes.set_axis_off()
    return figure, axes


def draw_grid(axes: "Axes", time: TimeAxis) -> None:
    """Draw a line every millimetre, a thicker line every five, and the seconds below."""
    for step, width, colour in ((1, 0.25, "#f1c4c4"), (THICK_MM, 0.6, "#dd9a9a")):
        x, y = np.arange(LEFT_MM, RIGHT_MM + 1, step), np.arange(BOTTOM_MM, TOP_MM + 1, step)
        axes.vlines(x, BOTTOM_MM, TOP_MM, colors=colour, linewidths=width, zorder=1)
        axes.hlines(y, LEFT_MM, RIGHT_MM, colors=colour, linewidths=width, zorder=1)
    first = math.ceil(time.from_s)
    for second in range(first, math.floor(time.from_s + time.shown_s + 1e-9) + 1):
        label = f"{second} s" if second == first else f"{second}"
        x_mm = time.x_mm(second)
        axes.text(x_mm, BOTTOM_MM - 1, label, ha="center", va="top", fontsize=6, color="0.3")


def draw_pulse(axes: "Axes", level_mm: float) -> None:
    """Draw the calibration pulse before a row: 1 mV high, between two thick lines."""
    left = LEFT_MM + 5
    right, top = left + THICK_MM, level_mm + MM_PER_MV
    x = (left - 2, left, left, right, right, right + 2)
    y = (level_mm, level_mm, top, top, level_mm, level_mm)
    axes.plot(x, y, color="black", linewidth=0.7, gid="pulse")
