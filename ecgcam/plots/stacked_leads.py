"""All leads of a record, one above the other, over the heat; the evidence below them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..inference.description import Description
from ..inference.results import Explanation
from ..signals.record import Record
from .heat import HEAT_COLOURS, draw_heat, draw_heat_scale, hatch_unused
from .style import printable
from .summary import NOT_A_DEVICE, ClassResult, Summary, summarize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SMALLEST_GAP_MV, _LARGEST_GAP_MV = 0.8, 6.0  # between the baselines of two leads

# A fixed layout, in inches: matplotlib's layout engines draw twice to measure all text, in 0.3 s.
_WIDTH, _LEFT, _RIGHT = 11.0, 0.9, 10.0
_HEAD, _LEAD, _BETWEEN, _EVIDENCE, _TIME_AXIS, _NOTE = 1.1, 0.5, 0.4, 1.2, 0.65, 0.15


def draw_leads(
    record: Record,
    explanation: Explanation,
    *,
    class_name: str | None = None,
    scale: str = "logits",
    description: Description | None = None,
) -> "Figure":
    """Return a figure of every lead over the heat of one class, with its evidence in logits.

    class_name: the class to show (default: the most probable "yes", else "not sure", else "no").
    scale: of the heat, "logits" or "record" (0 to 1 within this record and class).
    description: of the whole ECG, where the record is a part of it (default: of the record).
    All leads have one scale; each is centred on its median, because an ECG has no absolute zero.
    A refused ECG is drawn without heat, with the reason.
    """
    from matplotlib.figure import Figure

    summary = summarize(
        record, explanation, class_name=class_name, scale=scale, description=description
    )
    notes = _notes(summary)
    above, below = _LEAD * max(len(record.leads), 2), _EVIDENCE
    bottom = _NOTE * len(notes) + _TIME_AXIS
    height = _HEAD + above + _BETWEEN + below + bottom
    figure = Figure(figsize=(_WIDTH, height))
    traces, evidence = figure.subplots(2, 1, sharex=True, height_ratios=(above, below))
    figure.subplots_adjust(
        left=_LEFT / _WIDTH,
        right=_RIGHT / _WIDTH,
        bottom=bottom / height,
        top=1 - _HEAD / height,
        hspace=2 * _BETWEEN / (above + below),
    )
    levels = _draw_traces(traces, record)
    if summary.shown is None:
        evidence.set_axis_off()
        traces.tick_params(labelbottom=True)
        traces.set_xlabel("time (s)")
    else:
        _draw_class_heat(traces, summary.shown, levels, summary)
        _draw_evidence(evidence, summary.shown, explanation.frame_edges_s)
        _draw_time_grid(evidence, record.duration_s)
    title = f"{printable(record.name) or 'ECG'}\n{printable(summary.answer, length=110)}"
    middle = (_LEFT + _RIGHT) / 2 / _WIDTH
    figure.suptitle(title, x=middle, y=1 - 0.12 / height)
    if summary.shown is not None:
        sentence = printable(summary.shown.sentence, length=170)
        figure.text(middle, 1 - 0.55 / height, sentence, ha="center", va="top", fontsize=9)
    figure.supxlabel("\n".join(notes), y=0.1 / height, va="bottom", fontsize=8, color="0.3")
    return figure


def _notes(summary: Summary) -> list[str]:
    """Return the lines below the figure."""
    notes = [f"{NOT_A_DEVICE}. {summary.heat_meaning}", summary.model]
    if summary.shown is not None:
        notes += [summary.not_sure if summary.shown.answer == "not sure" else ""]
        notes += [summary.shown.edge_warning]
    return [printable(note, length=170) for note in (*notes, *summary.warnings) if note]


def _draw_traces(axes: "Axes", record: Record) -> list[float]:
    """Draw the traces from the first lead at the top to the last, and a bar of 1 mV.

    Returns the level of each lead's baseline.
    """
    signal = record.signal_mv - np.median(record.signal_mv, axis=1, keepdims=True)
    levels = _levels(signal)
    time_s = np.arange(signal.shape[1]) / record.rate_hz
    for row, level in zip(signal, levels, strict=True):
        axes.plot(time_s, row + level, color="black", linewidth=0.7)
    axes.set_yticks(levels, [printable(lead, length=9) for lead in record.leads], weight="bold")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(levels[-1] + min(signal[-1].min(), -0.4) - 0.2, max(signal[0].max(), 0.4) + 0.2)
    _draw_time_grid(axes, record.duration_s)
    right = axes.get_yaxis_transform()  # x as a fraction of the axes, y in mV
    axes.plot([1.01, 1.01], [-1, 0], transform=right, color="black", linewidth=1.5, clip_on=False)
    axes.text(1.015, -0.5, "1 mV", transform=right, va="center", rotation=90, fontsize=8)
    return levels


def _draw_class_heat(
    axes: "Axes", shown: ClassResult, levels: Sequence[float], summary: Summary
) -> None:
    """Draw the heat of the class behind the traces, with its name and scale.

    Heat for each lead fills the band around its baseline.
    """
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    between = [(above + below) / 2 for above, below in pairwise(levels)]
    edges = [top, *between, bottom] if len(shown.heat) > 1 else [top, bottom]
    for row, (upper, lower) in zip(shown.heat, pairwise(edges), strict=True):
        draw_heat(axes, row[None], extent=(left, right, lower, upper))
    hatch_unused(axes, shown.used, extent=(left, right, bottom, top))
    name = printable(shown.full_name, length=40)
    by = "of each lead" if len(shown.heat) > 1 else "of all leads together"
    axes.set_title(f"evidence {by}: for {name} (orange), against (blue)", fontsize=9, loc="left")
    bar = axes.inset_axes((1.05, 0, 0.013, 0.4))
    in_logits = summary.scale == "logits"
    ticks = [-summary.full, 0, summary.full] if in_logits else [0, 1]
    draw_heat_scale(bar, extent=(0, 1, ticks[0], ticks[-1]), scale=summary.scale, upright=True)
    bar.yaxis.tick_right()
    bar.set(xticks=[], yticks=ticks)
    bar.set_title("logits" if in_logits else "heat", fontsize=9)


def _levels(signal_mv: NDArray[np.float32]) -> list[float]:
    """Return each lead's baseline in mV below the first, as far apart as the traces need."""
    below, above = -signal_mv.min(axis=1), signal_mv.max(axis=1)
    gaps = np.clip(below[:-1] + above[1:] + 0.1, _SMALLEST_GAP_MV, _LARGEST_GAP_MV)
    return [0.0, *(-np.cumsum(gaps)).tolist()]


