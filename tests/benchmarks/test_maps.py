"""The command that measures maps runs on a small store and prints every measure."""

import json

import numpy as np
import pytest
import typer
from support.tiny import tiny_model, write_store
from typer.testing import CliRunner

from benchmarks import maps


def test_it_prints_every_measure(tmp_path):
    rng = np.random.default_rng(0)
    signals = rng.normal(0, 300, (24, 12, 500)).astype(np.int16)
    labels = [["superclass:NORM"] if k % 2 else ["superclass:MI"] for k in range(24)]
    store = write_store(tmp_path / "store", signals, labels, folds=[9] * 24,
                        id=[str(k) for k in range(24)])  # fmt: skip
    config = {"widths": [3, 4], "blocks": [1, 1]}
    model = tiny_model(tmp_path / "m.safetensors", backbone="leadwise", backbone_config=config)
    app = typer.Typer()
    app.command()(maps.main)
    out = tmp_path / "maps.json"
    done = CliRunner().invoke(app, [str(model), str(store.folder), "--out", str(out)])
    assert done.exit_code == 0, done.output
    (measured,) = json.loads(out.read_text())["classes"].values()
    for direction in {"towards", "against"} & set(measured):
        assert measured[direction]["f"]["integrated gradients"] == pytest.approx([1, 1])
        assert measured[direction]["f"]["random"] == pytest.approx([0, 0])
    for word in ("flat record", "hottest within 0.3 s", "ABNORMAL",
                 "integrated gradients", "occlusion", "what-if", "by lead"):  # fmt: skip
        assert word in done.output
