"""Figure of the study's scores against network size: docs/pictures/frontier.png.

python benchmarks/study/frontier.py
"""

import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from run import RESULTS
from table import LEADS

from ecgcam.files import atomic_write
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "frontier.png"
TASKS = {
    "auroc": "normal or not: AUROC",
    "macro_auroc": "five superclasses: macro-AUROC",
    "statements_auroc": "71 statements: macro-AUROC",
}
GOALS = {
    "auroc": {22_273: 0.9545},
    "macro_auroc": {25_000: 0.935, 500_000: 0.94},
    "statements_auroc": {100_000: 0.93, 500_000: 0.941},
}
SIZES = {10_000: "10k", 22_273: "22k", 100_000: "100k", 500_000: "500k", 1_000_000: "1M"}
WIDTHS = {
    "auroc": (6_000, 60_000),
    "macro_auroc": (14_000, 1_600_000),
    "statements_auroc": (60_000, 800_000),
}
STATEMENTS = "statements"  # configurations and models of this name learn all 71
NAMED = {"paper": "the paper's recipe"}  # the other configurations are in docs/study/tables.md
STUDIED, SHOWN, WANTED = "#8da0b3", "#0072b2", "#d55e00"


def main() -> None:
    runs = pd.read_csv(RESULTS)
    # teachers of both tasks count ECGs without a superclass as normal, so their AUROC differs
    runs.loc[runs["macro_auroc"].notna(), "auroc"] = None
    runs = runs[~runs["configuration"].str.startswith(LEADS)]
    of_statements = runs["configuration"].str.startswith(STATEMENTS)
    runs["statements_auroc"] = runs["macro_auroc"].where(of_statements)
    runs["macro_auroc"] = runs["macro_auroc"].mask(of_statements)
    figure = draw_frontier(runs, [read_card(path) for path in shipped_models().values()])
    with atomic_write(PICTURE) as temporary:
        figure.savefig(temporary, dpi=150)
    sys.stdout.write(f"{PICTURE}\n")


def draw_frontier(runs: pd.DataFrame, shipped: list[dict[str, Any]]) -> Figure:
    """Draw score against size, one panel per task.

    Each configuration is a point with a line over its seeds. The shipped models are drawn from
    their cards, with the 95 % intervals of their scores.
    """
    figure, panels = plt.subplots(1, 3, figsize=(14, 4.6), layout="constrained")
    for panel, (score, title) in zip(panels, TASKS.items(), strict=True):
        _draw_studied(panel, runs, score)
        for card in shipped:
            _draw_shipped(panel, card, score)
        for size, goal in GOALS[score].items():
            panel.plot(size, goal, "_", color=WANTED, ms=26, mew=2, label="goal")
        panel.set(title=title, xlabel="parameters", xscale="log")
        panel.set_xticks(list(SIZES), list(SIZES.values()))
        panel.set_xlim(WIDTHS[score])  # after the ticks, which would widen it
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("on fold 9")
    handles, labels = panels[1].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    panels[1].legend(once.values(), once, loc="lower right")
    return figure


def _draw_studied(panel: Axes, runs: pd.DataFrame, score: str) -> None:
    groups = runs.dropna(subset=[score]).groupby("configuration")
    table = groups.agg(size=("parameters", "first"), mean=(score, "mean"))
    table[["low", "high"]] = groups[score].agg(["min", "max"])
    panel.vlines(table["size"], table["low"], table["high"], color=STUDIED, lw=1)
    panel.plot(table["size"], table["mean"], "o", color=STUDIED, ms=4, label="a configuration")
    for name in table.index.intersection(list(NAMED)):
        place = (table.loc[name, "size"], table.loc[name, "mean"])
        panel.annotate(NAMED[name], place, xytext=(8, -3), textcoords="offset points", fontsize=8)


def _draw_shipped(panel: Axes, card: dict[str, Any], score: str) -> None:
    """Draw the score of a shipped model with its interval, if the card has this score."""
    found = card["about"]["scores"]
    scores = {
        name: found["classes"].get("ABNORMAL", {}).get(name) for name in ("auroc", "auroc_ci")
    }
    if "macro_auroc" in found:
        name = "statements_auroc" if card["about"]["name"].startswith(STATEMENTS) else "macro_auroc"
        scores |= {name: found["macro_auroc"], f"{name}_ci": found["macro_auroc_ci"]}
    if scores.get(score) is None:
        return
    size, (low, high) = card["cost"]["parameters"], scores[f"{score}_ci"]
    panel.vlines(size, low, high, color=SHOWN, lw=1.5)
    panel.plot(size, scores[score], "D", color=SHOWN, ms=7, label="shipped, 95 % interval")
    left = size > 100_000  # where there is more room
    panel.annotate(
        card["about"]["name"], (size, scores[score]), xytext=(-9 if left else 9, 5),
        ha="right" if left else "left", textcoords="offset points",
        fontsize=9, fontweight="bold", color=SHOWN,
    )  # fmt: skip


if __name__ == "__main__":
    main()
