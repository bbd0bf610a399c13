"""Clinical sheet: twelve leads and a rhythm strip on ECG paper, true to scale on A4."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..inference.description import Description
from ..inference.results import Explanation
from ..signals.record import Record
from .heat import draw_heat, hatch_unused
from .paper import (
    BOTTOM_MM,
    HEIGHT_MM,
    MM_PER_MV,
    PAPER_MM,
    RIGHT_MM,
    START_MM,
    THICK_MM,
    TOP_MM,
    TimeAxis,
    draw_grid,
    draw_pulse,
    new_page,
)
from .sheet_text import write_foot, write_head
from .summary import NOT_A_DEVICE, ClassResult, summarize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))

_NAME_MM = 5  # height of a lead's name above its trace
_NAME_END_MM = 9  # from the start of a trace to the end of the longest name
_LETTER_MM = 2.2  # width of a letter of a name
_CLEAR_S = 0.2  # a trace keeps clear of the row below, this much earlier and later too
_LEAST_STEPS = np.array([3, 4, 4, 4, 2])  # from the top of the grid, over the rows, to its bottom


def draw_sheet(
    record: Record,
    explanation: Explanation | None = None,
    *,
    class_name: str | None = None,
    scale: str = "logits",
    from_s: float = 0.0,
    speed_mm_s: float = 25,
    description: Description | None = None,
) -> "Figure":
    """Return a sheet: twelve leads of 2.5 s, lead II for 10 s, at 25 mm/s and 10 mm/mV, over heat.

    class_name: the class whose heat is drawn (default: the most probable "yes", else "not sure",
    else "no"). scale: of the heat, "logits" or "record" (0 to 1 within this record and class).
    description: of the whole ECG, where the record is a part of it (default: of the record).
    from_s: where the page starts. speed_mm_s: of the paper: 12.5, 25 or 50; at 50 the page shows
    half the time. Time runs on from column to column: the second starts at 2.5 s. Of a record that
    ends on the page each column shows a quarter. Each lead is centred on its median. The units are
    millimetres, so that the sheet is true to scale when it is printed on A4 without scaling.
    """
    summary = None
    if explanation is not None:
        summary = summarize(
            record, explanation, class_name=class_name, scale=scale, description=description
        )
    time = TimeAxis(from_s=from_s, mm_per_s=speed_mm_s)
    figure, axes = new_page()
    draw_grid(axes, time)
    rows = _rows(record, time)
    levels = _levels(rows, rate_hz=record.rate_hz)
    hatched = False
    if summary is not None and summary.shown is not None:
        hatched = _draw_class_heat(axes, record, summary.shown, rows, levels, time)
    cut = _draw_rows(axes, rows, levels)
    write_head(axes, record, summary, time, notes=_notes(record, rows, cut, time))
    if summary is not None:
        write_foot(axes, summary, hatched=hatched)
    axes.text(RIGHT_MM, 5, NOT_A_DEVICE, ha="right", fontsize=9, weight="bold")
    return figure


def _draw_class_heat(
    axes: "Axes",
    record: Record,
    shown: ClassResult,
    rows: Sequence[Sequence["_Trace"]],
    levels: Sequence[int],
    time: TimeAxis,
) -> bool:
    """Draw the heat behind each trace; return whether a part was not used by the model."""
    between = [(above + below) / 2 for above, below in pairwise(levels)]
    for row, (top, bottom) in zip(rows, pairwise([TOP_MM, *between, BOTTOM_MM]), strict=True):
        for trace in row:
            samples = slice(trace.first, trace.first + trace.x.size)
            lead = record.leads.index(trace.lead) if trace.lead in record.leads else None
            if trace.x.size and lead is not None:
                heat = shown.heat[lead if len(shown.heat) > 1 else 0, samples]
                end_mm = trace.start_mm + trace.x.size / record.rate_hz * time.mm_per_s
                draw_heat(axes, heat[None], extent=(trace.start_mm, end_mm, bottom, top))
    first = round(time.from_s * record.rate_hz)
    used = shown.used[first : first + round(time.shown_s * record.rate_hz)]
    end_mm = START_MM + used.size / record.rate_hz * time.mm_per_s
    hatch_unused(axes, used, extent=(START_MM, end_mm, BOTTOM_MM, TOP_MM))
    return not used.all()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trace:
    """A segment of one lead on the paper.

    x, y:     (samples,), in mm: from the paper's left edge, and up from the level of the row;
              y is NaN for a lead that was not recorded.
    name:     the text above it: the lead, and "not recorded" if so.
    start_mm: left edge on the paper.
    width_mm: width on the paper.
    first:    index of its first sample in the record.
    """

    lead: str
    name: str
    start_mm: float
    width_mm: float
    first: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def _rows(record: Record, time: TimeAxis) -> list[list[_Trace]]:
    """Return three rows of four leads, then the rhythm strip: lead II, or the first lead."""
    starts_s = time.from_s + _column_s(record, time) * np.arange(len(COLUMNS) + 1)
    rows = [
        [
            _trace(record, lead, start_s, end_s, time)
            for lead, (start_s, end_s) in zip(leads_of_row, pairwise(starts_s), strict=True)
        ]
        for leads_of_row in zip(*COLUMNS, strict=True)
    ]
    rhythm = "II" if "II" in record.leads else record.leads[0]
    return [*rows, [_trace(record, rhythm, time.from_s, time.from_s + time.shown_s, time)]]


def _column_s(record: Record, time: TimeAxis) -> float:
    """Return the duration that each column shows."""
    left_s = max(record.duration_s - time.from_s, 0.0)
    return min(time.shown_s, left_s) / len(COLUMNS)


def _trace(record: Record, lead: str, from_s: float, to_s: float, time: TimeAxis) -> _Trace:
    """Return the segment of a lead from `from_s` to `to_s`."""
    time_s = np.arange(record.signal_mv.shape[1]) / record.rate_hz
    within = (time_s >= from_s) & (time_s < to_s)
    height = np.full(time_s.size, np.nan)
    if lead in record.leads:
        signal_mv = record.signal_mv[record.leads.index(lead)].astype(np.float64)
        height = (signal_mv - np.median(signal_mv)) * MM_PER_MV
    return _Trace(
        lead=lead,
        name=lead if lead in record.leads else f"{lead}: not recorded",
        start_mm=time.x_mm(from_s),
        width_mm=(to_s - from_s) * time.mm_per_s,
        first=int(within.argmax()),
        x=START_MM + (time_s[within] - time.from_s) * time.mm_per_s,
        y=height[within],
    )


def _levels(rows: Sequence[Sequence[_Trace]], *, rate_hz: float) -> list[int]:
    """Return the level of each row on the paper, in mm, on a thick line.

    The gaps between the edges of the grid and the levels start as large as the traces need to
    keep clear of each other. Then all gaps grow alike, or the largest shrink, to fill the grid.
    """
    heights = np.nan_to_num([np.concatenate([trace.y for trace in row]) for row in rows])
    width = max(1, round(_CLEAR_S * rate_hz))
    above, below = _moving_maximum(heights, width), _moving_maximum(-heights, width)
    between = (above[1:] + below[:-1]).max(axis=1)
    needs_mm = [above[0].max() + _NAME_MM, *between, below[-1].max()]
    room = HEIGHT_MM // THICK_MM
    steps = np.ceil(np.array(needs_mm) / THICK_MM)
    steps = np.clip(steps, _LEAST_STEPS, room).astype(int)
    spare = max(0, room - steps.sum())
    steps += np.diff(np.linspace(0, spare, steps.size + 1).astype(int))
    while steps.sum() > room:
        steps[(steps / _LEAST_STEPS).argmax()] -= 1
    return [int(level) for level in TOP_MM - steps[:-1].cumsum() * THICK_MM]


def _moving_maximum(rows: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return, for each sample of (rows, time), the maximum of the `width` samples around it."""
    padding = ((0, 0), (width // 2, width - 1 - width // 2))
    padded = np.pad(rows, padding, mode="edge")
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, width, axis=1).max(axis=-1))


