"""Ensembles: several models as one file, which answers with the mean of their logits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..files import sha256
from ..tasks import Task
from .card import Card, make_card, recipe_setting
from .modelfile import load_network, save_model
from .zoo import find_model

if TYPE_CHECKING:
    from torch import Tensor

    from ..nn.network import Network

_SAME = ("leads", "rate_hz", "duration_s", "preprocess")


def combine(models: Sequence[Path], out: Path) -> Path:
    """Write a model whose logits and evidence are the mean of these models'; return its path.

    models: files or names of shipped models. The classes are those of the first model; the others
    may have more. Each model's logits are divided by its temperature. Thresholds are 0.5, since
    those of one model do not hold for the mean; `calibrate` chooses new ones.
    Raises ModelError if the models take different signals, lack one of the classes, or have frames
    at different times.
    """
    if len(models) < 2:
        raise ModelError(f"an ensemble needs two or more models, got {len(models)}.")
    files = [find_model(model) for model in models]
    members = [load_network(file) for file in files]
    card = members[0][1]
    for file, (_, other) in zip(files, members, strict=True):
        _check_same_signals(card, other, file)
    task = Task.from_dict(card["task"])
    heads = [
        _head(network, other, task, file)
        for file, (network, other) in zip(files, members, strict=True)
    ]
    ensemble = _build_ensemble([network for network, _ in members], heads)
    cards = [other for _, other in members]
    provenance = _provenance(cards, [sha256(file) for file in files])
    titles = card.get("class_titles")
    combined = make_card(ensemble, task, provenance=provenance, class_titles=titles)
    combined["fold_digests"] = {
        store: digests for card in cards for store, digests in card.get("fold_digests", {}).items()
    }
    return save_model(out, ensemble, combined)


def _build_ensemble(
    networks: Sequence["Network"], heads: Sequence[tuple["Tensor", "Tensor"]]
) -> "Network":
    """Build the ensemble of networks that take the same signals, under the mean of their heads."""
    import torch

    from ..nn.backbones import SEVERAL
    from ..nn.network import Network

    members = [
        {"name": network.config.backbone, "config": dict(network.config.backbone_config)}
        for network in networks
    ]
    config = replace(
        networks[0].config,
        classes=len(heads[0][1]),
        backbone=SEVERAL,
        backbone_config={"members": members},
    )
    with torch.random.fork_rng(devices=[]):  # random weights, replaced by those of the members
        ensemble = Network(config).eval()
    _copy_weights(ensemble, networks, heads)
    return ensemble


def _copy_weights(
    ensemble: "Network", networks: Sequence["Network"], heads: Sequence[tuple["Tensor", "Tensor"]]
) -> None:
    import torch

    members = ensemble.backbone.get_submodule("members")
    for member, network in zip(members.children(), networks, strict=True):
        member.load_state_dict(network.backbone.state_dict())
    with torch.no_grad():
        ensemble.head.weight.copy_(torch.cat([weight for weight, _ in heads], 1) / len(heads))
        ensemble.head.bias.copy_(torch.stack([bias for _, bias in heads]).mean(0))


def _head(network: "Network", card: Card, task: Task, file: Path) -> tuple["Tensor", "Tensor"]:
    """Return weight (classes, channels) and bias (classes,) of a head for the task's classes."""
    own = [frozenset(labels) for labels in Task.from_dict(card["task"]).members]
    wanted = [frozenset(labels) for labels in task.members]
    if card["task"]["exclusive"] != task.exclusive or not set(wanted) <= set(own):
        raise ModelError(
            f"{file}: the model has the classes {', '.join(card['classes'])}; expected "
            f"{', '.join(task.classes)}, made of the same labels, as in the first model."
        )
    rows = [own.index(labels) for labels in wanted]
    head, temperature = network.head, card["temperature"]
    return head.weight.detach()[rows] / temperature, head.bias.detach()[rows] / temperature


def _check_same_signals(card: Card, other: Card, file: Path) -> None:
    for key in _SAME:
        if other[key] != card[key]:
            raise ModelError(
                f"{file}: the model's {key} is {other[key]}; expected {card[key]}, as in the first "
                "model."
            )


def _provenance(cards: Sequence[Card], digests: Sequence[str]) -> dict[str, Any]:
    """Return each member's provenance, and the folds that all of them together were made with."""
    each = [card["provenance"] for card in cards]
    return {
        "data": each[0].get("data"),
        "recipe": {"data": {key: _folds(each, key) for key in ("train_folds", "validation_folds")}},
        "combined": [
            {"sha256": digest, "provenance": provenance}
            for digest, provenance in zip(digests, each, strict=True)
        ],
    }


def _folds(provenances: Sequence[Mapping[str, Any]], key: str) -> list[int]:
    recipes = [provenance.get("recipe", {}) for provenance in provenances]
    folds = [recipe_setting(recipe, "data", key) or () for recipe in recipes]
    return sorted({fold for some in folds for fold in some})
