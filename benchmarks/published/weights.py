"""The weights published with the paper, converted to a model file.

    python -m benchmarks.published.weights xai_signalcam_model_0.pt --out published.safetensors

They are GPL-3 and no part of this package: use them to compare only.
"""

import warnings
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from ecgcam.errors import ModelError
from ecgcam.inference.card import make_card
from ecgcam.inference.modelfile import save_model
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.tasks import SUPERCLASSES, find_task

_PUBLISHED = {
    "pre_cnn_extractor.0": "backbone.blocks.0.conv",
    "pre_cnn_extractor.1": "backbone.blocks.0.norm",
    "cnn_extractor.0.0": "backbone.blocks.1.conv",
    "cnn_extractor.0.1": "backbone.blocks.1.norm",
    "cnn_extractor.1.0": "backbone.blocks.2.conv",
    "cnn_extractor.1.1": "backbone.blocks.2.norm",
    "last_conv": "backbone.last.conv",
    "last_batch_norm": "backbone.last.norm",
    "pred_layer": "head",
}


def main(
    weights: Annotated[Path, typer.Argument(help="The published state dict, a .pt file.")],
    out: Annotated[Path, typer.Option(help="The model file to write.")],
) -> None:
    """Convert the published weights to a model file."""
    typer.echo(import_published(weights, out))


def import_published(path: Path, out: Path) -> Path:
    """Convert the published weights (a torch state dict) to a model file; return its path.

    Raises ModelError if the file is something else. It is read as tensors only, never unpickled.
    """
    published = _load_tensors(path)
    with torch.random.fork_rng(devices=[]):  # random weights, replaced below
        network = Network(NetworkConfig(classes=1))
    try:
        state = {
            # kernels over time are kernels of images one pixel high here
            _our_name(name): tensor.unsqueeze(2) if tensor.ndim == 3 else tensor
            for name, tensor in published.items()
        }
        network.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError) as error:
        raise ModelError(f"{path}: not the weights of the paper's network: {error}") from None
    task = find_task("normal", {"superclass": SUPERCLASSES})
    source = "weights published with the EMBC 2025 paper"
    return save_model(out, network, make_card(network, task, provenance={"source": source}))


def _load_tensors(path: Path) -> Any:
    """Load a torch file that holds tensors and plain containers of them, and no code."""
    if not path.is_file():
        raise ModelError(f"{path}: no such file.")
    try:
        with warnings.catch_warnings(action="ignore"):  # about a pickle protocol it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # torch raises many kinds, and advises to unpickle the file
        raise ModelError(
            f"{path}: not a torch state dict. The file is damaged, or holds more than tensors, "
            "which is not loaded because it could be code."
        ) from None


def _our_name(published: str) -> str:
    module, _, tensor = published.rpartition(".")
    return f"{_PUBLISHED[module]}.{tensor}"


if __name__ == "__main__":
    typer.run(main)
