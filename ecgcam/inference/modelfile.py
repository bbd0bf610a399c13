"""A model is one file: weights as safetensors, with a card of everything needed to use them.

The card is JSON in the file's metadata, under the key "card". Nothing is unpickled.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ModelError
from ..files import atomic_write
from ..tasks import Task
from .decisions import TEMPERATURES, OperatingPoints

if TYPE_CHECKING:
    from ..nn.network import Network

FORMAT = 1
_TOO_MUCH = 1e9  # for any number of a card; NaN and infinity are not below it either
Card = dict[str, Any]

_NEEDED: dict[str, type | tuple[type, ...]] = {
    "backbone": str,
    "backbone_config": dict,
    "preprocess": dict,
    "leads": list,
    "rate_hz": (int, float),
    "duration_s": (int, float),
    "task": dict,
    "classes": list,
    "thresholds": list,
    "temperature": (int, float),
    "parameters": int,
    "provenance": dict,
}


def make_card(
    network: "Network",
    task: Task,
    *,
    provenance: Mapping[str, Any],
    thresholds: list[float] | None = None,
    temperature: float = 1.0,
) -> Card:
    """The card of a network for a task; thresholds are 0.5 unless said otherwise."""
    from ..nn.complexity import measure_complexity, receptive_field

    config = network.config
    return {
        "format": FORMAT,
        "backbone": config.backbone,
        "backbone_config": dict(config.backbone_config),
        "preprocess": config.preprocess.to_dict(),
        "leads": list(config.leads),
        "rate_hz": config.rate_hz,
        "duration_s": config.duration_s,
        "task": task.to_dict(),
        "classes": list(task.classes),
        "thresholds": thresholds or [0.5] * len(task.classes),
        "temperature": temperature,
        "parameters": network.parameters_count,
        "cost": measure_complexity(network).to_dict(),
        "frame_samples": receptive_field(network),
        "provenance": dict(provenance),
        "note": "Not a medical device.",
    }


def save_model(path: Path, network: "Network", card: Card) -> Path:
    """Write a network and its card; the file is there whole or not at all."""
    from safetensors.torch import save

    text = _card_text(card, path)
    # a copy of each, for safetensors refuses tensors that share their memory (tied weights)
    weights = {name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(weights, {"card": text}))
    return path


def copy_with_card(model: Path, card: Card, out: Path, *, bias_shift: Sequence[float] = ()) -> Path:
    """Write a model file's weights to `out` under another card, whole or not at all.

    bias_shift: (classes,), added to the bias of the head, and so to every logit of the class.
    """
    from safetensors.numpy import load_file, save

    weights = load_file(model)
    if len(bias_shift):
        weights["head.bias"] = weights["head.bias"] + np.array(bias_shift, np.float32)
    written = save(weights, {"card": _card_text(card, out)})
    with atomic_write(out) as temporary:
        temporary.write_bytes(written)
    return out


def _card_text(card: Card, path: Path) -> str:
    checked = check_card(json.loads(json.dumps(card)), path)
    return json.dumps(checked, allow_nan=False)  # NaN is not JSON


def read_card(path: Path) -> Card:
    """The card of a model file; ModelError if the file is not one of ours."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise ModelError(f"{path}: no such model file.")
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get("card")
        card = json.loads(text) if text else None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a model file (.safetensors): {error}") from None
    if not isinstance(card, dict):
        raise ModelError(f"{path}: these weights have no card, so nobody knows what they judge.")
    return check_card(card, path)


def model_name(path: Path) -> str:
    """Return the name of a model: that of its file, or of its run for RUN/model.safetensors."""
    return path.resolve().parent.name if path.stem == "model" else path.stem


def check_card(card: Card, path: Path) -> Card:
    """The card itself; ModelError if something in it is missing or of a wrong kind."""
    if card.get("format") != FORMAT:
        raise ModelError(f"{path}: format {card.get('format')!r}; this version reads {FORMAT}.")
    for key, kind in _NEEDED.items():
        if not isinstance(card.get(key), kind):
            raise ModelError(f"{path}: the card's {key!r} is {card.get(key)!r}, which cannot be.")
    task = _task(card, path)
    if not all(isinstance(name, str) for name in (*card["leads"], *task.classes)):
        raise ModelError(f"{path}: leads and classes must be names.")
    numbers = [*card["thresholds"], card["temperature"], card["rate_hz"], card["duration_s"]]
    if not all(map(is_number, numbers)):
        raise ModelError(f"{path}: thresholds, temperature, rate and duration must be numbers.")
    if list(task.classes) != card["classes"] or len(card["thresholds"]) != len(task.classes):
        raise ModelError(f"{path}: the card's classes and thresholds do not fit its task.")
    if min(card["rate_hz"], card["duration_s"]) <= 0:
        raise ModelError(f"{path}: rate and duration must be above 0.")
    coldest, hottest = TEMPERATURES
    if not coldest <= card["temperature"] <= hottest:
        raise ModelError(
            f"{path}: the temperature is {card['temperature']}; needed: {coldest} to {hottest:g}."
        )
    try:
        OperatingPoints.from_card(card)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return card


def is_number(found: object) -> bool:
    """Whether this, of a card, is a number to reckon with: neither endless nor beyond reason."""
    return isinstance(found, int | float) and abs(found) < _TOO_MUCH


def load_network(path: Path, *, backbone: str | None = None) -> tuple["Network", Card]:
    """The network of a model file, in evaluation mode, with its card.

    A backbone of the user's own is code, which no file may choose to run: `backbone` must then
    name it again, as `module:Class`. Raises ModelError if the file does not hold such a network.
    """
    from safetensors import SafetensorError

    card = read_card(path)
    if ":" in card["backbone"] and card["backbone"] != backbone:
        raise ModelError(
            f"{path}: it was made with the backbone {card['backbone']!r}, code that is not "
            "ecgcam's. If you trust that code, name it with --backbone."
        )
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError:
        raise ModelError(
            f"{path}: to judge with it, torch is needed: pip install 'ecgcam[train]'."
        ) from None
    network = _network_for(card, path)
    try:
        weights = load_file(path)
        network.load_state_dict(weights)
        finite = all(bool(tensor.isfinite().all()) for tensor in weights.values())
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path}: its weights do not fit its card: {error}") from None
    if not finite:
        raise ModelError(f"{path}: some of its weights are no numbers (NaN or infinite).")
    return network.eval(), card


def _task(card: Card, path: Path) -> Task:
    try:
        return Task.from_dict(card["task"])
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None


def _network_for(card: Card, path: Path) -> "Network":
    import torch

    from ..nn.network import Network, NetworkConfig
    from ..nn.preprocess import PreprocessConfig

    try:
        config = NetworkConfig(
            classes=len(card["classes"]),
            backbone=card["backbone"],
            backbone_config=card["backbone_config"],
            preprocess=PreprocessConfig(**card["preprocess"]),
            leads=tuple(card["leads"]),
            rate_hz=card["rate_hz"],
            duration_s=card["duration_s"],
        )
        with torch.random.fork_rng(devices=[]):  # draws weights, which those of the file replace
            return Network(config)
    except (TypeError, ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"{path}: the card cannot be used: {error}") from None
