"""The results as a picture: ours, theirs and the limit by stage; growth with the number of ECGs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ecgcam.plots.style import BLUE, COLOURS, GREY, ORANGE

from .growth import JOBS, Growth
from .results import SECONDS, Results, Row
from .words import duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKS = (  # field of a row, its name, colour, mark and size; later ones are drawn on top
    ("limit", "the machine's limit", GREY, "<", 7),
    ("theirs", "theirs", ORANGE, "s", 7),
    ("ours", "ours", BLUE, "o", 8),
    ("bound", "goal: ours at most here", "black", "|", 16),
)
_HEIGHT = 0.42  # inches a row


def draw_results(results: Results) -> "Figure":
    """Draw the time for one ECG in each stage, and below it the growth, on logarithmic scales."""
    from matplotlib.figure import Figure

    rows = [row for row in results.rows if row.unit == SECONDS and row.ours]
    heights = 1.4 + _HEIGHT * len(rows), 3.0
    figure = Figure(figsize=(11, sum(heights)), layout="constrained")
    stages, growth = figure.subplots(2, 1, height_ratios=heights)
    machine = results.about["machine"]
    figure.suptitle(f"{machine['processor']}, {machine['cores']} cores", fontsize=10)
    _draw_stages(stages, rows)
    _draw_growth(growth, results.growth)
    for axes in (stages, growth):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_stages(axes: "Axes", rows: Sequence[Row]) -> None:
    """Draw a line for each row, the first on top, with its result beside it."""
    axes.set_xscale("log")
    for place, row in enumerate(rows):
        ends = [value for value in (row.ours, row.theirs, row.limit) if value]
        axes.plot([min(ends), max(ends)], [place, place], color="0.85", zorder=0)
        verdict = {True: ", met", False: ", missed", None: ""}[row.met]
        said = "not measured" if row.why_not else f"{row.measured}{verdict}"
        colour = ORANGE if row.met is False else "black"
        beside = axes.get_yaxis_transform()
        axes.text(1.01, place, said, color=colour, fontsize=8, va="center", transform=beside)
    for name, label, colour, mark, size in _MARKS:
        known = [(getattr(row, name), place) for place, row in enumerate(rows)]
        shown = [(value, place) for value, place in known if value is not None]
        x, y = zip(*shown, strict=True) if shown else ((), ())
        axes.plot(x, y, mark, color=colour, markersize=size, label=label)
    labels = [f"{row.title}\nagainst {row.against}" for row in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="time for one ECG")
    axes.xaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.grid(axis="x", color="0.93")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, fontsize=9)


def _draw_growth(axes: "Axes", growth: Mapping[str, Growth]) -> None:
    """Draw times against the number of ECGs; the dotted lines are proportional."""
    from matplotlib.ticker import LogLocator

    axes.set(xscale="log", yscale="log", xlabel="ECGs", ylabel="time", title="growth")
    for k, (job, found) in enumerate(growth.items()):
        ecgs = [point.ecgs for point in found.points]
        seconds = [point.seconds for point in found.points]
        label = f"{JOBS[job]}: {duration(found.slope_s)} an ECG more"
        axes.plot(ecgs, seconds, color=COLOURS[k], marker="osD"[k % 3], label=label)
        linear = [seconds[0] * n / ecgs[0] for n in ecgs]
        axes.plot(ecgs, linear, color=GREY, linestyle=":", zorder=0)
        axes.set_xticks(ecgs, [f"{n:,}" for n in ecgs])
    axes.plot([], [], color=GREY, linestyle=":", label="linear")
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(lambda seconds, _: duration(seconds))
    axes.legend(loc="upper left", fontsize=9, frameon=False)
    axes.grid(color="0.93")
