"""Scorecard: how far a model's map can be trusted, part by part, beside other maps.

Each part of each class is written to OUT/parts when it is done, so that an interrupted scorecard
goes on where it stopped.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..data.store import Store
from ..files import sha256, write_text
from ..inference.modelfile import load_network, model_name
from ..inference.zoo import find_model
from ..nn.network import Network
from ..processes import Progress
from .faithfulness_figures import faithfulness_figures
from .figures import Figure
from .law import law_figures
from .localisation import localisation_figures
from .ludb import ludb_figures, read_ludb
from .map_cost import cost_figures
from .pairs import pairs_figures
from .sanity import sanity_figures, shuffled_figures
from .stability import agreement_figures, check_comparable, edge_figures, stability_figures
from .subject import Subject, choose_effort, make_subject

SCHEMA = 1
PARTS_FOLDER = "parts"
PARTS = {
    "law": "Does the evidence add up to the decision?",
    "faithfulness": "Does the decision follow what the map marks?",
    "sanity": "Does the map depend on what the network learned?",
    "shuffled": "Does the map depend on the labels?",
    "synthetic": "Does the map point at the disorder? Synthetic ECGs, where it is known",
    "pairs": "Does the map change where the ECG changes?",
    "ludb": "Does the evidence lie in the wave that a cardiologist reads? Real ECGs of LUDB",
    "stability": "Does the map stay when the ECG hardly changes?",
    "edges": "Is the map free of artefacts at the record's edges?",
    "seeds": "Do two models agree?",
    "cost": "What does a map cost?",
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One part of the scorecard for one class, or for all classes together (k is None).

    options: what the figures depend on besides the model, the store, the fold and the effort.
    """

    part: str
    k: int | None
    measure: Callable[[], Iterable[Figure]]
    options: Mapping[str, Any]


# A part, the figures of a class by its index, and the options of Step.
Measure = tuple[str, Callable[[int], Iterable[Figure]], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What a scorecard needs besides the model and the store; None: that part is left out."""

    ludb: Path | None
    other: str | Path | None
    retrain: Callable[[], Network] | None
    backbone: str | None


def scorecard(
    model: str | Path,
    store: Store,
    *,
    out: Path | None = None,
    name: str | None = None,
    fold: int = 9,
    ludb: Path | None = None,
    synthetic: int | None = None,
    other: str | Path | None = None,
    retrain: Callable[[], Network] | None = None,
    quick: bool = False,
    backbone: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure a model's map and return the contents of scorecard.json.

    model:     a .safetensors file, or the name of a shipped model.
    name:      of the model; that of its file by default.
    out:       folder for the parts that are done, from which an interrupted run goes on.
    ludb:      folder of LUDB; without it that part is left out.
    synthetic: synthetic hearts for each disorder, 20 by default, 2 with `quick`; 0: none.
    other:     another model of the same task, such as another seed.
    retrain:   trains the same network on shuffled labels and returns it.
    quick:     fewer records, and integrated gradients as the only map to compare with.
    """
    path = find_model(model)
    network, card = load_network(path, backbone=backbone)
    effort = choose_effort(quick=quick, classes=len(card["classes"]), hearts=synthetic)
    subject = make_subject(network, card, store, fold=fold, effort=effort)
    extras = Extras(ludb=ludb, other=other, retrain=retrain, backbone=backbone)
    steps = list(_steps(subject, extras))
    inputs = {
        "ecgcam": __version__,
        "model": sha256(path),
        "store": store.about["fingerprint"],
        "fold": fold,
        "quick": quick,
    }
    parts: dict[str, list[dict[str, Any]]] = {}
    for done, step in enumerate(steps, start=1):
        figures = _run(step, inputs, out and out / PARTS_FOLDER)
        parts.setdefault(step.part, []).extend(figures)
        if progress:
            progress(done, len(steps))
    return {
        "schema": SCHEMA,
        "ecgcam": __version__,
        "model": name or model_name(path),
        "model_sha256": inputs["model"],
        "quick": quick,
        **_describe_subject(subject),
        "parts": [
            {"part": part, "title": title, "figures": parts[part]}
            for part, title in PARTS.items()
            if part in parts
        ],
        "goals": _count_goals(figure for part in parts.values() for figure in part),
    }


def _describe_subject(subject: Subject) -> dict[str, Any]:
    """Return what scorecard.json says of the model and the records."""
    card, store = subject.card, subject.store
    return {
        "task": subject.task.name,
        "classes": list(subject.classes),
        "parameters": card["parameters"],
        "backbone": card["backbone"],
        "frame": {"sees_s": subject.field_s, "stands_for_s": subject.frames["step_s"]},
        "lead_evidence": subject.network.leads_apart,
        "store": {"source": store.about["source"], "fingerprint": store.about["fingerprint"]},
        "fold": subject.fold,
        "records": len(subject.prepared),
        "records_of_a_class": subject.effort.records,
        "maps": [*subject.effort.maps, "random"],
    }


def _steps(subject: Subject, extras: Extras) -> Iterable[Step]:
    """Yield the steps: each part of each class, and those of all classes together."""
    yield Step(part="law", k=None, measure=partial(law_figures, subject), options={})
    for part, measure, options in [*_of_records(subject), *_of_extras(subject, extras)]:
        for k in range(len(subject.classes)):
            yield Step(part=part, k=k, measure=partial(measure, k), options=options)
    yield Step(part="cost", k=None, measure=partial(cost_figures, subject), options={})


def _of_records(subject: Subject) -> Iterable[Measure]:
    """Yield the parts that need the records of the fold alone."""
    yield "faithfulness", partial(faithfulness_figures, subject), {}
    yield "sanity", partial(sanity_figures, subject), {}
    yield "stability", partial(stability_figures, subject), {}
    yield "edges", partial(edge_figures, subject), {}


def _of_extras(subject: Subject, extras: Extras) -> Iterable[Measure]:
    """Yield the parts that need synthetic hearts, LUDB, or another network."""
    hearts = subject.effort.hearts
    if hearts:
        options = {"hearts": hearts}
        yield "synthetic", partial(localisation_figures, subject, hearts=hearts), options
        yield "pairs", partial(pairs_figures, subject, hearts=hearts), options
    if extras.ludb is not None:
        ecgs = read_ludb(extras.ludb, subject)
        yield "ludb", partial(ludb_figures, subject, ecgs=ecgs), {"ecgs": len(ecgs)}
    if extras.other is not None:
        path = find_model(extras.other)
        network, card = load_network(path, backbone=extras.backbone)
        check_comparable(subject.card, card)
        yield "seeds", partial(agreement_figures, subject, other=network), {"other": sha256(path)}
    if extras.retrain is not None:
        yield "shuffled", partial(shuffled_figures, subject, retrain=cache(extras.retrain)), {}


def _run(step: Step, inputs: Mapping[str, Any], folder: Path | None) -> list[dict[str, Any]]:
    """Return the figures of a step, from its file if it was done before with the same inputs."""
    if folder is None:
        return [figure.to_dict() for figure in step.measure()]
    key = {**inputs, **step.options, "part": step.part, "k": step.k}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    path = folder / f"{step.part}{'' if step.k is None else f'-{step.k}'}.json"
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        if saved["inputs"] == digest:
            return list(saved["figures"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not there, or of no use
    figures = [figure.to_dict() for figure in step.measure()]
    write_text(path, json.dumps({"inputs": digest, "figures": figures}, indent=1) + "\n")
    return figures


def _count_goals(figures: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    outcomes = [figure["met"] for figure in figures if figure["met"] is not None]
    return {"met": sum(outcomes), "of": len(outcomes)}
