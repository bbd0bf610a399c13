"""ECG paper in millimetres: an A4 page, its grid and its scale."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_MM = (297, 210)  # A4, landscape
LEFT_MM, BOTTOM_MM, WIDTH_MM, HEIGHT_MM = 13, 17, 270, 160  # the grid
RIGHT_MM, TOP_MM = LEFT_MM + WIDTH_MM, BOTTOM_MM + HEIGHT_MM
THICK_MM = 5  # between two thick lines: 0.2 s, 0.5 mV
MM_PER_S, MM_PER_MV = 25, 10
SHOWN_S = 10  # fits the width of the grid
START_MM = LEFT_MM + 15  # second 0, on a thick line; the calibration pulse is left of it


def new_page() -> tuple["Figure", "Axes"]:
    """Return a page and axes that cover it, in millimetres from its lower left corner."""
    from matplotlib.figure import Figure

    width, height = PAPER_MM
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    figure.suppressComposite = True  # a PDF holds each image by itself, saved 0.03 s faster
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height), autoscale_on=False)
    axes.set_axis_off()
    return figure, axes


def draw_grid(axes: "Axes") -> None:
    """Draw a line every millimetre, a thicker line every five, and the seconds below."""
    for step, width, colour in ((1, 0.25, "#f1c4c4"), (THICK_MM, 0.6, "#dd9a9a")):
        x, y = np.arange(LEFT_MM, RIGHT_MM + 1, step), np.arange(BOTTOM_MM, TOP_MM + 1, step)
        axes.vlines(x, BOTTOM_MM, TOP_MM, colors=colour, linewidths=width, zorder=1)
        axes.hlines(y, LEFT_MM, RIGHT_MM, colors=colour, linewidths=width, zorder=1)
    for second in range(SHOWN_S + 1):
        label = f"{second} s" if second == 0 else f"{second}"
        x_mm = START_MM + second * MM_PER_S
        axes.text(x_mm, BOTTOM_MM - 1, label, ha="center", va="top", fontsize=6, color="0.3")


def draw_pulse(axes: "Axes", level_mm: float) -> None:
    """Draw the calibration pulse before a row: 1 mV high, 0.2 s wide, on thick lines."""
    left = LEFT_MM + 5
    right, top = left + 0.2 * MM_PER_S, level_mm + MM_PER_MV
    x = (left - 2, left, left, right, right, right + 2)
    y = (level_mm, level_mm, top, top, level_mm, level_mm)
    axes.plot(x, y, color="black", linewidth=0.7, gid="pulse")
