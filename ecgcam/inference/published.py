"""The weights published with the paper, as a model file of ours, to compare with.

They are GPL-3 and no part of this package; whoever has the file may read it in.
"""

import warnings
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..tasks import SUPERCLASSES, find_task
from .modelfile import make_card, save_model

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


def import_published(path: Path, out: Path) -> Path:
    """The weights published with the paper (a state dict of torch) as a model file.

    Raises ModelError if the file is not that: it is read as numbers only, never as code.
    """
    import torch

    from ..nn.network import Network, NetworkConfig

    published = _numbers_alone(path)
    with torch.random.fork_rng(devices=[]):  # draws weights, which the published ones replace
        network = Network(NetworkConfig(classes=1))
    try:
        state = {
            # a kernel over time is for us one of an image one pixel high
            _our_name(name): tensor.unsqueeze(2) if tensor.ndim == 3 else tensor
            for name, tensor in published.items()
        }
        network.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError) as error:
        raise ModelError(f"{path}: not the weights of the paper's network: {error}") from None
    task = find_task("normal", {"superclass": SUPERCLASSES})
    source = "weights published with the EMBC 2025 paper"
    return save_model(out, network, make_card(network, task, provenance={"source": source}))


def _numbers_alone(path: Path) -> Any:
    """What a file of torch holds, if that is tensors and plain containers of them."""
    import torch

    if not path.is_file():
        raise ModelError(f"{path}: no such file.")
    try:
        with warnings.catch_warnings(action="ignore"):  # of a pickle protocol it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever its parsing meets; its advice is to read the file as code
        raise ModelError(
            f"{path}: not a state dict of torch: it is damaged, or holds more than numbers, "
            "which is not read because it could be code."
        ) from None


def _our_name(published: str) -> str:
    module, _, tensor = published.rpartition(".")
    return f"{_PUBLISHED[module]}.{tensor}"
