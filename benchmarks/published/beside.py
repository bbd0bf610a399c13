"""The paper's map beside ours, of the same ECGs.

    python -m benchmarks.published.beside published.safetensors STORE

`published.safetensors` is made by weights.py; STORE is a store of PTB-XL. The left column is drawn
as the paper draws it: one band for all leads, 0 where the evidence of the record is lowest and 1
where it is highest.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import typer
from numpy.typing import NDArray

import ecgcam
from ecgcam.data.store import open_store
from ecgcam.inference.modelfile import load_network
from ecgcam.plots.heat import draw_heat, heat_of

from .maps import evidence_before_norm, heatmaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ecgcam import Record

PICTURE = Path(__file__).parents[2] / "docs" / "pictures" / "paper-map.png"
ECGS = {  # PTB-XL, fold 9, and what their cardiologists wrote
    "9521": "normal",
    "41": "left anterior fascicular block",
    "6241": "myocardial infarction",
}
HEADINGS = ("The paper's map: one band for all leads", "Our map: each lead by itself")
SHOWN, GAP_MV = ("II", "aVF", "V2", "V5"), 2.2


def main(published: Path, store: Path) -> None:
    """Draw the ECGs, one a row: the paper's map on the left, the map of `normal` on the right."""
    opened, ours, paper = open_store(store), ecgcam.load("normal"), ecgcam.load(published)
    network, _ = load_network(published)
    figure, axes = plt.subplots(
        len(ECGS), 2, figsize=(13, 3.2 * len(ECGS)), sharex=True, sharey=True, layout="constrained"
    )
    for column, heading in zip(axes[0], HEADINGS, strict=True):
        column.annotate(heading, (0.5, 1.14), xycoords="axes fraction", ha="center", weight="bold")
    for (left, right), (identity, label) in zip(axes, ECGS.items(), strict=True):
        record = opened.record(opened.index_of(identity))
        samples = record.signal_mv.shape[1]
        (theirs,) = heatmaps(evidence_before_norm(network, record.signal_mv[None]), samples=samples)
        _draw_paper(left, record, theirs[0])
        explanation = ours.explain(record)
        heat = heat_of(explanation, 0, np.arange(samples) / record.rate_hz)
        _draw_ours(right, record, heat)
        left.set_title(f"{label}: {_answer(paper.explain(record).probabilities[0])}", fontsize=10)
        right.set_title(f"{label}: {_answer(explanation.probabilities[0])}", fontsize=10)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)
    typer.echo(PICTURE)


def _answer(probability: float) -> str:
    return f"probability of abnormal {probability:.3f}"


def _draw_paper(axes: "Axes", record: "Record", heatmap: NDArray[np.float32]) -> None:
    """Draw leads over one band for all of them, from 0 (white) to 1 (dark)."""
    bottom, top = _draw_traces(axes, record)
    axes.imshow(
        heatmap[None], extent=(0, record.duration_s, bottom, top), aspect="auto", cmap="Oranges",
        vmin=0, vmax=1, zorder=0,
    )  # fmt: skip


def _draw_ours(axes: "Axes", record: "Record", heat: NDArray[np.float32]) -> None:
    """Draw leads, each over its own evidence: orange for abnormal, blue against it."""
    _draw_traces(axes, record)
    for place, lead in enumerate(SHOWN):
        level = -GAP_MV * place
        area = (0, record.duration_s, level - GAP_MV / 2, level + GAP_MV / 2)
        draw_heat(axes, heat[record.leads.index(lead)][None], extent=area)


def _draw_traces(axes: "Axes", record: "Record") -> tuple[float, float]:
    """Draw the leads below each other; return the bottom and the top of the axes in mV."""
    time_s = np.arange(record.signal_mv.shape[1]) / record.rate_hz
    levels = -GAP_MV * np.arange(len(SHOWN))
    for lead, level in zip(SHOWN, levels, strict=True):
        trace = record.signal_mv[record.leads.index(lead)]
        axes.plot(time_s, trace - np.median(trace) + level, color="black", lw=0.8)
    bottom, top = levels[-1] - GAP_MV / 2, GAP_MV / 2
    axes.set(ylim=(bottom, top), xlim=(0, record.duration_s), xlabel="time (s)")
    axes.set_yticks(levels, SHOWN, weight="bold")
    axes.label_outer()
    return bottom, top


if __name__ == "__main__":
    typer.run(main)
