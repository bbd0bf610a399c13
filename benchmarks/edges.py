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
    one = classifier.explain(opened.record(0), force=True)
    near = edges(one.frame_times_s, duration_s=classifier.duration_s)
    at_edge = near[evidence.argmax(axis=-1)]
    decisions = [classifier.decide(row) for row in classifier.probabilities(logits)]
    chance = 2 * EDGE_S / classifier.duration_s
    lines = [f"{'':<12}{'yes':>6} {'at an edge':>11} {'no':>7} {'at an edge':>11} {'chance':>8}"]
    for k, name in enumerate(classifier.classes):
        positive = np.array([name in decision for decision in decisions])
        cells = [_count_and_fraction(at_edge[mask, k]) for mask in (positive, ~positive)]
        lines.append(f"{name:<11}{' '.join(cells)} {chance:>8.1%}")
    return "\n".join(lines)


def _count_and_fraction(hits: NDArray[np.bool_]) -> str:
    fraction = f"{hits.mean():.1%}" if hits.size else "–"
    return f"{hits.size:>7} {fraction:>11}"


def edges(centers_s: NDArray[np.floating], *, duration_s: float) -> NDArray[np.bool_]:
    """Return whether the center of each frame is within EDGE_S of the start or the end."""
    return np.minimum(centers_s, duration_s - centers_s) < EDGE_S


if __name__ == "__main__":
    typer.run(main)
