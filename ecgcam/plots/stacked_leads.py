"""The leads of a record one above the other, the heat behind them, the evidence beneath."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..inference.results import Explanation
from ..signals.record import Record
from .heat import draw_heat
from .style import printable
from .summary import (
    HEAT_MEANING,
    NOT_A_DEVICE,
    NOT_SURE_MEANING,
    Shown,
    cautions,
    judged_by,
    shown_class,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CLOSEST_MV, _FARTHEST_MV = 0.8, 6.0  # between the baselines of two leads


def draw_leads(
    record: Record, explanation: Explanation, *, class_name: str | None = None
) -> "Figure":
    """Every lead against time over the heat of one class, and its evidence in logits beneath.

    class_name: the class to show; the most probable one unless given. All leads have one scale;
    the level of a lead is its median, for an ECG has no absolute zero. A refused ECG is drawn
    without heat, and the picture says why.
    """
    from matplotlib.figure import Figure

    shown = shown_class(record, explanation, class_name=class_name)
    rows = len(record.leads)
    figure = Figure(figsize=(11, 2.6 + 0.55 * rows), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True, height_ratios=(max(rows, 2), 2))
    _draw_traces(axes[0], record)
    if shown is None:
        axes[1].set_axis_off()
        axes[0].tick_params(labelbottom=True)
        axes[0].set_xlabel("time (s)")
        verdict = f"no judgement: {explanation.refused}"
    else:
        extent = (0.0, record.duration_s, *axes[0].get_ylim())
        image = draw_heat(axes[0], shown.heat, extent=extent)
        bar = figure.colorbar(image, ax=axes[0], shrink=0.5, aspect=30, pad=0.03)
        bar.set_label(
            f"heat: {printable(shown.verdict.name, length=20)}, share of the evidence range"
        )
        _draw_evidence(axes[1], shown)
        verdict = shown.verdict.words
    title = f"{printable(record.name) or 'ECG'}\n{printable(verdict, length=110)}"
    figure.suptitle(title)
    notes = [
        f"{NOT_A_DEVICE}. {HEAT_MEANING}",
        judged_by(explanation),
        NOT_SURE_MEANING if shown is not None and shown.verdict.uncertain else "",
        "" if shown is None else shown.beware,
        *cautions(explanation),
    ]
    lines = "\n".join(printable(note, length=170) for note in notes if note)
    figure.supxlabel(lines, fontsize=8, color="0.3")
    return figure


def _draw_traces(axes: "Axes", record: Record) -> None:
    """The traces from the first lead at the top to the last, and a bar of 1 mV."""
    signal = record.signal_mv - np.median(record.signal_mv, axis=1, keepdims=True)
    levels = _levels(signal)
    time_s = np.arange(signal.shape[1]) / record.rate_hz
    for row, level in zip(signal, levels, strict=True):
        axes.plot(time_s, row + level, color="black", linewidth=0.7)
    axes.set_yticks(levels, [printable(lead, length=12) for lead in record.leads], weight="bold")
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, record.duration_s)
    axes.set_ylim(levels[-1] + min(signal[-1].min(), -0.4) - 0.2, max(signal[0].max(), 0.4) + 0.2)
    _rule(axes, record.duration_s)
    right = axes.get_yaxis_transform()  # x as a share of the axes, y in mV
    axes.plot([1.01, 1.01], [-1, 0], transform=right, color="black", linewidth=1.5, clip_on=False)
    axes.text(1.015, -0.5, "1 mV", transform=right, va="center", rotation=90, fontsize=8)


def _levels(signal_mv: NDArray[np.float32]) -> list[float]:
    """Where each lead's median stands, in mV from the first: apart as far as the traces need."""
    below, above = -signal_mv.min(axis=1), signal_mv.max(axis=1)
    gaps = np.clip(below[:-1] + above[1:] + 0.1, _CLOSEST_MV, _FARTHEST_MV)
    return [0.0, *(-np.cumsum(gaps)).tolist()]


def _draw_evidence(axes: "Axes", shown: Shown) -> None:
    """Each frame's evidence for the class, above or below zero; with the bias it is the logit."""
    edges = np.linspace(0, shown.evidence_s, shown.evidence.size + 1)
    axes.stairs(shown.evidence, edges, baseline=0, fill=True, color="#9ecae1")
    axes.stairs(shown.evidence, edges, baseline=None, color="#08519c", linewidth=0.9)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="time (s)", ylabel="evidence\n(logits)")
    name = printable(shown.verdict.name, length=30)
    title = f"above zero speaks for {name}, below against;  {shown.sum}"
    axes.set_title(title, fontsize=9, loc="left")
    _rule(axes, shown.duration_s)


def _rule(axes: "Axes", duration_s: float) -> None:
    """Lines at every second and, while they can be told apart, every fifth of one, as on paper."""
    from matplotlib.ticker import MultipleLocator

    axes.xaxis.set_major_locator(MultipleLocator(max(1, round(duration_s / 15))))
    if duration_s <= 15:
        axes.xaxis.set_minor_locator(MultipleLocator(0.2))
    axes.grid(axis="x", which="major", color="0.7", linewidth=0.7)
    axes.grid(axis="x", which="minor", color="0.85", linewidth=0.4)
    axes.tick_params(axis="x", which="minor", length=0)
    axes.set_axisbelow(True)
