"""The study's scores against the size of the networks: docs/pictures/frontier.png.

python benchmarks/study/frontier.py
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from run import RESULTS
from table import LEADS

from ecgcam.files import written_whole

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "frontier.png"
TASKS = {"auroc": "normal or not: AUROC", "macro_auroc": "five superclasses: macro-AUROC"}
GOALS = {"auroc": {22_273: 0.95}, "macro_auroc": {25_000: 0.93, 500_000: 0.94}}
SIZES = {10_000: "10k", 22_273: "22k", 100_000: "100k", 500_000: "500k"}


def main() -> None:
    runs = pd.read_csv(RESULTS)
    # what teaches both tasks counts an ECG without a superclass as normal: another AUROC
    runs.loc[runs["macro_auroc"].notna(), "auroc"] = None
    figure = draw_frontier(runs[~runs["configuration"].str.startswith(LEADS)])
    with written_whole(PICTURE) as temporary:
        figure.savefig(temporary, dpi=150)
    sys.stdout.write(f"{PICTURE}\n")


def draw_frontier(runs: pd.DataFrame) -> Figure:
    """Score against size, a panel a task; a point a configuration, its line from seed to seed."""
    figure, panels = plt.subplots(1, 2, figsize=(15, 6), layout="constrained")
    for panel, (score, title) in zip(panels, TASKS.items(), strict=True):
        found = runs.dropna(subset=[score]).groupby("configuration")
        table = found.agg(size=("parameters", "first"), mean=(score, "mean"))
        table[["low", "high"]] = found[score].agg(["min", "max"])
        panel.vlines(table["size"], table["low"], table["high"], color="#0072b2", lw=1)
        panel.plot(table["size"], table["mean"], "o", color="#0072b2", ms=5)
        for size, goal in GOALS[score].items():
            panel.plot(size, goal, "_", color="#d55e00", ms=22, mew=2, label="goal")
        panel.set(title=title, xlabel="parameters", xscale="log", xlim=(5_000, 9_000_000))
        panel.set_xticks(list(SIZES), list(SIZES.values()))
        panel.minorticks_off()
        panel.margins(y=0.1)
        panel.grid(alpha=0.3)
        _name(panel, table.sort_values("mean")[["size", "mean"]])
    panels[0].set_ylabel("on fold 9")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[0].legend(handles[:1], labels[:1], loc="lower left")
    return figure


def _name(panel: Axes, table: pd.DataFrame) -> None:
    """Write each point's name beside it, one above the other, with a line to the point.

    table: by rising mean. Networks of near sizes share a column of names.
    """
    low, high = panel.get_ylim()
    apart = 0.035 * (high - low)
    sizes = table["size"].sort_values()
    for _, column in table.groupby((sizes / sizes.shift(fill_value=1) > 2.3).cumsum()):
        beside = 1.4 * column["size"].max()
        places = spread(column["mean"].tolist(), apart=apart, highest=high - apart)
        for (name, size, mean), place in zip(column.itertuples(), places, strict=True):
            panel.annotate(
                name, (size, mean), xytext=(beside, place), fontsize=6.5, va="center",
                arrowprops={"arrowstyle": "-", "color": "0.7", "lw": 0.6, "shrinkB": 3},
            )  # fmt: skip


def spread(places: list[float], *, apart: float, highest: float) -> list[float]:
    """Rising places, moved no more than is needed to be `apart` and not above the highest."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + apart) if moved else place)
    for k in reversed(range(len(moved))):
        moved[k] = min(moved[k], highest if k == len(moved) - 1 else moved[k + 1] - apart)
    return moved


if __name__ == "__main__":
    main()
