"""Several models as one, which answers with the mean of their logits: an ensemble in one file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..files import sha256
from ..tasks import Task
from .card import Card, make_card
from .modelfile import load_network, save_model
from .zoo import find_model

if TYPE_CHECKING:
    from torch import Tensor

    from ..nn.network import Network

_SAME = ("leads", "rate_hz", "duration_s", "preprocess")


def combine(models: Sequence[Path], out: Path) -> Path:
    """Write a model whose logits and evidence are the mean of these models'; its path.

    models: files or names of shipped models. Its classes are those of the first; the others may
    have more. A model's logits count at its temperature. Thresholds are 0.5 again: what was
    chosen for one of them does not hold for their mean, and `calibrate` chooses anew.
    Raises ModelError for models that take other signals or do not know the classes.
    """
    if len(models) < 2:
        raise ModelError("one model alone is no ensemble; needed: two or more.")
    files = [find_model(model) for model in models]
    loaded = [load_network(file) for file in files]
    card = loaded[0][1]
    for file, (_, other) in zip(files, loaded, strict=True):
        _refuse_other_signals(card, other, file)
    task = Task.from_dict(card["task"])
    heads = [
        _head(network, other, task, file)
        for file, (network, other) in zip(files, loaded, strict=True)
    ]
    together = _together([network for network, _ in loaded], heads)
    provenance = _provenance([other for _, other in loaded], [sha256(file) for file in files])
    return save_model(out, together, make_card(together, task, provenance=provenance))


def _together(
    networks: Sequence["Network"], heads: Sequence[tuple["Tensor", "Tensor"]]
) -> "Network":
    """An ensemble of networks that take the same signals, under the mean of these heads."""
    import torch

    from ..nn.network import Network

    members = [
        {"name": network.config.backbone, "config": dict(network.config.backbone_config)}
        for network in networks
    ]
    config = replace(
        networks[0].config,
        classes=len(heads[0][1]),
        backbone="several",
        backbone_config={"members": members},
    )
    with torch.random.fork_rng(devices=[]):  # draws weights, which those of the members replace
        together = Network(config).eval()
    _fill(together, networks, heads)
    return together


def _fill(
    together: "Network", networks: Sequence["Network"], heads: Sequence[tuple["Tensor", "Tensor"]]
) -> None:
    """Give an ensemble the weights of its members."""
    import torch

    members = together.backbone.get_submodule("members")
    for member, network in zip(members.children(), networks, strict=True):
        member.load_state_dict(network.backbone.state_dict())
    with torch.no_grad():
        together.head.weight.copy_(torch.cat([weight for weight, _ in heads], 1) / len(heads))
        together.head.bias.copy_(torch.stack([bias for _, bias in heads]).mean(0))


def _head(network: "Network", card: Card, task: Task, file: Path) -> tuple["Tensor", "Tensor"]:
    """Weight (classes, channels) and bias (classes,) of a model's head for the task's classes."""
    own = [frozenset(labels) for labels in Task.from_dict(card["task"]).members]
    wanted = [frozenset(labels) for labels in task.members]
    if card["task"]["exclusive"] != task.exclusive or not set(wanted) <= set(own):
        raise ModelError(
            f"{file}: it judges {', '.join(card['classes'])}; needed: {', '.join(task.classes)}, "
            "made of the same labels."
        )
    rows = [own.index(labels) for labels in wanted]
    head, temperature = network.head, card["temperature"]
    return head.weight.detach()[rows] / temperature, head.bias.detach()[rows] / temperature


def _refuse_other_signals(card: Card, other: Card, file: Path) -> None:
    for key in _SAME:
        if other[key] != card[key]:
            raise ModelError(
                f"{file}: its {key} is {other[key]}, that of the first model {card[key]}; needed: "
                "the same."
            )


def _provenance(cards: Sequence[Card], digests: Sequence[str]) -> dict[str, Any]:
    """Each member's, and of all together the folds that they have seen."""
    each = [card["provenance"] for card in cards]
    return {
        "data": each[0].get("data"),
        "recipe": {key: _folds(each, key) for key in ("train_folds", "validation_folds")},
        "combined": [
            {"sha256": digest, "provenance": one} for digest, one in zip(digests, each, strict=True)
        ],
    }


def _folds(provenances: Sequence[Mapping[str, Any]], key: str) -> list[int]:
    return sorted({fold for one in provenances for fold in one.get("recipe", {}).get(key, ())})
