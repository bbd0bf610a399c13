"""Text on the clinical sheet: the ECG, its answers and warnings, the meaning of the colours."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..signals.intervals import measure
from ..signals.record import Record
from .heat import draw_heat_scale
from .paper import LEFT_MM, MM_PER_MV, RIGHT_MM, START_MM, TOP_MM, TimeAxis
from .style import printable
from .summary import ClassResult, Summary, facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLE_MM = TOP_MM + 26.0
_LINE_MM = 4.2
_HEAD_MM = 24.0  # from the title to the grid, for lines that move closer if they are many
_NOTE_LINES = 3  # fit below the other lines
_LINE_LENGTH = 105  # characters that end left of the table
_CLASSES = 5  # rows that fit in the table
_TABLE_MM = (178, 249, 267, RIGHT_MM)  # left edge of the class, right edges of the other columns


def write_head(
    axes: "Axes",
    record: Record,
    summary: Summary | None,
    time: TimeAxis,
    *,
    notes: Sequence[str],
) -> None:
    """Write above the grid: the ECG and its warnings on the left, the answers on the right."""
    name = printable(record.name, length=50) or "ECG"
    axes.text(LEFT_MM, _TITLE_MM, name, fontsize=13, weight="bold")
    age, sex, heart_rate, sampling, filters = facts(record)
    measured = summary.measurements if summary else measure(record).in_words()[1:]
    lines = [
        " · ".join([age, sex, heart_rate]),
        " · ".join(measured),
        f"{time.mm_per_s:g} mm/s, {MM_PER_MV} mm/mV · {sampling} · {filters}",
    ]
    if summary is not None and summary.shown is not None:
        lines += textwrap.wrap(summary.shown.sentence, _LINE_LENGTH, max_lines=2)
    notes = [*notes, *(summary.warnings if summary else record.warnings)]
    lines += _note_lines(notes)
    step_mm = min(_LINE_MM, _HEAD_MM / len(lines))
    size = 8 if step_mm > 3.6 else 7
    for k, line in enumerate(lines):
        y = _TITLE_MM - (k + 1.2) * step_mm
        axes.text(LEFT_MM, y, printable(line, length=_LINE_LENGTH), fontsize=size)
    if summary is not None and summary.shown is None:
        reason = textwrap.fill(printable(summary.answer, length=250), 50)
        axes.text(_TABLE_MM[0], _TITLE_MM + 2, reason, fontsize=8, weight="bold", va="top")
    elif summary is not None:
        _write_table(axes, summary.results)


def _note_lines(notes: Sequence[str]) -> list[str]:
    """Return the notes on the lines that fit, with how many notes are left out."""
    lines: list[str] = []
    for k, note in enumerate(notes):
        wrapped = textwrap.wrap(f"! {note}", _LINE_LENGTH, max_lines=2, placeholder=" …")
        left = len(notes) - k
        if len(lines) + len(wrapped) + (left > 1) > _NOTE_LINES:
            return [*lines, f"… and {left} more"]
        lines += wrapped
    return lines


def _write_table(axes: "Axes", results: Sequence[ClassResult]) -> None:
    """Write a row for each class: its name, probability, threshold and the answer."""
    _write_row(axes, 0, ["class", "probability", "threshold", "answer"], color="0.3")
    for k, result in enumerate(results[:_CLASSES], start=1):
        name, threshold = printable(result.full_name, length=30), f"{result.threshold:.3f}"
        cells = [name, result.probability_text, threshold, result.answer]
        _write_row(axes, k, cells, weight="bold" if result.answer == "yes" else "normal")
    if len(results) > _CLASSES:
        _write_row(axes, _CLASSES + 1, [f"… and {len(results) - _CLASSES} less probable"])


def _write_row(
    axes: "Axes", k: int, cells: Sequence[str], *, color: str = "black", weight: str = "normal"
) -> None:
    """Write the k-th row of the table: the first column aligned left, the others right."""
    y = _TITLE_MM - k * _LINE_MM
    for x, word in zip(_TABLE_MM, cells, strict=False):
        side = "left" if x == _TABLE_MM[0] else "right"
        axes.text(x, y, word, ha=side, fontsize=8, weight=weight, color=color)


def write_foot(axes: "Axes", summary: Summary, *, hatched: bool) -> None:
    """Write below the grid: the model, the meaning of the colours and of "not sure".

    hatched: whether a part of the drawn record was not used by the model.
    """
    small: dict[str, Any] = {"fontsize": 6, "color": "0.3"}
    axes.text(RIGHT_MM, 11.1, printable(summary.model, length=90), ha="right", **small)
    shown = summary.shown
    if shown is None:
        return
    axes.text(RIGHT_MM, 8.6, summary.not_sure, ha="right", **small)
    draw_heat_scale(axes, extent=(START_MM, 68, 10.6, 13.1), scale=summary.scale)
    in_logits = summary.scale == "logits"
    high = f"{summary.full:g}"
    low = f"−{high}" if in_logits else "0"
    label = f"{high}   evidence for {printable(shown.full_name, length=40)}"
    label += " in logits" if in_logits else ""
    label += "; hatched: not used by the model" if hatched else ""
    axes.text(START_MM - 2, 11.1, low, ha="right", fontsize=7)
    axes.text(70, 11.1, label, fontsize=7)
    lines = [words for words in (summary.heat_meaning, shown.edge_warning) if words]
    for k, words in enumerate(reversed(lines)):
        axes.text(LEFT_MM, 3.6 + 2.4 * k, words, **small)
