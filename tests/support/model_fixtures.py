"""Fold 9 of the real PTB-XL, and the published model with its own outputs on it."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.published.weights import import_published
from ecgcam.data.preparation import PrepareConfig, prepare
from ecgcam.data.store import open_store
from ecgcam.inference.loading import load
from support.real_data import unpacked


@pytest.fixture(scope="session")
def published(shared):
    """What the published notebook gave for fold 9 (README.md of the shared folder)."""
    with np.load(shared / "reference" / "xai_signalcam_fold9.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def published_model(shared, tmp_path_factory):
    """The path of the published weights as a model file."""
    out = tmp_path_factory.mktemp("published") / "model.safetensors"
    return import_published(shared / "reference" / "xai_signalcam_model_0.pt", out)


@pytest.fixture(scope="session")
def published_classifier(published_model):
    return load(published_model)


@pytest.fixture(scope="session")
def fold_9_folder(shared):
    """Fold 9 of the real PTB-XL as PhysioNet serves it, for reading only."""
    return unpacked(shared, "--folds", "9", "9")


@pytest.fixture(scope="session")
def fold_9_store(fold_9_folder, tmp_path_factory):
    """Its 2,183 records as a store."""
    folder = tmp_path_factory.mktemp("ptbxl-fold-9") / "store"
    prepare(fold_9_folder, folder, PrepareConfig(jobs=1))
    return open_store(folder)


@pytest.fixture(scope="session")
def fold_9_signals(fold_9_folder):
    """Gives the signals (records, 12, 1000) in mV of some ecg_ids, read as plainly as can be."""
    names = pd.read_csv(fold_9_folder / "ptbxl_database.csv", index_col="ecg_id")["filename_lr"]

    def signals(ecg_ids):
        files = [fold_9_folder / f"{names[ecg_id]}.dat" for ecg_id in ecg_ids]
        samples = np.stack([np.fromfile(file, "<i2").reshape(1000, 12).T for file in files])
        return samples.astype(np.float32) / np.float32(1000)

    return signals


@pytest.fixture
def undrawn(monkeypatch):
    """Explanations without their pictures, which take long; what each picture was asked for."""
    from matplotlib.figure import Figure

    asked = []

    def draw(record, explanation, *, class_name=None, scale="logits", **_):
        asked.append((record.name, class_name))
        return Figure(figsize=(1, 1))

    monkeypatch.setattr("ecgcam.reports.explanation_report.draw_leads", draw)
    monkeypatch.setattr("ecgcam.reports.explanation_report.draw_sheet", draw)
    return asked
