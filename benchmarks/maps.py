"""How faithful a model's map is, beside others: python -m benchmarks.maps MODEL STORE

Prints, for each class and direction, F for deletion and insertion (explanation/faithfulness.py)
against integrated gradients and against the better of integrated gradients and occlusion, on the
first 200 records of fold 9 by id that are labelled and predicted so; what-if; the answer to a flat
record; and how often the evidence of a "no" is highest near an edge.
"""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from ecgcam.data.store import Store, open_store
from ecgcam.explanation.attributions import (
    Attribution,
    evidence_map,
    grad_cam,
    integrated_gradients,
    lead_evidence_map,
    occlusion,
    saliency,
    summed_over_leads,
)
from ecgcam.explanation.faithfulness import Areas, compare_areas, faithfulness
from ecgcam.explanation.what_if import what_if
from ecgcam.inference.modelfile import load_network
from ecgcam.inference.zoo import find_model
from ecgcam.nn.fuse import fuse_norms
from ecgcam.nn.network import Network
from ecgcam.signals.leads import lead_order
from ecgcam.tasks import Task
from ecgcam.training.additivity import draw_masks

RECORDS = 200
MAPS: Mapping[str, Attribution] = {
    "evidence": evidence_map,
    "integrated gradients": summed_over_leads(integrated_gradients),
    "occlusion": occlusion,
    "saliency": summed_over_leads(saliency),
    "Grad-CAM": grad_cam,
}


def main(model: str, store: Path, fold: int = 9, quick: bool = False) -> None:
    """Print how faithful a model's map is; `--quick` without occlusion, saliency and Grad-CAM."""
    path = find_model(model)
    network, card = load_network(path)
    network = fuse_norms(network)
    opened = open_store(store)
    prepared, targets = _fold(network, Task.from_dict(card["task"]), opened, fold)
    with torch.inference_mode():
        flat = network.bias().sigmoid().tolist()
        outputs = [network.forward_preprocessed(part) for part in prepared.split(256)]
    logits = torch.cat([output.logits for output in outputs])
    evidence = torch.cat([output.evidence for output in outputs])
    typer.echo(f"{path}: {network.parameters_count} parameters, {len(prepared)} records")
    for k, name in enumerate(card["classes"]):
        typer.echo(f"{name}: flat record {flat[k]:.2f}")
        typer.echo(f"  {_edges(evidence[:, k], logits[:, k], card)}")
        for sign in (1, -1):
            wanted = (targets[:, k] > 0) if sign > 0 else (targets[:, k] == 0)
            chosen = np.flatnonzero(wanted & ((sign * logits[:, k]) > 0).numpy())[:RECORDS]
            some = prepared[torch.from_numpy(chosen)]
            typer.echo(f"  {'towards' if sign > 0 else 'against'} {name}, {len(some)} records")
            if len(some):
                _report(network, some, k, sign, quick=quick)


def _fold(network: Network, task: Task, store: Store, fold: int) -> tuple[Tensor, NDArray]:
    labelled = store.require_labelled(task.adapt_to(store.vocabulary), folds=[fold])
    order = np.argsort(store.records["id"].to_numpy()[labelled.indices].astype(int))
    rows = lead_order(store.leads, network.config.leads)
    indices = labelled.indices[order]
    with torch.inference_mode():
        signal_mv = torch.from_numpy(store.signals_mv(indices)[:, rows])
        prepared = torch.cat([network.preprocess(part) for part in signal_mv.split(256)])
    return prepared, labelled.targets[order]


def _report(network: Network, some: Tensor, k: int, sign: int, *, quick: bool) -> None:
    maps = dict(list(MAPS.items())[:2]) if quick else MAPS
    start = time.perf_counter()
    areas = faithfulness(network, some, k, maps, sign=sign)
    references = ["integrated gradients", "occlusion"]
    for name, area in areas.items():
        f = compare_areas(areas, name, references[:1])
        text = f"    {name:<21} {_pair(area)}   F {_pair(f)}"
        if not quick:
            text += (
                f"   against the better reference {_pair(compare_areas(areas, name, references))}"
            )
        typer.echo(text)
    masks = draw_masks(len(some), 1, some.shape[-1], torch.Generator().manual_seed(0))
    typer.echo(f"    what-if {what_if(network, some, k, masks)}")
    if network.leads_apart:
        by_lead = {"lead evidence": lead_evidence_map, "integrated gradients": integrated_gradients}
        areas = faithfulness(network, some, k, by_lead, sign=sign, leads=some.shape[1])
        f = compare_areas(areas, "lead evidence", references[:1])
        typer.echo(f"    by lead               {_pair(areas['lead evidence'])}   F {_pair(f)}")
    typer.echo(f"    {time.perf_counter() - start:.1f} s")


def _edges(evidence: Tensor, logits: Tensor, card: dict) -> str:
    grid = card.get("frames")
    frames = evidence.shape[-1]
    step_s = grid["step_s"] if grid else card["duration_s"] / frames
    centers_s = (grid["first_s"] if grid else step_s / 2) + np.arange(frames) * step_s
    near = np.minimum(centers_s, card["duration_s"] - centers_s) < 0.3
    no = (logits < 0).numpy()
    hottest = near[evidence.argmax(dim=-1).numpy()]
    return (
        f"hottest within 0.3 s of an edge: 'no' {_fraction(hottest[no])}, "
        f"'yes' {_fraction(hottest[~no])}, chance {_fraction(near)}"
    )


def _fraction(hits: NDArray[np.bool_]) -> str:
    return f"{hits.mean():.1%}" if hits.size else "–"


def _pair(areas: Areas) -> str:
    return f"{areas.deletion:6.3f} / {areas.insertion:6.3f}"


if __name__ == "__main__":
    typer.run(main)
