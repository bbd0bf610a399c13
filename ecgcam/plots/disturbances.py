"""Effect of disturbances on a model's scores: curves over strength, bars for single changes."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from .forest import SCORE_TITLES
from .style import BLUE, COLOURS, GREY, ORANGE, panels, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scores = Mapping[str, Any]

_LOOKS = dict(zip(SCORE_TITLES, zip((BLUE, ORANGE, COLOURS[2]), "os^", strict=True), strict=True))


def draw_strengths(undisturbed: Scores, trials: Sequence[Scores]) -> "Figure":
    """Return a panel per kind of disturbance: each of SCORE_TITLES against its strength.

    undisturbed: each score with its `…_ci`. trials: the same with `kind`, `strength` and `unit`;
    those of a kind are adjacent, from weak to strong. The dotted line is the AUROC of chance.
    """
    kinds = _by_kind(trials)
    figure, axes_of_kinds = panels(len(kinds), columns=3, size=(3.2, 2.7))
    for axes, members in zip(axes_of_kinds, kinds, strict=True):
        _draw_kind(axes, undisturbed, members)
    handles, labels = axes_of_kinds[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    return figure


def _by_kind(trials: Sequence[Scores]) -> list[list[Scores]]:
    return [list(members) for _, members in groupby(trials, key=lambda trial: trial["kind"])]


def draw_changes(undisturbed: Scores, trials: Sequence[Scores]) -> "Figure":
    """Return the change of each score: a bar per trial, a row per kind, a column per score.

    undisturbed: each score. trials: `kind`, `setting`, each score's `…_change`, and its interval
    `…_change_ci`, drawn as a line over the end of the bar; those of a kind are adjacent. Each row
    has its own scale, because a lost lead changes far less than swapped electrodes.
    """
    from matplotlib.figure import Figure

    kinds = _by_kind(trials)
    height = 0.9 + 0.6 * len(kinds) + 0.27 * len(trials)
    figure = Figure(figsize=(10, height), layout="constrained")
    rows = figure.subplots(
        len(kinds),
        len(SCORE_TITLES),
        sharex="row",
        sharey="row",
        squeeze=False,
        height_ratios=[len(members) for members in kinds],
    )
    for row, members in zip(rows, kinds, strict=True):
        for axes, score in zip(row, SCORE_TITLES, strict=True):
            _draw_bars(axes, members, score=score)
        labels = [printable(trial["setting"]) for trial in members]
        row[0].set_yticks(range(len(members)), labels, fontsize=9)
        row[0].set_title(printable(members[0]["kind"]), loc="left", fontsize=10, weight="bold")
    for axes, (score, title) in zip(rows[-1], SCORE_TITLES.items(), strict=True):
        axes.set_xlabel(f"change of {title}\nundisturbed: {_number(undisturbed[score]):.3f}")
    return figure


def _draw_kind(axes: "Axes", undisturbed: Scores, trials: Sequence[Scores]) -> None:
    """Draw the scores of one kind of disturbance, undisturbed first."""
    steps = [undisturbed, *trials]
    for score, title in SCORE_TITLES.items():
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
    """Draw the change of one score, a bar per trial from top to bottom."""
    axes.axvline(0, color="black", linewidth=1, zorder=3)
    for row, trial in enumerate(trials):
        change = _number(trial[f"{score}_change"])
        axes.barh(row, change, height=0.62, color=_LOOKS[score][0], alpha=0.75)
        bounds = trial[f"{score}_change_ci"] or (np.nan, np.nan)
        axes.plot(bounds, [row, row], color="black", linewidth=0.9, zorder=4)
    axes.set(ylim=(len(trials) - 0.4, -0.6))
    axes.margins(x=0.05)
    axes.locator_params(axis="x", nbins=5)
    axes.grid(axis="x", color="0.93", zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _number(value: float | None) -> float:
    return np.nan if value is None else value
