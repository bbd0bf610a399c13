"""What disturbances do to a model's scores: curves over their strength, bars for single changes."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from .curves import BLUE, COLOURS, GREY, ORANGE
from .forest import TITLES
from .style import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scores = Mapping[str, Any]

_COLUMNS = 3
_LOOKS = dict(zip(TITLES, zip((BLUE, ORANGE, COLOURS[2]), "os^", strict=True), strict=True))


def draw_strengths(undisturbed: Scores, trials: Sequence[Scores]) -> "Figure":
    """A panel a kind of disturbance: each of TITLES from undisturbed to the strongest.

    undisturbed: each score with its `…_ci`. trials: the same with `kind`, `strength` and `unit`,
    those of a kind in a row, from weak to strong. Dotted is an AUROC of guesses.
    """
    from matplotlib.figure import Figure

    kinds = [list(members) for _, members in groupby(trials, key=lambda trial: trial["kind"])]
    lines = -(-len(kinds) // _COLUMNS)
    figure = Figure(figsize=(10, 0.5 + 2.7 * lines), layout="constrained")
    every = figure.subplots(lines, _COLUMNS, sharey=True, squeeze=False)
    for axes, members in zip(every.flat, kinds, strict=False):
        _draw_kind(axes, undisturbed, members)
    for axes in every.flat[len(kinds) :]:
        axes.set_axis_off()
    handles, labels = every.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def draw_changes(undisturbed: Scores, trials: Sequence[Scores]) -> "Figure":
    """How much each score changes, a bar a trial; a row of panels a kind, a column each of TITLES.

    undisturbed: each score. trials: `kind`, `what`, and of each score its `…_change` and the
    interval of that as `…_change_ci`, a line over the end of the bar; those of a kind in a row.
    The panels of a row have one scale: what one lead changes is too little for that of the next.
    """
    from matplotlib.figure import Figure

    kinds = [list(members) for _, members in groupby(trials, key=lambda trial: trial["kind"])]
    height = 0.9 + 0.6 * len(kinds) + 0.27 * len(trials)
    figure = Figure(figsize=(10, height), layout="constrained")
    every = figure.subplots(
        len(kinds),
        len(TITLES),
        sharex="row",
        sharey="row",
        squeeze=False,
        height_ratios=[len(members) for members in kinds],
    )
    for row, members in zip(every, kinds, strict=True):
        for axes, score in zip(row, TITLES, strict=True):
            _draw_bars(axes, members, score=score)
        labels = [printable(trial["what"]) for trial in members]
        row[0].set_yticks(range(len(members)), labels, fontsize=9)
        row[0].set_title(printable(members[0]["kind"]), loc="left", fontsize=10, weight="bold")
    for axes, (score, title) in zip(every[-1], TITLES.items(), strict=True):
        axes.set_xlabel(f"change of {title}\nundisturbed: {_number(undisturbed[score]):.3f}")
    return figure


def _draw_kind(axes: "Axes", undisturbed: Scores, trials: Sequence[Scores]) -> None:
    steps = [undisturbed, *trials]
    for score, title in TITLES.items():
        colour, mark = _LOOKS[score]
        values = np.array([_number(step[score]) for step in steps])
        bounds = np.array([step[f"{score}_ci"] or (np.nan, np.nan) for step in steps])
        axes.fill_between(range(len(steps)), *bounds.T, color=colour, alpha=0.15, linewidth=0)
        axes.plot(values, color=colour, marker=mark, markersize=4, label=title)
    axes.axhline(0.5, color=GREY, linestyle=":", linewidth=1, zorder=0)
    strengths = [f"{trial['strength']:g}" for trial in trials]
    axes.set_xticks(range(len(steps)), ["none", *strengths])
    axes.set(title=printable(trials[0]["kind"]), xlabel=trials[0]["unit"], ylim=(-0.02, 1.02))
    axes.grid(color="0.93", zorder=0)


def _draw_bars(axes: "Axes", trials: Sequence[Scores], *, score: str) -> None:
    axes.axvline(0, color="black", linewidth=1, zorder=3)
    for place, trial in enumerate(trials):
        change = _number(trial[f"{score}_change"])
        axes.barh(place, change, height=0.62, color=_LOOKS[score][0], alpha=0.75)
        bounds = trial[f"{score}_change_ci"] or (np.nan, np.nan)
        axes.plot(bounds, [place, place], color="black", linewidth=0.9, zorder=4)
    axes.set(ylim=(len(trials) - 0.4, -0.6))
    axes.margins(x=0.05)
    axes.grid(axis="x", color="0.93", zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _number(value: float | None) -> float:
    return np.nan if value is None else value
