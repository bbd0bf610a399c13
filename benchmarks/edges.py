"""How often the evidence peaks at the edge of the window: python benchmarks/edges.py MODEL STORE

Prints one line per class for fold 9: among the records with a positive decision, and among the
others, the fraction whose evidence is highest within EDGE_S of the window's start or end; and the
fraction expected if all positions were equally likely.
"""

from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from ecgcam.data.store import open_store
from ecgcam.inference.loading import load
from ecgcam.plots.summary import EDGE_S
from ecgcam.signals.leads import lead_order


def main(model: str, store: Path) -> None:
    """Print how often the evidence of fold 9 peaks at an edge, one line per class."""
    typer.echo(table(model, store))


def table(model: str, store: Path) -> str:
    """Return the table, one line per class."""
    classifier, opened = load(model), open_store(store)
    rows = lead_order(opened.leads, classifier.leads)
    signals_mv = opened.signals_mv(opened.indices(folds=[9]))[:, rows]
    logits, evidence, _ = classifier.run(signals_mv)
    at_edge = peaks_at_an_edge(evidence, duration_s=classifier.duration_s)
    decisions = [classifier.decide(row) for row in classifier.probabilities(logits)]
    chance = edges(evidence.shape[-1], duration_s=classifier.duration_s).mean()
    lines = [f"{'':<12}{'yes':>6} {'at an edge':>11} {'no':>7} {'at an edge':>11} {'chance':>8}"]
    for k, name in enumerate(classifier.classes):
        positive = np.array([name in decision for decision in decisions])
        cells = [_count_and_fraction(at_edge[mask, k]) for mask in (positive, ~positive)]
        lines.append(f"{name:<11}{' '.join(cells)} {chance:>8.1%}")
    return "\n".join(lines)


def _count_and_fraction(hits: NDArray[np.bool_]) -> str:
    fraction = f"{hits.mean():.1%}" if hits.size else "–"
    return f"{hits.size:>7} {fraction:>11}"


def peaks_at_an_edge(evidence: NDArray[np.floating], *, duration_s: float) -> NDArray[np.bool_]:
    """Return whether the highest frame of (records, classes, frames) is at an edge."""
    return edges(evidence.shape[-1], duration_s=duration_s)[evidence.argmax(axis=-1)]


def edges(frames: int, *, duration_s: float) -> NDArray[np.bool_]:
    """Return whether each frame's center is within EDGE_S of the start or the end: (frames,)."""
    centers_s = (np.arange(frames) + 0.5) * duration_s / frames
    return np.minimum(centers_s, duration_s - centers_s) < EDGE_S


if __name__ == "__main__":
    typer.run(main)
