"""How often a map is hottest at the edge of its window: python benchmarks/edges.py MODEL STORE

Of fold 9, a line a class: among the records in which the class was decided, and among the others,
the share whose evidence is highest within EDGE_S of the window's start or end; and what it would
be if the highest place were anywhere alike.
"""

from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from ecgcam.data.store import open_store
from ecgcam.inference.classifier import load
from ecgcam.plots.summary import EDGE_S
from ecgcam.signals.leads import lead_order


def main(model: str, store: Path) -> None:
    """How often a map of fold 9 is hottest at an edge, a line a class."""
    typer.echo(table(model, store))


def table(model: str, store: Path) -> str:
    """The table, a line a class."""
    classifier, opened = load(model), open_store(store)
    leads = lead_order(opened.leads, classifier.leads)
    signals_mv = opened.signals_mv(opened.indices(folds=[9]))[:, leads]
    logits, evidence = classifier.run(signals_mv)
    hottest = hottest_at_an_edge(evidence, duration_s=classifier.duration_s)
    decided = [classifier.decide(row) for row in classifier.probabilities(logits)]
    chance = edges(evidence.shape[-1], duration_s=classifier.duration_s).mean()
    lines = [f"{'':<12}{'yes':>6} {'at an edge':>11} {'no':>7} {'at an edge':>11} {'chance':>8}"]
    for k, name in enumerate(classifier.classes):
        yes = np.array([name in names for names in decided])
        shares = [_share(hottest[found, k]) for found in (yes, ~yes)]
        lines.append(f"{name:<11}{' '.join(shares)} {chance:>8.1%}")
    return "\n".join(lines)


def _share(hits: NDArray[np.bool_]) -> str:
    """How many they are, and the share of them that is True."""
    share = f"{hits.mean():.1%}" if hits.size else "–"
    return f"{hits.size:>7} {share:>11}"


def hottest_at_an_edge(evidence: NDArray[np.floating], *, duration_s: float) -> NDArray[np.bool_]:
    """(records, classes, frames) to (records, classes): whether the highest frame is at an edge."""
    return edges(evidence.shape[-1], duration_s=duration_s)[evidence.argmax(axis=-1)]


def edges(frames: int, *, duration_s: float) -> NDArray[np.bool_]:
    """(frames,): whether a frame's centre is within EDGE_S of the start or the end."""
    centres_s = (np.arange(frames) + 0.5) * duration_s / frames
    return np.minimum(centres_s, duration_s - centres_s) < EDGE_S


if __name__ == "__main__":
    typer.run(main)
