"""What "auto" trains in, on which processor."""

import json
from pathlib import Path

import pandas as pd
import pytest
import torch
from support.tiny import tiny_store

from ecgcam.inference.modelfile import read_card
from ecgcam.training.config import TrainConfig
from ecgcam.training.precision import PRECISIONS, multiplies_bf16, settled
from ecgcam.training.run_folder import CONFIG, METRICS, MODEL
from ecgcam.training.trainer import train


class BrokenOffError(Exception):
    pass


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, "float32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"architecture": "aarch64", "bf16": True}, "float32"),  # not measured there
        ({}, "float32"),
    ],
)
def test_auto_is_bf16_where_the_processor_multiplies_it(known, wanted, monkeypatch):
    on_cpu(monkeypatch, known)
    assert settled("auto") == wanted
    assert multiplies_bf16() == any("bf16" in name for name, has in known.items() if has)
    assert [settled(asked) for asked in PRECISIONS] == ["float32", "bf16"]


def test_on_a_gpu_auto_is_float32(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    assert settled("auto") == "float32"


def test_linux_says_the_same_of_this_processor():
    about = Path("/proc/cpuinfo")
    if not about.is_file():
        pytest.skip("only Linux says it there")
    flags = set(about.read_text(encoding="utf-8").split())
    assert multiplies_bf16() == bool({"amx_bf16", "avx512_bf16", "bf16"} & flags)


def test_a_run_goes_on_in_the_numbers_it_began_with(tmp_path, monkeypatch):
    """On another processor too: half of a run in other numbers would be neither."""
    store, out = tiny_store(tmp_path / "store"), tmp_path / "run"
    recipe = TrainConfig(backbone_config={"widths": [4, 6]}, batch=32, epochs=2)
    assert recipe.precision == "auto"
    on_cpu(monkeypatch, {"amx_bf16": True})
    with pytest.raises(BrokenOffError):
        train(store, out, recipe, on_epoch=break_off)
    on_cpu(monkeypatch, {})
    train(store, out, resume=True)
    assert len(pd.read_csv(out / METRICS)) == 2
    saved = json.loads((out / CONFIG).read_text(encoding="utf-8"))
    assert saved["config"]["precision"] == "bf16"
    assert read_card(out / MODEL)["provenance"]["recipe"]["precision"] == "bf16"


def break_off(row):
    raise BrokenOffError


def on_cpu(monkeypatch, known):
    """Let torch say that this is all the processor knows, and that there is no GPU."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
