"""The clinical sheet: twelve leads and a rhythm strip on ECG paper, true to scale on A4."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .explanation import Explanation
from .heat import draw_heat
from .paper import (
    BOTTOM_MM,
    HEIGHT_MM,
    MM_PER_MV,
    MM_PER_S,
    PAPER_MM,
    SHOWN_S,
    START_MM,
    THICK_MM,
    TOP_MM,
    draw_grid,
    draw_pulse,
    new_page,
)
from .record import Record
from .sheet_text import write_foot, write_head
from .shown import shown_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
COLUMN_S = 2.5

_NAME_MM = 4  # room for a lead's name above its trace


def draw_sheet(
    record: Record, explanation: Explanation | None = None, *, class_name: str | None = None
) -> "Figure":
    """Twelve leads of 2.5 s each and lead II for 10 s, at 25 mm/s and 10 mm/mV, over the heat.

    class_name: the class whose heat to show; the most probable one unless given. Time runs on from
    column to column: the second starts at 2.5 s. The level of a lead is its median. Everything is
    drawn in millimetres, so that printed unscaled on A4 the sheet is true to scale.
    """
    shown = None
    if explanation is not None:
        shown = shown_class(record, explanation, class_name=class_name)
    figure, axes = new_page()
    draw_grid(axes)
    if shown is not None:
        heat = shown.heat[: round(SHOWN_S * record.rate_hz)]
        end_mm = START_MM + heat.size / record.rate_hz * MM_PER_S
        draw_heat(axes, heat, extent=(START_MM, end_mm, BOTTOM_MM, TOP_MM))
    rows = _rows(record)
    cut = _draw_rows(axes, rows)
    write_head(axes, record, explanation, notes=_notes(record, rows, cut))
    write_foot(axes, shown)
    return figure


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trace:
    """A stretch of one lead on the paper.

    x, y:     (samples,), in mm: from the paper's left edge, and upwards from the lead's level;
              empty where nothing was recorded.
    start_mm: where on the paper the stretch begins.
    """

    lead: str
    start_mm: float
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def _rows(record: Record) -> list[list[_Trace]]:
    """Three rows of four leads, then the rhythm strip: lead II, or the first there is."""
    rows = [
        [
            _trace(record, lead, k * COLUMN_S, (k + 1) * COLUMN_S)
            for k, lead in enumerate(leads_of_row)
        ]
        for leads_of_row in zip(*COLUMNS, strict=True)
    ]
    rhythm = "II" if "II" in record.leads else record.leads[0]
    return [*rows, [_trace(record, rhythm, 0, SHOWN_S)]]


def _trace(record: Record, lead: str, from_s: float, to_s: float) -> _Trace:
    start_mm = START_MM + from_s * MM_PER_S
    if lead not in record.leads:
        return _Trace(lead=lead, start_mm=start_mm, x=np.empty(0), y=np.empty(0))
    signal_mv = record.signal_mv[record.leads.index(lead)].astype(np.float64)
    time_s = np.arange(signal_mv.size) / record.rate_hz
    within = (time_s >= from_s) & (time_s < to_s)
    return _Trace(
        lead=lead,
        start_mm=start_mm,
        x=START_MM + time_s[within] * MM_PER_S,
        y=(signal_mv - np.median(signal_mv))[within] * MM_PER_MV,
    )


def _bands(rows: Sequence[Sequence[_Trace]]) -> list[tuple[int, int]]:
    """How far each row may reach above its level and below it, in mm.

    In steps of a thick line, so that every level stands on one: what the traces need, then the
    smallest grow or the largest shrink until they fill the grid.
    """
    needs_mm = np.array(
        [
            (
                max(trace.y.max(initial=0) for trace in row),
                max((-trace.y).max(initial=0) for trace in row),
            )
            for row in rows
        ]
    )
    room = HEIGHT_MM // THICK_MM
    for name_mm in (_NAME_MM, 0):  # where there is no room, names stand over the traces
        steps = np.ceil((needs_mm + (name_mm, 0)).ravel() / THICK_MM)
        steps = np.clip(steps, 2, room).astype(int)
        if steps.sum() <= room:
            break
    while steps.sum() < room:
        steps[steps.argmin()] += 1
    while steps.sum() > room:
        steps[steps.argmax()] -= 1
    return [(int(above), int(below)) for above, below in steps.reshape(-1, 2) * THICK_MM]


def _draw_rows(axes: "Axes", rows: Sequence[Sequence[_Trace]]) -> list[str]:
    """Draw each row within its band; returns the leads whose trace leaves it and is cut there."""
    cut = []
    top = TOP_MM
    for row, (above, below) in zip(rows, _bands(rows), strict=True):
        level = top - above
        draw_pulse(axes, level)
        for trace in row:
            _draw_trace(axes, trace, level=level, above=above, below=below)
            if trace.y.max(initial=0) > above or trace.y.min(initial=0) < -below:
                cut.append(trace.lead)
        top = level - below
    return list(dict.fromkeys(cut))


def _draw_trace(axes: "Axes", trace: _Trace, *, level: float, above: float, below: float) -> None:
    """One lead's stretch with its name, and a mark where it takes over from the one before."""
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    (line,) = axes.plot(trace.x, level + trace.y, color="black", linewidth=0.7, gid=trace.lead)
    line.set_clip_path(
        Rectangle((0, level - below), PAPER_MM[0], above + below, transform=axes.transData)
    )
    if trace.start_mm > START_MM:
        axes.vlines(trace.start_mm, level - 5, level + 5, colors="black", linewidths=0.5)
    axes.text(
        trace.start_mm + 1,
        level + above - 1,
        trace.lead if trace.x.size else f"{trace.lead}: not recorded",
        weight="bold",
        fontsize=9,
        va="top",
        path_effects=[withStroke(linewidth=2, foreground="white")],
    )


def _notes(record: Record, rows: Sequence[Sequence[_Trace]], cut: Sequence[str]) -> list[str]:
    """What a reader must know of the drawing itself."""
    notes = []
    if record.duration_s > SHOWN_S:
        notes.append(f"the first {SHOWN_S} s of {record.duration_s:.4g} s are drawn")
    if record.duration_s < SHOWN_S:
        notes.append(f"only {record.duration_s:.3g} s were recorded")
    if rows[-1][0].lead != "II":
        notes.append(f"lead II is missing; the rhythm strip is {rows[-1][0].lead}")
    if cut:
        notes.append(f"{', '.join(cut)}: the trace leaves its row and is cut there")
    return notes
