"""The training configuration: the paper's defaults, refused nonsense, and the precision."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from support.tiny import changed, tiny_store

from benchmarks.speed.machine import cpu_has_bf16
from ecgcam.inference.modelfile import read_card
from ecgcam.nn.preprocess import SCALES, PreprocessConfig
from ecgcam.training import (
    AuxiliarySettings,
    DataSettings,
    DistillationSettings,
    NetworkSettings,
    OptimizerSettings,
    PreprocessingSettings,
    TrainConfig,
    config,
    train,
)
from ecgcam.training.config import PRECISIONS, resolve_precision
from ecgcam.training.run_folder import METRICS, MODEL, read_config


class Interrupted(Exception):
    pass


def test_the_defaults_are_the_papers_recipe():
    recipe = TrainConfig()
    optimizer = recipe.optimizer
    assert (optimizer.epochs, optimizer.batch, optimizer.learning_rate) == (25, 128, 5e-4)
    assert recipe.data.train_folds == tuple(range(1, 9))
    assert recipe.data.validation_folds == (9,)
    assert (recipe.preprocessing.detrend_order, recipe.preprocessing.scale) == (10, "unit")


def test_preprocessing_has_the_choices_and_defaults_of_the_network():
    assert set(config.SCALES) == set(SCALES)
    assert vars(PreprocessingSettings()) == vars(PreprocessConfig())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (OptimizerSettings, {"epochs": 0}),
        (OptimizerSettings, {"epochs": 2.5}),
        (OptimizerSettings, {"epochs": True}),
        (OptimizerSettings, {"batch": 0}),
        (OptimizerSettings, {"batch": "128"}),
        (OptimizerSettings, {"learning_rate": 0}),
        (OptimizerSettings, {"learning_rate": float("nan")}),
        (OptimizerSettings, {"learning_rate": float("inf")}),
        (OptimizerSettings, {"weight_decay": -1}),
        (OptimizerSettings, {"average": 1}),
        (OptimizerSettings, {"patience": 0}),
        (OptimizerSettings, {"schedule": "cosine"}),
        (OptimizerSettings, {"precision": "int4"}),
        (AuxiliarySettings, {"min_records": 0}),
        (DataSettings, {"crop_s": float("inf")}),
        (DataSettings, {"crop_s": 0}),
        (DataSettings, {"unvalidated_fraction": 1.1}),
        (DataSettings, {"train_folds": ()}),
        (DataSettings, {"train_folds": (7, 8, 9)}),
        (DataSettings, {"train_folds": ("1-8",)}),
        (DataSettings, {"validation_folds": ()}),
        (DistillationSettings, {"out_of_fold": True}),
        (DistillationSettings, {"online": True}),
        (DistillationSettings, {"weight": -0.1}),
        (NetworkSettings, {"leads": ("I", "I")}),
        (NetworkSettings, {"arguments": 3}),
        (PreprocessingSettings, {"detrend_order": -1}),
        (PreprocessingSettings, {"scale": "loud"}),
        (TrainConfig, {"seed": -1}),
        (TrainConfig, {"seed": 0.5}),
        (TrainConfig, {"seed": 2**63}),
        (TrainConfig, {"score": "loss"}),
        (TrainConfig, {"unlabelled": "perhaps"}),
        (TrainConfig, {"augmentation": "wild"}),
        (TrainConfig, {"augmentation": ["TimeShift"]}),
        (TrainConfig, {"optimizer": {"epochs": 3}}),
    ],
)
def test_an_invalid_setting_is_refused_at_birth(kind, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(**wrong)


def test_a_refusal_names_the_value_and_what_was_expected():
    with pytest.raises(ValueError, match=r"epochs is 0; expected a whole number \(above 0\)"):
        OptimizerSettings(epochs=0)
    expected = r'average is 2; expected a number \(above 0, below 1\) or "none"'
    with pytest.raises(ValueError, match=expected):
        OptimizerSettings(average=2)


def test_a_list_becomes_a_tuple():
    assert NetworkSettings(leads=["I", "II"]).leads == ("I", "II")


def test_settings_by_name():
    names = TrainConfig().by_name()
    assert (names["task"], names["optimizer.epochs"]) == ("normal", 25)
    assert "optimizer" not in names


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, "float32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"architecture": "aarch64", "bf16": True}, "float32"),  # not measured there
        ({}, "float32"),
    ],
)
def test_auto_is_bf16_on_cpus_with_bf16_instructions(features, expected, monkeypatch):
    set_cpu(monkeypatch, features)
    assert resolve_precision("auto") == expected
    assert cpu_has_bf16() == any("bf16" in name for name, has in features.items() if has)
    assert [resolve_precision(precision) for precision in PRECISIONS] == ["float32", "bf16"]


def test_auto_is_float32_on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert resolve_precision("auto") == "float32"


def test_linux_reports_the_same_cpu_features():
    cpu_info = Path("/proc/cpuinfo")
    if not cpu_info.is_file():
        pytest.skip("only Linux has this file")
    flags = set(cpu_info.read_text(encoding="utf-8").split())
    assert cpu_has_bf16() == bool({"amx_bf16", "avx512_bf16", "bf16"} & flags)


def test_a_run_is_resumed_in_its_own_precision(tmp_path, monkeypatch):
    """On another CPU as well: a run must not mix precisions."""
    store, out = tiny_store(tmp_path / "store"), tmp_path / "run"
    set_cpu(monkeypatch, {"amx_bf16": True})
    with pytest.raises(Interrupted):
        train(store, out, changed(precision="auto"), on_epoch=interrupt)
    set_cpu(monkeypatch, {})
    train(store, out, resume=True)
    assert len(pd.read_csv(out / METRICS)) == 2
    assert read_config(out).optimizer.precision == "bf16"
    recipe = read_card(out / MODEL)["provenance"]["recipe"]
    assert recipe["optimizer"]["precision"] == "bf16"


def interrupt(row):
    raise Interrupted


def set_cpu(monkeypatch, features):
    """Make torch report a CPU with these features, and no GPU."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
