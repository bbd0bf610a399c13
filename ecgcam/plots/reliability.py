"""How far probabilities can be trusted: reliability, and accuracy against coverage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .style import BLUE, COLOURS, GREY, LINE_STYLES, panels, printable

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FEWEST = 20  # records answered: with fewer, one mistake moves the accuracy by more than 5 %


@dataclass(frozen=True, kw_only=True, eq=False)
class CoverageCurve:
    """Accuracy of the most certain answers, by the fraction of records answered.

    coverage, accuracy: (m,), coverage rising. records: number of records.
    band: (coverage, accuracy) outside the model's abstention band, if it has one.
    """

    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    records: int
    band: tuple[float, float] | None = None


def draw_reliability(tables: "Mapping[str, pd.DataFrame]") -> "Figure":
    """Return a panel per class: in each bin, the fraction of positives by the mean probability.

    tables: by class, from `reliability_table`. On the dotted diagonal the probabilities are
    calibrated. The lines are Wilson's 95 % intervals, which take the records as independent; the
    bars show the distribution of the records.
    """
    figure, axes_of_classes = panels(len(tables), columns=min(3, len(tables)), size=(3.6, 3.8))
    for axes, (name, table) in zip(axes_of_classes, tables.items(), strict=True):
        _draw_bins(axes, table)
        axes.set_title(printable(name, length=40), fontsize=10)
    figure.supxlabel("predicted probability", fontsize=10)
    figure.supylabel("fraction of positives", fontsize=10)
    return figure


def _draw_bins(axes: "Axes", table: "pd.DataFrame") -> None:
    """Draw the bins of one class."""
    from scipy.stats import binomtest

    fraction = table["n"] / table["n"].sum()
    width = table["high"] - table["low"]
    axes.bar(table["low"], 0.25 * fraction / fraction.max(), width, align="edge", color="0.88")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":")
    positives = (table["n"] * table["prevalence"]).round().astype(int)
    for probability, k, n in zip(table["mean_probability"], positives, table["n"], strict=True):
        low, high = binomtest(k, n).proportion_ci(method="wilson")
        axes.plot([probability, probability], [low, high], color=BLUE, linewidth=1.2)
    axes.plot(table["mean_probability"], table["prevalence"], "o", color=BLUE, markersize=4.5)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.grid(color="0.93")
    axes.set_axisbelow(True)


def draw_coverage(curves: Mapping[str, CoverageCurve]) -> "Figure":
    """Return a curve per class: the accuracy if only the most certain records are answered.

    The dot on a curve is the model's own abstention band. A curve starts at 20 records.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axes = figure.subplots()
    for k, (name, curve) in enumerate(curves.items()):
        colour = COLOURS[k % len(COLOURS)]
        label = printable(name, length=40)
        if curve.band is not None:
            answered, correct = curve.band
            axes.plot(answered, correct, "o", color=colour, markersize=9, markeredgecolor="black")
            label += f" (outside its band: {answered:.0%} of records, {correct:.1%} correct)"
        shown = curve.coverage * curve.records >= _FEWEST
        axes.plot(
            curve.coverage[shown],
            curve.accuracy[shown],
            color=colour,
            linestyle=LINE_STYLES[k // len(COLOURS) % len(LINE_STYLES)],
            label=label,
        )
    axes.set(xlim=(0, 1.02), xlabel="records answered, the most certain first")
    axes.set(ylabel="accuracy of the answers")
    bottom, top = axes.get_ylim()
    axes.set_ylim(top=min(top, 1 + 0.03 * (1 - bottom)))  # no tick above 100 %
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda fraction, _: f"{100 * fraction:.6g}%")
    axes.grid(color="0.93")
    axes.legend(fontsize=8, loc="lower left")
    return figure
