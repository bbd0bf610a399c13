"""F of the published network's maps: the paper's own, and those that `ecgcam scorecard` compares.

    python -m benchmarks.published.faithfulness published.safetensors STORE

`published.safetensors` is made by weights.py; STORE is a store of PTB-XL. Prints F against
integrated gradients, by deletion and insertion, on the first 200 records of fold 9 that are
labelled and predicted abnormal, and on the first 200 that are labelled and predicted normal.
"""

from pathlib import Path

import numpy as np
import typer
from torch import Tensor

from ecgcam.data.store import open_store
from ecgcam.explanation.attributions import MAPS
from ecgcam.explanation.faithfulness import KINDS, faithfulness, relative_area
from ecgcam.explanation.subject import Subject, choose_effort, make_subject
from ecgcam.inference.modelfile import load_network
from ecgcam.nn.frames import frame_grid, interpolate_frames
from ecgcam.nn.network import Network

from .maps import prepared_evidence_before_norm

FOLD = 9
GRADIENTS = ("integrated gradients",)


def main(published: Path, store: Path) -> None:
    """Print F of each map, a line each."""
    network, card = load_network(published)
    effort = choose_effort(quick=False, classes=1)
    subject = make_subject(network, card, open_store(store), fold=FOLD, effort=effort)
    for sign, direction in ((1, "abnormal"), (-1, "normal")):
        for name, values in relative_areas(subject, sign).items():
            typer.echo(f"towards {direction}, {name}: {' / '.join(f'{x:.2f}' for x in values)}")


def relative_areas(subject: Subject, sign: int) -> dict[str, list[float]]:
    """Return F of each map by deletion and insertion, towards abnormal (1) or normal (-1)."""
    labelled = (subject.targets[:, 0] > 0) == (sign > 0)
    rows = np.flatnonzero(labelled & (sign * subject.logits[:, 0] > 0))[: subject.effort.records]
    # by the unfused network: the paper takes its map before the last batch norm
    areas = faithfulness(
        subject.trained, subject.prepared[rows], 0, {"the paper's": paper_map, **MAPS}, sign=sign
    )
    once = np.ones((1, len(rows)))
    return {
        name: [float(relative_area(areas, name, kind, GRADIENTS)(once)[0]) for kind in KINDS]
        for name in areas
    }


def paper_map(network: Network, prepared: Tensor, k: int) -> Tensor:
    """Return the paper's map before it is scaled to 0 to 1: (records, 1, samples)."""
    evidence = prepared_evidence_before_norm(network, prepared)[:, k, None]
    samples = prepared.shape[-1]
    grid = frame_grid(network.backbone, samples=samples, frames=evidence.shape[-1])
    return interpolate_frames(evidence, grid, samples=samples)


if __name__ == "__main__":
    typer.run(main)
