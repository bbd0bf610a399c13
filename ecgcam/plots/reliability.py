"""Pictures of how far probabilities can be trusted: reliability, and coverage against accuracy."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .curves import BLUE, COLOURS, GREY, STYLES
from .style import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3  # panels in a row
_FEWEST = 20  # records answered: of fewer, one mistake more or less moves the accuracy by over 5 %


@dataclass(frozen=True, kw_only=True, eq=False)
class CoverageCurve:
    """The share of records answered, the surest first, and the share of these decided rightly.

    coverage, accuracy: (m,), coverage rising. records: how many there are in all.
    band: (coverage, accuracy) outside the model's band of doubt, if it has one.
    """

    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    records: int
    band: tuple[float, float] | None = None


def draw_reliability(tables: Mapping[str, pd.DataFrame]) -> "Figure":
    """A panel a class: in each bin the share of positives against the mean probability.

    tables: by class, as `reliability_table` gives. On the dotted diagonal a probability means
    what it says. The lines are Wilson's 95 % intervals, for records as if they were of different
    patients; the bars beneath show where the records are.
    """
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, len(tables))
    rows = -(-len(tables) // columns)
    figure = Figure(figsize=(1 + 3.6 * columns, 0.6 + 3.8 * rows))
    figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, (name, table) in zip(panels.flat, tables.items(), strict=False):
        _draw_bins(axes, table)
        axes.set_title(printable(name, length=40), fontsize=10)
    for axes in panels.flat[len(tables) :]:
        axes.set_axis_off()
    figure.supxlabel("probability that the model gives", fontsize=10)
    figure.supylabel("share that is positive", fontsize=10)
    return figure


def _draw_bins(axes: "Axes", table: pd.DataFrame) -> None:
    from scipy.stats import binomtest

    share = table["n"] / table["n"].sum()
    width = table["high"] - table["low"]
    axes.bar(table["low"], 0.25 * share / share.max(), width, align="edge", color="0.88")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    positives = (table["n"] * table["prevalence"]).round().astype(int)
    for said, so, n in zip(table["mean_probability"], positives, table["n"], strict=True):
        low, high = binomtest(so, n).proportion_ci(method="wilson")
        axes.plot([said, said], [low, high], color=BLUE, linewidth=1.2)
    axes.plot(table["mean_probability"], table["prevalence"], "o", color=BLUE, markersize=4.5)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.grid(color="0.93")
    axes.set_axisbelow(True)


def draw_coverage(curves: Mapping[str, CoverageCurve]) -> "Figure":
    """How many of the answers are right if only the surest records are answered, a curve a class.

    The dot of a curve is where the model's own band of doubt puts it. A curve begins where
    there are records enough for a share to say something.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axes = figure.subplots()
    for k, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[k % len(COLOURS)]
        words = printable(name, length=40)
        if curve.band is not None:
            answered, right = curve.band
            axes.plot(answered, right, "o", color=colour, markersize=9, markeredgecolor="black")
            words += f": outside its band {answered:.0%}, and {right:.1%} of them right"
        shown = curve.coverage * curve.records >= _FEWEST
        axes.plot(
            curve.coverage[shown],
            curve.accuracy[shown],
            color=colour,
            linestyle=STYLES[k // len(COLOURS) % len(STYLES)],
            label=words,
        )
    axes.set(xlim=(0, 1.02), xlabel="share of the records answered, the surest first")
    axes.set(ylabel="share of the answers that is right")
    bottom, top = axes.get_ylim()
    axes.set_ylim(top=min(top, 1 + 0.03 * (1 - bottom)))  # no tick above 100 %
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda share, _: f"{100 * share:.6g}%")
    axes.grid(color="0.93")
    axes.legend(fontsize=8, loc="lower left")
    return figure
