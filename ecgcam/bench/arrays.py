"""Signals, targets and one network's weights, as files of NumPy and a model file."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..labels import find_task
from ..modelfile import make_card, save_model
from ..ptbxl import TRAIN_FOLDS
from ..store import Store

if TYPE_CHECKING:
    from ..backbones.signalcnn import SignalCNN
    from ..network import Network

VALIDATION_FOLD = 9
_BLOCK = 512  # ECGs preprocessed at a time


def write_arrays(store: Store, scratch: Path, *, signals: int) -> dict[str, str]:
    """The paths of what was written, by name.

    signals:  (signals, leads, time) in mV, the store's first.
    prepared: the training folds, preprocessed, with targets (records, 1); validation and
              validation_targets: the same of fold 9.
    model:    a network with weights drawn by chance; weights: the same for `write_weights`.
    Raises DatasetError if the folds hold no ECG.
    """
    import torch

    from ..network import Network, NetworkConfig, evaluating

    task = find_task("normal", store.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(NetworkConfig(classes=1))
    arrays = {"signals": store.signals_mv(store.numbers()[:signals])}
    for prepared, targets, folds in (
        ("prepared", "targets", TRAIN_FOLDS),
        ("validation", "validation_targets", (VALIDATION_FOLD,)),
    ):
        labelled = store.labelled(task, folds=folds)
        if not len(labelled.numbers):
            raise DatasetError(f"{store.folder}: the benchmark needs ECGs in the folds {folds}.")
        with evaluating(network):
            arrays[prepared] = _preprocessed(network, store, labelled.numbers)
        arrays[targets] = labelled.targets
    with torch.no_grad():
        network.logits(torch.from_numpy(arrays["validation"][:_BLOCK]))  # batch norm sees some
    card = make_card(network, task, provenance={"made": "for the benchmark"})
    model = save_model(scratch / "model.safetensors", network, card)
    written = {"model": model, "weights": write_weights(network, scratch / "weights.npz")}
    for name, array in arrays.items():
        written[name] = scratch / f"{name}.npy"
        np.save(written[name], array)
    return {name: str(path) for name, path in written.items()}


def write_weights(network: "Network", path: Path) -> Path:
    """The tensors of the paper's network from the first layer on, as rivals/network.py wants."""
    backbone = cast("SignalCNN", network.backbone)
    layers = [*backbone.blocks, backbone.last, network.head]
    tensors = [tensor.numpy() for layer in layers for tensor in layer.state_dict().values()]
    np.savez(path, *tensors)
    return path


def _preprocessed(
    network: "Network", store: Store, numbers: NDArray[np.int64]
) -> NDArray[np.float32]:
    import torch

    prepared = np.empty((len(numbers), len(store.leads), store.samples), np.float32)
    for at in range(0, len(numbers), _BLOCK):
        signals = torch.from_numpy(store.signals_mv(numbers[at : at + _BLOCK]))
        prepared[at : at + _BLOCK] = network.preprocess(signals).numpy()
    return prepared
