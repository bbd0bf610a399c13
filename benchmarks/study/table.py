"""The study's results.csv as the table and the picture of docs/study.md.

python benchmarks/study/table.py
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from run import RESULTS, configurations

from ecgcam.files import written_whole

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "study.md"
PICTURE = ROOT / "docs" / "pictures" / "frontier.png"
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"
TASKS = {"auroc": "normal or not: AUROC", "macro_auroc": "five superclasses: macro-AUROC"}
GOALS = {"auroc": {22_273: 0.95}, "macro_auroc": {25_000: 0.93, 500_000: 0.94}}
SIZES = {5_000: "5k", 22_273: "22k", 100_000: "100k", 500_000: "500k"}


def main() -> None:
    runs = pd.read_csv(RESULTS)
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    with written_whole(PAGE) as temporary:
        temporary.write_text(before + BEGIN + table(runs) + END + after, encoding="utf-8")
    figure = draw_frontier(runs)
    with written_whole(PICTURE) as temporary:
        figure.savefig(temporary, dpi=150)
    sys.stdout.write(f"{PAGE}\n{PICTURE}\n")


def table(runs: pd.DataFrame) -> str:
    """A line a configuration, in the order they are written; means over the seeds."""
    lines = [
        "| configuration | what it is | parameters | seeds | AUROC | accuracy | macro-AUROC |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, configuration in configurations().items():
        found = runs[runs["configuration"] == name]
        if len(found):
            scores = [_mean(found, score) for score in ("auroc", "accuracy", "macro_auroc")]
            count = f"{int(found['parameters'].iloc[0]):,}"
            cells = [f"`{name}`", configuration["why"], count, str(len(found)), *scores]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw_frontier(runs: pd.DataFrame) -> Figure:
    """Score against size, a panel a task; a point a configuration, its line from seed to seed."""
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    for panel, (score, title) in zip(panels, TASKS.items(), strict=True):
        for name, found in runs.dropna(subset=[score]).groupby("configuration"):
            size, scores = found["parameters"].iloc[0], found[score]
            panel.plot([size, size], [scores.min(), scores.max()], color="#0072b2", lw=1)
            panel.plot(size, scores.mean(), "o", color="#0072b2", ms=5)
            panel.annotate(
                str(name), (size, scores.mean()), xytext=(6, 0), textcoords="offset points",
                fontsize=7, va="center",
            )  # fmt: skip
        for size, goal in GOALS[score].items():
            panel.plot(size, goal, "_", color="#d55e00", ms=22, mew=2, label="goal")
        panel.set(title=title, xlabel="parameters", xscale="log", xlim=(4_000, 1_500_000))
        panel.set_xticks(list(SIZES), list(SIZES.values()))
        panel.minorticks_off()
        panel.margins(y=0.1)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("on fold 9")
    handles, labels = panels[0].get_legend_handles_labels()
    panels[0].legend(handles[:1], labels[:1], loc="lower right")
    return figure


def _mean(found: pd.DataFrame, score: str) -> str:
    scores = found[score].dropna() if score in found else pd.Series(dtype=float)
    if not len(scores):
        return "–"
    spread = f" ({scores.min():.4f} to {scores.max():.4f})" if len(scores) > 1 else ""
    return f"{scores.mean():.4f}{spread}"


if __name__ == "__main__":
    main()
