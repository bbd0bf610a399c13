"""Forest plot: each group's score with its interval, against the score of all records."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import BLUE, GREY, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SCORE_TITLES = {"auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}

Scores = Mapping[str, Any]


def draw_forest(
    overall: Scores, groups: Mapping[str, Mapping[str, Scores]], *, few_below: int
) -> "Figure":
    """Return a figure with a row per group, under a heading per grouping, and a column per score.

    overall, groups: `n`, `few`, optionally `positives`, and for each of SCORE_TITLES the score
    (None if undefined) and its `…_ci`, [low, high] or None. The line and band are the score of all
    records and its interval. A group with few positives or negatives is hollow and grey, an
    undefined score is a dash, and a score below the axis is a triangle at its left end.
    """
    from matplotlib.figure import Figure

    rows = _rows(groups)
    figure = Figure(figsize=(10, 1.3 + 0.27 * len(rows)), layout="constrained")
    columns = list(figure.subplots(1, len(SCORE_TITLES), sharey=True))
    below_axis = False
    for axes, (score, title) in zip(columns, SCORE_TITLES.items(), strict=True):
        low, high = _limits(overall, rows, score)
        _draw_overall(axes, overall, score)
        for row, (_, scores) in enumerate(rows):
            if scores is not None:
                below_axis |= _draw_group(axes, row, scores, score, lowest=low)
        axes.set(xlabel=title, xlim=(low, high), ylim=(len(rows) - 0.4, -0.6))
        axes.grid(axis="x", color="0.93", zorder=0)
        axes.tick_params(axis="y", length=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
    columns[0].set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=9)
    for label, (_, scores) in zip(columns[0].get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if scores is None else "normal")
    known = any(scores is not None and "positives" in scores for _, scores in rows)
    words = (
        f"{'Numbers: positives of records' if known else 'n: records'}. "
        f"Line and band: all {overall['n']:,} records. "
        f"Hollow: fewer than {few_below} positives or negatives, unreliable."
    )
    figure.suptitle(f"{words}\nTriangle: below the axis." if below_axis else words, fontsize=9)
    return figure


def _rows(groups: Mapping[str, Mapping[str, Scores]]) -> list[tuple[str, Scores | None]]:
    """Return the label and the scores of each row; a heading has no scores."""
    rows: list[tuple[str, Scores | None]] = []
    for kind, members in groups.items():
        rows.append((printable(kind), None))
        for name, scores in members.items():
            size = f"n = {scores['n']:,}"
            if "positives" in scores:
                size = f"{scores['positives']:,} of {scores['n']:,}"
            rows.append((f"{printable(name, length=28)}   {size}", scores))
    return rows


def _draw_overall(axes: "Axes", overall: Scores, score: str) -> None:
    """Draw the score of all records as a line, and its interval as a band."""
    if overall[score] is not None:
        axes.axvspan(*_bounds(overall, score), color="0.92", linewidth=0, zorder=0)
        axes.axvline(overall[score], color=GREY, linewidth=1, zorder=1)


def _draw_group(axes: "Axes", row: int, scores: Scores, score: str, *, lowest: float) -> bool:
    """Draw a group's score and interval; return whether the score is below the axis."""
    if scores[score] is None:
        axes.text(0.02, row, "–", transform=axes.get_yaxis_transform(), va="center", color=GREY)
        return False
    colour = GREY if scores["few"] else BLUE
    below_axis = bool(scores[score] < lowest)
    x, mark, transform = scores[score], "o", axes.transData
    if below_axis:
        x, mark, transform = 0.02, "<", axes.get_yaxis_transform()
    fill = "white" if scores["few"] else colour
    look: dict[str, Any] = {"color": colour, "markerfacecolor": fill, "markersize": 5, "zorder": 3}
    axes.plot(_bounds(scores, score), [row, row], color=colour, linewidth=1.4, zorder=2)
    axes.plot([x], [row], mark, transform=transform, **look)
    return below_axis


def _bounds(scores: Scores, score: str) -> tuple[float, float]:
    """Return the interval of a score, or the score twice if it has none."""
    low, high = scores[f"{score}_ci"] or (scores[score], scores[score])
    return low, high


def _limits(
    overall: Scores, rows: Sequence[tuple[str, Scores | None]], score: str
) -> tuple[float, float]:
    """Return the axis: from just below the lowest interval of a large group to just above 1."""
    large = [overall, *(scores for _, scores in rows if scores is not None and not scores["few"])]
    lows = [_bounds(scores, score)[0] for scores in large if scores[score] is not None]
    return max(-0.02, min(lows, default=0.0) - 0.05), 1.015
