"""Small stores, networks and model files that are made in a moment."""

import hashlib
import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch
from torch import nn

from ecgcam.data.digests import fingerprint
from ecgcam.data.store import open_store
from ecgcam.inference.card import make_card
from ecgcam.inference.modelfile import save_model
from ecgcam.nn.network import Network, NetworkConfig, evaluating
from ecgcam.signals.leads import LEADS
from ecgcam.tasks import Task
from ecgcam.training.config import NetworkSettings, OptimizerSettings, TrainConfig
from ecgcam.training.recipe_file import make_config

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
NORMAL = Task(
    name="normal",
    classes=("ABNORMAL",),
    members=(tuple(f"superclass:{name}" for name in SUPERCLASSES[1:]),),
    unlabelled="positive",
)
SUPERCLASS = Task(
    name="superclass",
    classes=SUPERCLASSES,
    members=tuple((f"superclass:{name}",) for name in SUPERCLASSES),
)
RHYTHM = Task(
    name="rhythm",
    classes=("SR", "AFIB"),
    members=(("rhythm:SR",), ("rhythm:AFIB",)),
    exclusive=True,
)


def tiny_network(*, seed=1, batches=3, **config):
    """A network of a few hundred weights whose batch norm has seen something."""
    settings = {"classes": 1, "duration_s": 5.0} | config
    if settings.get("backbone", "signalcnn") == "signalcnn":
        settings.setdefault("backbone_config", {"widths": [4, 6], "kernel": 5})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Network(NetworkConfig(**settings))
        for _ in range(batches):
            network(torch.randn(8, len(network.config.leads), network.config.samples))
    return network.eval()


def tiny_model(path, *, task=NORMAL, card=None, **config):
    """The path of a model file; `card` overrides what its card says."""
    network = tiny_network(classes=len(task.classes), **config)
    made = make_card(network, task, provenance={"made": "by a test"})
    return save_model(path, network, made | (card or {}))


def write_store(folder, signals_uv, labels, *, folds, rate_hz=100.0, leads=LEADS, **columns):
    """An open store of these signals (records, leads, time) in µV, with one shard."""
    folder.mkdir(parents=True)
    np.save(folder / "signals-00000.npy", np.asarray(signals_uv, np.int16))
    count = len(labels)
    records = pd.DataFrame(
        {
            "id": [f"r{k:03d}" for k in range(count)],
            "shard": 0,
            "row": np.arange(count),
            "patient": np.arange(count).astype(str),
            "fold": folds,
            "labels": labels,
            "quality": [[] for _ in range(count)],
        }
        | columns
    )
    records.to_parquet(folder / "records.parquet", index=False)
    digest = hashlib.sha256(signals_uv.tobytes() + repr(labels).encode()).hexdigest()
    kinds = {}
    for label in sorted({label for found in labels for label in found}):
        kind, name = label.split(":")
        kinds.setdefault(kind, []).append(name)
    if "superclass" in kinds:
        kinds["superclass"] = list(SUPERCLASSES)
    about = {
        "format": 1,
        "made_by": "a test",
        "source": "made up",
        "rate_hz": rate_hz,
        "samples": signals_uv.shape[2],
        "leads": list(leads),
        "unit": "1 µV",
        "records": count,
        "vocabulary": kinds,
        "shards": [{"file": "signals-00000.npy", "records": count, "sha256": digest}],
        "signals_sha256": digest,
        "fingerprint": fingerprint(digest, records),
    }
    (folder / "store.json").write_text(json.dumps(about), encoding="utf-8")
    return open_store(folder)


def tiny_store(folder, *, records=120, seed=3, leads=LEADS, samples=500, **about):
    """Noise; the abnormal records, every second one, have a bump each second in every lead.

    Fold 1 to 10 in turn by pairs, so that each fold has as many of either. The abnormal ones have
    the other superclasses in turn; every ninth pair has no label at all.
    """
    rng = np.random.default_rng(seed)
    number = np.arange(records)
    abnormal = number % 2 == 1
    signals = rng.normal(0, 100, (records, len(leads), samples))
    bump = 400 * (np.arange(samples) % 100 < 12)
    signals[abnormal] += bump
    names = [
        SUPERCLASSES[1 + k // 2 % 4] if odd else "NORM"
        for k, odd in zip(number, abnormal, strict=True)
    ]
    labels = [
        [] if k // 2 % 9 == 7 else [f"rhythm:{'AFIB' if odd else 'SR'}", f"superclass:{name}"]
        for k, odd, name in zip(number, abnormal, names, strict=True)
    ]
    folds = 1 + number // 2 % 10
    return write_store(folder, signals.round(), labels, folds=folds, leads=leads, **about)


TINY = TrainConfig(
    network=NetworkSettings(arguments={"widths": [4, 6], "kernel": 5}),
    optimizer=OptimizerSettings(
        batch=32,
        epochs=2,
        learning_rate=5e-3,
        precision="float32",  # the same on every CPU
    ),
)


def changed(config=TINY, **settings):
    """The config with some settings replaced, by the last part of their names."""
    names = {name.rpartition(".")[2]: name for name in config.by_name()}
    changes = {names[key]: value for key, value in settings.items()}
    return make_config(asdict(config), changes, source="the test")


def trained_on(store, *folds):
    """Return part of a card: the model was trained on these folds of the store."""
    data = {"fingerprint": store.about["fingerprint"]}
    return {"provenance": {"data": data, "recipe": {"data": {"train_folds": list(folds)}}}}


def warmed_up(backbone):
    """In evaluation mode, with batch norms that have seen something."""
    torch.manual_seed(2)
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.5, 2)
    return backbone.eval()


def run_network(network, signal_mv):
    """Logits and evidence, as arrays, of an array (batch, leads, samples) in mV."""
    with evaluating(network):
        logits, evidence, _ = network(torch.from_numpy(signal_mv))
    return logits.numpy(), evidence.numpy()
