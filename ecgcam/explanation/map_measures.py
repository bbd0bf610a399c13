"""Measures of a model's map on a fold, beside other maps of the same network."""

from collections.abc import Mapping
from dataclasses import asdict, astuple
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.store import Store
from ..inference.card import Card
from ..nn.complexity import frames_of
from ..nn.fuse import fuse_norms
from ..nn.network import Network, Output
from ..signals.leads import lead_order
from ..tasks import Task
from .attributions import (
    Attribution,
    evidence_map,
    grad_cam,
    integrated_gradients,
    lead_evidence_map,
    occlusion,
    saliency,
    summed_over_leads,
)
from .faithfulness import compare_areas, faithfulness
from .masks import draw_masks
from .pairs import pointing_on_pairs
from .what_if import what_if

RECORDS, EDGE_S = 200, 0.3
REFERENCES = ("integrated gradients", "occlusion")
MAPS: Mapping[str, Attribution] = {
    "evidence": evidence_map,
    "integrated gradients": summed_over_leads(integrated_gradients),
    "occlusion": occlusion,
    "saliency": summed_over_leads(saliency),
    "Grad-CAM": grad_cam,
}


def measure_maps(
    network: Network,
    card: Card,
    store: Store,
    *,
    fold: int = 9,
    maps: Mapping[str, Attribution] = MAPS,
) -> dict[str, Any]:
    """Measure a model's map, and the others, for each class towards it and against it.

    On the first 200 records of the fold by id that are labelled and predicted so: areas and F of
    each map (faithfulness.py), against integrated gradients ("f") and against the better of those
    and occlusion ("f_better"); and what-if. Also the answer to a flat record, how often the
    evidence is highest near an edge, and pointing on pairs of synthetic ECGs (pairs.py). `maps`
    needs "evidence" and "integrated gradients".
    """
    trained, network = network, fuse_norms(network)
    prepared, targets = _prepare(network, Task.from_dict(card["task"]), store, fold)
    with torch.inference_mode():
        flat = network.bias().sigmoid().tolist()
        outputs = [network.forward_preprocessed(part) for part in torch.split(prepared, 256)]
    logits = torch.cat([output.logits for output in outputs])
    classes: dict[str, Any] = {}
    for k, name in enumerate(card["classes"]):
        classes[name] = {
            "flat_record": flat[k],
            "at_an_edge": _edges(network, outputs, k),
            "pairs": asdict(pointing_on_pairs(trained, k)),
        }
        for direction, sign in (("towards", 1), ("against", -1)):
            right = (targets[:, k] > 0) == (sign > 0)
            chosen = np.flatnonzero(right & (sign * logits[:, k] > 0).numpy())[:RECORDS]
            if len(chosen):
                some = prepared[torch.from_numpy(chosen)]
                classes[name][direction] = _measure(network, some, k, sign, maps)
    return {"fold": fold, "records": len(prepared), "classes": classes}


def _prepare(
    network: Network, task: Task, store: Store, fold: int
) -> tuple[Tensor, NDArray[np.float32]]:
    """Return the preprocessed signals and the targets of a fold, in the order of the ids."""
    labelled = store.require_labelled(task.adapt_to(store.vocabulary), folds=[fold])
    order = np.argsort(store.records["id"].to_numpy()[labelled.indices])
    rows = lead_order(store.leads, network.config.leads)
    with torch.inference_mode():
        signal_mv = torch.from_numpy(store.signals_mv(labelled.indices[order])[:, rows])
        parts = [network.preprocess(part) for part in torch.split(signal_mv, 256)]
    return torch.cat(parts), labelled.targets[order]


def _measure(
    network: Network, some: Tensor, k: int, sign: int, maps: Mapping[str, Attribution]
) -> dict[str, Any]:
    areas = faithfulness(network, some, k, maps, sign=sign)
    known = [name for name in REFERENCES if name in maps]
    masks = draw_masks(len(some), 1, some.shape[-1], torch.Generator().manual_seed(0))
    answer = what_if(network, some, k, masks)
    measured = {
        "records": len(some),
        "areas": {name: astuple(area) for name, area in areas.items()},
        "f": {name: astuple(compare_areas(areas, name, known[:1])) for name in areas},
        "f_better": {name: astuple(compare_areas(areas, name, known)) for name in areas},
        "what_if": {"r2": answer.r2, "median_error": answer.median_error},
    }
    if network.leads_apart:
        by_lead = {"evidence": lead_evidence_map, "integrated gradients": integrated_gradients}
        areas = faithfulness(network, some, k, by_lead, sign=sign, leads=some.shape[1])
        f = compare_areas(areas, "evidence", ["integrated gradients"])
        measured["f_by_lead"] = astuple(f)
    return measured


def _edges(network: Network, outputs: list[Output], k: int) -> dict[str, float | None]:
    """Return how often the evidence is highest near an edge: "no", "yes", and by chance."""
    evidence = torch.cat([output.evidence[:, k] for output in outputs])
    no = torch.cat([output.logits[:, k] for output in outputs]).numpy() < 0
    grid, duration_s = frames_of(network), network.config.duration_s
    centers_s = grid["first_s"] + np.arange(grid["count"]) * grid["step_s"]
    near = np.minimum(centers_s, duration_s - centers_s) < EDGE_S
    hottest = near[evidence.argmax(dim=-1).numpy()]
    groups = {"no": hottest[no], "yes": hottest[~no]}
    fractions = {name: float(hits.mean()) if hits.size else None for name, hits in groups.items()}
    return fractions | {"chance": 2 * EDGE_S / duration_s}
