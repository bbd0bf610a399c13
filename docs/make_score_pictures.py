"""Draw the pictures of docs/robustness.md: python docs/make_score_pictures.py EVALUATION ROBUSTNESS

The folders that `ecgcam evaluate` and `ecgcam robustness` made.
"""

import json
from pathlib import Path

import typer
from ecgcam.pictures.forest import draw_forest
from ecgcam.pictures.robustness import draw_changes, draw_strengths
from ecgcam.subgroups import HEADINGS

FOLDER = Path(__file__).parent / "pictures"


def main(evaluation: Path, robustness: Path) -> None:
    """Draw the forest of the subgroups, the curves and the bars of the disturbances."""
    scores = json.loads((evaluation / "metrics.json").read_text(encoding="utf-8"))
    subgroups = scores["subgroups"]
    groups = {HEADINGS[kind]: members for kind, members in subgroups["by"].items()}
    forest = draw_forest(subgroups["all"], groups, few_below=subgroups["few_below"])
    forest.savefig(FOLDER / "subgroups.png", dpi=110)
    found = json.loads((robustness / "robustness.json").read_text(encoding="utf-8"))
    graded = [trial for trial in found["trials"] if trial["strength"] is not None]
    single = [trial for trial in found["trials"] if trial["strength"] is None]
    undisturbed = found["undisturbed"]
    draw_strengths(undisturbed, graded).savefig(FOLDER / "strengths.png", dpi=110)
    draw_changes(undisturbed, single).savefig(FOLDER / "changes.png", dpi=110)


if __name__ == "__main__":
    typer.run(main)
