"""The words on the clinical sheet: who, how recorded, what was judged, what to beware of."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..inference.results import Explanation
from ..signals.record import Record
from .heat import heat_colours
from .paper import LEFT_MM, MM_PER_MV, MM_PER_S, START_MM, TOP_MM, WIDTH_MM
from .style import printable
from .summary import (
    HEAT_MEANING,
    NOT_A_DEVICE,
    NOT_SURE_MEANING,
    Shown,
    Verdict,
    cautions,
    facts,
    judged_by,
    verdicts,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TITLE_MM = TOP_MM + 26.0
_LINE_MM = 4.2
_NOTES = 3  # lines there is room for under the title
_CLASSES = 5  # lines there is room for in the table
_TABLE_MM = (185, 238, 261, 283)  # where the class begins; where the other columns end


def write_head(
    axes: "Axes", record: Record, explanation: Explanation | None, *, notes: Sequence[str]
) -> None:
    """Above the grid: the ECG and its warnings on the left, the judgement on the right."""
    name = printable(record.name, length=50) or "ECG"
    axes.text(LEFT_MM, _TITLE_MM, name, fontsize=13, weight="bold")
    age, sex, heart_rate, sampling, filters = facts(record)
    lines = [
        f"{age} · {sex} · {heart_rate}",
        f"{MM_PER_S} mm/s, {MM_PER_MV} mm/mV · {sampling} · {filters}",
    ]
    warnings = record.warnings if explanation is None else cautions(explanation)
    lines += _at_most(_NOTES, [f"! {note}" for note in (*notes, *warnings)])
    for k, line in enumerate(lines):
        y = _TITLE_MM - (k + 1.2) * _LINE_MM
        axes.text(LEFT_MM, y, printable(line, length=105), fontsize=8)
    if explanation is not None:
        _write_judgement(axes, explanation)


def _write_judgement(axes: "Axes", explanation: Explanation) -> None:
    """A line a class with its probability, its threshold and the decision; or why there is none."""
    if explanation.refused is not None:
        reason = printable(f"no judgement: {explanation.refused}", length=250)
        lines = textwrap.fill(reason, 50)
        axes.text(_TABLE_MM[0], _TITLE_MM + 2, lines, fontsize=8, weight="bold", va="top")
        return
    judged = verdicts(explanation)
    _write_row(axes, 0, ["class", "probability", "threshold", "decision"], color="0.3")
    for k, one in enumerate(judged[:_CLASSES], start=1):
        _write_row(axes, k, _cells(one), weight="bold" if one.decided else "normal")
    if len(judged) > _CLASSES:
        _write_row(axes, _CLASSES + 1, [f"… and {len(judged) - _CLASSES} less probable"])


def _write_row(
    axes: "Axes", k: int, cells: Sequence[str], *, color: str = "black", weight: str = "normal"
) -> None:
    """The k-th row of the table: the first column to the left, the others to the right."""
    y = _TITLE_MM - k * _LINE_MM
    for x, word in zip(_TABLE_MM, cells, strict=False):
        side = "left" if x == _TABLE_MM[0] else "right"
        axes.text(x, y, word, ha=side, fontsize=8, weight=weight, color=color)


def _cells(one: Verdict) -> list[str]:
    threshold = f"{one.threshold:.3f}"
    return [printable(one.name, length=20), one.probability_text, threshold, one.answer]


def write_foot(
    axes: "Axes", explanation: Explanation | None, shown: Shown | None, *, hatched: bool
) -> None:
    """Below the grid: who judged, what colours, doubts and sets mean, and what this is not.

    hatched: whether some of what is drawn was not judged.
    """
    right = LEFT_MM + WIDTH_MM
    axes.text(right, 5, NOT_A_DEVICE, ha="right", fontsize=9, weight="bold")
    if explanation is None:
        return
    by = printable(judged_by(explanation), length=90)
    axes.text(right, 11.1, by, ha="right", fontsize=6, color="0.3")
    if shown is None:
        return
    if explanation.uncertain:
        axes.text(right, 8.6, NOT_SURE_MEANING, ha="right", fontsize=6, color="0.3")
    colours = np.linspace(0, 1, 256)[None]
    axes.imshow(colours, cmap=heat_colours(), extent=(START_MM, 68, 10.6, 13.1), aspect="auto")
    label = f"1   heat for {printable(shown.verdict.name, length=40)}"
    label += "; hatched: not judged" if hatched else ""
    axes.text(START_MM - 2, 11.1, "0", ha="right", fontsize=7)
    axes.text(70, 11.1, label, fontsize=7)
    lines = [words for words in (HEAT_MEANING, shown.beware) if words]
    for k, words in enumerate(reversed(lines)):
        axes.text(LEFT_MM, 3.6 + 2.4 * k, words, fontsize=6, color="0.3")


def _at_most(count: int, lines: list[str]) -> list[str]:
    """The lines, or the first of them and how many more there are."""
    if len(lines) <= count:
        return lines
    return [*lines[: count - 1], f"… and {len(lines) - count + 1} more"]
