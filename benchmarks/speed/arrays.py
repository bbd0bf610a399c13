"""Signals, targets and one network's weights, as files of NumPy and a model file."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from ecgcam.data.ptbxl import TRAIN_FOLDS
from ecgcam.data.store import Store
from ecgcam.errors import DatasetError
from ecgcam.inference.card import make_card
from ecgcam.inference.modelfile import save_model
from ecgcam.tasks import find_task

if TYPE_CHECKING:
    from ecgcam.nn.network import Network
    from ecgcam.nn.signalcnn import SignalCNN

VALIDATION_FOLD = 9
_SEEN = 512  # ECGs that batch norm sees


def write_arrays(store: Store, scratch: Path, *, signals: int) -> dict[str, str]:
    """Write the arrays that both sides read; return their paths by name.

    signals:  (signals, leads, time) in mV, the store's first.
    prepared: the training folds, preprocessed, with targets (records, 1); validation and
              validation_targets: the same of fold 9.
    model:    a network with random weights; weights: the same for `write_weights`.
    Raises DatasetError if the folds hold no ECG.
    """
    import torch

    from ecgcam.nn.network import Network, NetworkConfig
    from ecgcam.training.dataloader import preprocess_once

    task = find_task("normal", store.vocabulary)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Network(NetworkConfig(classes=1))
    arrays = {"signals": store.signals_mv(store.indices()[:signals])}
    for prepared, targets, folds in (
        ("prepared", "targets", TRAIN_FOLDS),
        ("validation", "validation_targets", (VALIDATION_FOLD,)),
    ):
        labelled = store.labelled(task, folds=folds)
        if not len(labelled.indices):
            raise DatasetError(f"{store.folder}: the benchmark needs ECGs in the folds {folds}.")
        path = scratch / f"{prepared}.npy"
        signals_prepared = preprocess_once(network, store, labelled.indices, path)
        arrays[targets] = labelled.targets
    with torch.no_grad():  # batch norm sees some of the last, fold 9
        network.logits(torch.from_numpy(signals_prepared[:_SEEN]))
    card = make_card(network, task, provenance={"made": "for the benchmark"})
    model = save_model(scratch / "model.safetensors", network, card)
    written = {
        "model": model,
        "weights": write_weights(network, scratch / "weights.npz"),
        "prepared": scratch / "prepared.npy",
        "validation": scratch / "validation.npy",
    }
    for name, array in arrays.items():
        written[name] = scratch / f"{name}.npy"
        np.save(written[name], array)
    return {name: str(path) for name, path in written.items()}


def write_weights(network: "Network", path: Path) -> Path:
    """Write the tensors of the paper's network, first layer first, for rivals/network.py."""
    backbone = cast("SignalCNN", network.backbone)
    layers = [*backbone.blocks, backbone.last, network.head]
    tensors = [tensor.numpy() for layer in layers for tensor in layer.state_dict().values()]
    np.savez(path, *tensors)
    return path
