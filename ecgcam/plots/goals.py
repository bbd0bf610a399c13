"""Goals of a scorecard in one picture: each figure over its goal, met or missed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .style import BLUE, GREY, ORANGE, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OWN = "evidence"  # the model's own map
_LEFT, _RIGHT = -0.25, 2.5  # of the axis; values beyond are drawn as arrows at its ends


def draw_goals(figures: Sequence[Mapping[str, Any]], *, title: str) -> "Figure":
    """Return a row for each kind of figure that has a goal, with a dot for each class.

    figures: as in scorecard.json. The upper panel has the figures that should be at least their
    goal, the lower one those that should be at most theirs. Small grey marks: the other maps.
    """
    from matplotlib.figure import Figure as Drawing

    rows = [figure for figure in figures if figure["met"] is not None and figure["goal"]["bound"]]
    panels = [
        (text, [row for row in rows if row["goal"]["at_least"] is at_least])
        for text, at_least in (
            ("met: at the line or right of it", True),
            ("met: at the line or left of it", False),
        )
    ]
    panels = [(text, members) for text, members in panels if members]
    counts = [len(_names(members)) for _, members in panels] or [1]
    drawing = Drawing(figsize=(10, 1.6 + 0.36 * sum(counts)), layout="constrained")
    drawing.suptitle(printable(title, length=100), fontsize=12)
    if not panels:
        return drawing
    axes_of = drawing.subplots(
        len(panels), 1, squeeze=False, sharex=True, height_ratios=[count + 1 for count in counts]
    )[:, 0]
    for axes, (text, members) in zip(axes_of, panels, strict=True):
        _draw_panel(axes, members, text=text)
    axes_of[-1].set_xlabel("value / goal   (blue: goal met; orange: missed; grey: other maps)")
    return drawing


def _names(figures: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(figure["name"] for figure in figures))


def _draw_panel(axes: "Axes", figures: Sequence[Mapping[str, Any]], *, text: str) -> None:
    names = _names(figures)
    axes.axvline(1, color="black", linewidth=1, zorder=1)
    axes.set_title(text, loc="left", fontsize=9, color="0.35")
    for row, name in enumerate(names):
        members = [figure for figure in figures if figure["name"] == name]
        for place, figure in enumerate(members):
            height = row + 0.6 * ((place + 0.5) / len(members) - 0.5)
            _draw_figure(axes, figure, height)
    axes.set_yticks(range(len(names)), [printable(name) for name in names], fontsize=9)
    axes.set(xlim=(_LEFT, _RIGHT), ylim=(len(names) - 0.5, -0.5))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.93", zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_figure(axes: "Axes", figure: Mapping[str, Any], height: float) -> None:
    goal, colour = figure["goal"]["bound"], BLUE if figure["met"] else ORANGE
    for name, one in figure["values"].items():
        if name != OWN and one["value"] is not None and _LEFT < one["value"] / goal < _RIGHT:
            axes.plot(one["value"] / goal, height, "|", color=GREY, markersize=6, zorder=2)
    own = figure["values"][OWN]
    value = own["value"] / goal
    mark = "<" if value < _LEFT else ">" if value > _RIGHT else "o"
    shown = min(max(value, _LEFT), _RIGHT)
    axes.plot(shown, height, mark, color=colour, markersize=6, zorder=4, clip_on=False)
    if own["interval"]:
        ends = [min(max(end / goal, _LEFT), _RIGHT) for end in own["interval"]]
        axes.plot(ends, [height, height], color=colour, linewidth=1.4, zorder=3)