def _draw_evidence(axes: "Axes", shown: ClassResult, edges: NDArray[np.float64]) -> None:
    """Draw each frame's evidence for the class; its mean plus the bias is the logit."""
    against, neutral, in_favour = HEAT_COLOURS[0], "0.25", HEAT_COLOURS[-1]
    axes.stairs(np.minimum(shown.evidence, 0), edges, baseline=0, fill=True, color=against)
    axes.stairs(np.maximum(shown.evidence, 0), edges, baseline=0, fill=True, color=in_favour)
    axes.stairs(shown.evidence, edges, baseline=None, color=neutral, linewidth=0.8)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="time (s)", ylabel="evidence\n(logits)")
    name = printable(shown.full_name, length=40)
    axes.set_title(f"above zero: for {name}; below zero: against", fontsize=9, loc="left")
    axes.set_title(shown.sum_in_words, fontsize=9, loc="right")


def _draw_time_grid(axes: "Axes", duration_s: float) -> None:
    """Draw a line every second, and every 0.2 s as on paper while there is room."""
    from matplotlib.ticker import MultipleLocator

    axes.set_xlim(0, duration_s)
    axes.xaxis.set_major_locator(MultipleLocator(max(1, round(duration_s / 15))))
    axes.grid(axis="x", color="0.7", linewidth=0.7)
    axes.set_axisbelow(True)
    if duration_s <= 15:  # as one collection: 50 minor ticks take 0.1 s
        steps, across = np.arange(0, duration_s, 0.2), axes.get_xaxis_transform()
        axes.vlines(steps, 0, 1, transform=across, colors="0.85", linewidths=0.4, zorder=0.4)
