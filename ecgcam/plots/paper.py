"""ECG paper in millimetres: an A4 page, its grid and its scale."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER_MM = (297, 210)  # A4, landscape
LEFT_MM, BOTTOM_MM, WIDTH_MM, HEIGHT_MM = 13, 17, 270, 160  # the ruled part
TOP_MM = BOTTOM_MM + HEIGHT_MM
THICK_MM = 5  # from one thick line to the next: 0.2 s, 0.5 mV
MM_PER_S, MM_PER_MV = 25, 10
SHOWN_S = 10  # what the width has room for
START_MM = LEFT_MM + 15  # second 0, on a thick line; the calibration pulse stands before it


def new_page() -> tuple["Figure", "Axes"]:
    """A page and axes over all of it whose units are millimetres from its lower left corner."""
    from matplotlib.figure import Figure

    width, height = PAPER_MM
    figure = Figure(figsize=(width / 25.4, height / 25.4))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height), autoscale_on=False)
    axes.set_axis_off()
    return figure, axes


def draw_grid(axes: "Axes") -> None:
    """A line every millimetre and a thicker one every five, and the seconds beneath."""
    for step, strength, colour in ((1, 0.25, "#f1c4c4"), (THICK_MM, 0.6, "#dd9a9a")):
        across = np.arange(LEFT_MM, LEFT_MM + WIDTH_MM + 1, step)
        upwards = np.arange(BOTTOM_MM, TOP_MM + 1, step)
        axes.vlines(across, BOTTOM_MM, TOP_MM, colors=colour, linewidths=strength, zorder=1)
        axes.hlines(
            upwards, LEFT_MM, LEFT_MM + WIDTH_MM, colors=colour, linewidths=strength, zorder=1
        )
    for second in range(SHOWN_S + 1):
        label = f"{second} s" if second == 0 else f"{second}"
        x = START_MM + second * MM_PER_S
        axes.text(x, BOTTOM_MM - 1, label, ha="center", va="top", fontsize=6, color="0.3")


def draw_pulse(axes: "Axes", level_mm: float) -> None:
    """The calibration pulse before a row: 1 mV high, 0.2 s wide, on thick lines."""
    left = LEFT_MM + 5
    right, top = left + 0.2 * MM_PER_S, level_mm + MM_PER_MV
    x = (left - 2, left, left, right, right, right + 2)
    y = (level_mm, level_mm, top, top, level_mm, level_mm)
    axes.plot(x, y, color="black", linewidth=0.7, gid="pulse")
