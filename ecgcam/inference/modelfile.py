"""Model files: weights as safetensors, with the model card as JSON in their metadata.

Nothing is unpickled.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ModelError
from ..files import atomic_write
from .card import Card, check_card

if TYPE_CHECKING:
    from ..nn.network import Network


def save_model(path: Path, network: "Network", card: Card) -> Path:
    """Write a network and its card to a .safetensors file; return its path."""
    from safetensors.torch import save

    text = card_text(card, path)
    # copies, since safetensors refuses tensors that share memory (tied weights)
    weights = {name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}
    with atomic_write(path) as temporary:
        temporary.write_bytes(save(weights, {"card": text}))
    return path


def copy_with_card(model: Path, card: Card, out: Path, *, bias_shift: Sequence[float] = ()) -> Path:
    """Write the weights of a model file to `out` with another card; return its path.

    bias_shift: (classes,), added to the bias of the head, and so to every logit of the class.
    """
    from safetensors.numpy import load_file, save

    weights = load_file(model)
    if len(bias_shift):
        weights["head.bias"] = weights["head.bias"] + np.array(bias_shift, np.float32)
    content = save(weights, {"card": card_text(card, out)})
    with atomic_write(out) as temporary:
        temporary.write_bytes(content)
    return out


def card_text(card: Card, path: Path) -> str:
    """Return a card as JSON; ModelError if it is not one of ecgcam's. `path` is named in errors."""
    checked = check_card(json.loads(json.dumps(card)), path)
    return json.dumps(checked, allow_nan=False, separators=(",", ":"))  # NaN is not JSON


def read_card(path: Path) -> Card:
    """Return the card of a .safetensors or .onnx file; ModelError if it is not one of ecgcam's."""
    if not path.is_file():
        raise ModelError(f"{path}: no such model file.")
    if path.suffix == ".onnx":
        from .onnx_engine import card_and_bias, open_onnx

        return card_and_bias(open_onnx(path), path)[0]
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get("card")
        card = json.loads(text) if text else None
    except (SafetensorError, OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not a .safetensors model file: {error}") from None
    return check_card(card, path)


def model_name(path: Path) -> str:
    """Return the name of a model: that of its file, or of its run for RUN/model.safetensors."""
    return path.resolve().parent.name if path.stem == "model" else path.stem


def load_network(path: Path, *, backbone: str | None = None) -> tuple["Network", Card]:
    """Return the network of a .safetensors file, in evaluation mode, and its card.

    backbone: `module:Class`. A backbone that is not ecgcam's is code, and a file must not choose
    which code runs: the caller has to name it again. Raises ModelError if the file does not hold
    such a network.
    """
    from safetensors import SafetensorError

    card = read_card(path)
    if path.suffix == ".onnx":
        raise ModelError(f"{path}: this needs the weights; expected the model's .safetensors file.")
    if ":" in card["backbone"] and card["backbone"] != backbone:
        raise ModelError(
            f"{path}: the model has the backbone {card['backbone']!r}, code that is not part of "
            "ecgcam. If you trust that code, name it with --backbone."
        )
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError:
        raise ModelError(
            f"{path}: this model needs torch (pip install 'ecgcam[train]'), or its ONNX export, "
            "which `ecgcam export` writes where torch is installed."
        ) from None
    network = _build_network(card, path)
    try:
        weights = load_file(path)
        network.load_state_dict(weights)
    except (RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path}: the weights do not fit the model card: {error}") from None
    if not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        raise ModelError(f"{path}: some weights are NaN or infinite.")
    return network.eval(), card


def _build_network(card: Card, path: Path) -> "Network":
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
        with torch.random.fork_rng(devices=[]):  # random weights, replaced by those of the file
            return Network(config)
    except (TypeError, ValueError, RuntimeError, MemoryError) as error:
        raise ModelError(f"{path}: cannot build the network of the card: {error}") from None