def _draw_rows(axes: "Axes", rows: Sequence[Sequence[_Trace]], levels: Sequence[int]) -> list[str]:
    """Draw the rows; return the leads that are cut off because they cross a neighbour's level."""
    cut = []
    for k, (row, level) in enumerate(zip(rows, levels, strict=True)):
        top = levels[k - 1] if k > 0 else TOP_MM
        bottom = levels[k + 1] if k + 1 < len(levels) else BOTTOM_MM
        draw_pulse(axes, level)
        for trace in row:
            _draw_trace(axes, trace, level=level, bottom=bottom, top=top)
            _write_name(axes, trace, level=level, top=top)
            if (trace.y > top - level).any() or (trace.y < bottom - level).any():
                cut.append(trace.lead)
    return list(dict.fromkeys(cut))


def _draw_trace(axes: "Axes", trace: _Trace, *, level: float, bottom: float, top: float) -> None:
    """Draw a segment, and a mark at its start where another lead ends."""
    from matplotlib.patches import Rectangle

    (line,) = axes.plot(trace.x, level + trace.y, color="black", linewidth=0.7, gid=trace.lead)
    room = Rectangle((0, bottom), PAPER_MM[0], top - bottom, transform=axes.transData)
    line.set_clip_path(room)
    if trace.start_mm > START_MM:
        axes.vlines(trace.start_mm, level - 5, level + 5, colors="black", linewidths=0.5)


def _write_name(axes: "Axes", trace: _Trace, *, level: float, top: float) -> None:
    """Write a lead's name above the start of its trace, nearer to its own row than to the next."""
    from matplotlib.patheffects import withStroke

    beginning = np.nan_to_num(trace.y[trace.x < trace.start_mm + _NAME_END_MM])
    highest = TOP_MM - _NAME_MM if top == TOP_MM else (level + top) / 2
    axes.text(
        trace.start_mm + 1,
        min(level + beginning.max(initial=_NAME_MM) + 1, highest),
        textwrap.fill(trace.name, int(trace.width_mm / _LETTER_MM) or 1, break_long_words=False),
        weight="bold",
        fontsize=9,
        path_effects=[withStroke(linewidth=2, foreground="white")],
    )


def _notes(
    record: Record, rows: Sequence[Sequence[_Trace]], cut: Sequence[str], time: TimeAxis
) -> list[str]:
    """Return what a reader must know about the drawing."""
    notes = []
    end_s = time.from_s + time.shown_s
    if record.duration_s > time.shown_s and not time.from_s:
        notes.append(f"only the first {time.shown_s:g} s of {record.duration_s:.4g} s are drawn")
    elif time.from_s:
        shown = f"{time.from_s:g} to {min(end_s, record.duration_s):.4g} s"
        notes.append(f"{shown} of {record.duration_s:.4g} s are drawn")
    if record.duration_s < end_s:
        recorded, shown = f"{record.duration_s:.3g} s", f"{_column_s(record, time):.3g} s"
        notes.append(f"only {recorded} were recorded; each column shows {shown} of its leads")
    if rows[-1][0].lead != "II":
        notes.append(f"lead II is missing; the rhythm strip is {rows[-1][0].lead}")
    if cut:
        notes.append(f"{', '.join(cut)}: trace cut off where it leaves its row")
    return notes
