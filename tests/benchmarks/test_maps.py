"""The command that measures maps runs on a small store and prints every measure."""

import numpy as np
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
    app = maps.typer.Typer()
    app.command()(maps.main)
    done = CliRunner().invoke(app, [str(model), str(store.folder)])
    assert done.exit_code == 0, done.output
    for word in ("flat record", "hottest within 0.3 s", "towards ABNORMAL", "against ABNORMAL",
                 "integrated gradients", "occlusion", "what-if", "by lead"):  # fmt: skip
        assert word in done.output
