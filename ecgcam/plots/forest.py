"""The forest: each group's score with its interval, against that of all records."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .curves import BLUE, GREY
from .style import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {"auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}

Scores = Mapping[str, Any]


def draw_forest(
    overall: Scores, groups: Mapping[str, Mapping[str, Scores]], *, few_below: int
) -> "Figure":
    """A row a group under a heading a way to part them; a column each of TITLES.

    overall, and each group's: `n`, `few`, perhaps `positives`, and of each of TITLES the score
    (None where it is undefined) and its `…_ci`, [low, high] or None. The line and the band are the
    score of all records and its interval. A group with few positives or negatives is hollow and
    grey; a score that is undefined is a dash, and one too low for the picture a mark at its edge.
    """
    from matplotlib.figure import Figure

    rows = _rows(groups)
    figure = Figure(figsize=(10, 1.3 + 0.27 * len(rows)), layout="constrained")
    columns = list(figure.subplots(1, len(TITLES), sharey=True))
    beyond = False
    for axes, (score, title) in zip(columns, TITLES.items(), strict=True):
        low, high = _limits(overall, rows, score)
        _draw_overall(axes, overall, score)
        for place, (_, scores) in enumerate(rows):
            if scores is not None:
                beyond |= _draw_group(axes, place, scores, score, lowest=low)
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
        f"Hollow: fewer than {few_below} positives or negatives, not to be relied on."
    )
    figure.suptitle(f"{words}\nTriangle: further to the left." if beyond else words, fontsize=9)
    return figure


def _rows(groups: Mapping[str, Mapping[str, Scores]]) -> list[tuple[str, Scores | None]]:
    """The label and the scores of each row; a heading has none."""
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
    if overall[score] is not None:
        axes.axvspan(*_bounds(overall, score), color="0.92", linewidth=0, zorder=0)
        axes.axvline(overall[score], color=GREY, linewidth=1, zorder=1)


def _draw_group(axes: "Axes", place: int, scores: Scores, score: str, *, lowest: float) -> bool:
    """Its interval and its score; True if that is lower than the picture reaches."""
    if scores[score] is None:
        axes.text(0.02, place, "–", transform=axes.get_yaxis_transform(), va="center", color=GREY)
        return False
    colour = GREY if scores["few"] else BLUE
    beyond = bool(scores[score] < lowest)
    place_on = axes.get_yaxis_transform() if beyond else axes.transData
    axes.plot(_bounds(scores, score), [place, place], color=colour, linewidth=1.4, zorder=2)
    axes.plot(
        [0.02 if beyond else scores[score]], [place], "<" if beyond else "o", transform=place_on,
        color=colour, markersize=5, markerfacecolor="white" if scores["few"] else colour, zorder=3,
    )  # fmt: skip
    return beyond


def _bounds(scores: Scores, score: str) -> tuple[float, float]:
    """The interval of a score; of one that has none, where the score itself stands."""
    low, high = scores[f"{score}_ci"] or (scores[score], scores[score])
    return low, high


def _limits(
    overall: Scores, rows: Sequence[tuple[str, Scores | None]], score: str
) -> tuple[float, float]:
    """From just below the lowest interval of a group that is not small, to just above 1."""
    told = [overall, *(scores for _, scores in rows if scores is not None and not scores["few"])]
    lows = [_bounds(one, score)[0] for one in told if one[score] is not None]
    return max(-0.02, min(lows, default=0.0) - 0.05), 1.015
