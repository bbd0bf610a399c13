"""An ONNX export gives the results of torch and of plain NumPy, or is not written."""

import json
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.numpy import load_file, save
from support.numpy_network import forward, lead_evidence
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, tiny_model

from ecgcam.cli import main
from ecgcam.errors import ModelError
from ecgcam.files import sha256
from ecgcam.inference import export as module
from ecgcam.inference.combine import combine
from ecgcam.inference.engine import EngineOutput
from ecgcam.inference.export import check_engines, comparison_signals, export
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.inference.onnx_engine import OnnxEngine, open_onnx
from ecgcam.inference.onnx_nodes import Graph
from ecgcam.inference.torch_engine import TorchEngine
from ecgcam.inference.zoo import shipped_models
from ecgcam.nn.backbones import BACKBONES
from ecgcam.nn.preprocess import SCALES, PreprocessConfig

RNG = np.random.default_rng(5)
CONFIGS = {
    "signalcnn": {"widths": [4, 6], "kernel": 5},
    "resnet": {"widths": [4, 6, 8], "blocks": 2},
    "inception": {"widths": [2, 2, 3], "kernels": [3, 5]},
    "depthwise": {"widths": [4, 4, 6]},
    "local": {"widths": [4, 6], "blocks": [2, 2], "kernel": 5},
    "leadwise": {"widths": [2, 3, 3], "blocks": [1, 2, 1], "square": True},
}


def ecgs(records, *, leads=12, samples=500):
    return comparison_signals(leads=leads, samples=samples, records=records)


def reference(path, signal_mv):
    return forward(load_file(path), read_card(path), signal_mv)


def assert_same(found, expected):
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("duration_s", [5.0, 4.97])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_torch_onnx_and_numpy_agree_for_every_backbone(tmp_path, backbone, duration_s):
    path = tiny_model(tmp_path / "m.safetensors", task=SUPERCLASS, backbone=backbone,
                      backbone_config=CONFIGS.get(backbone, {}), duration_s=duration_s)  # fmt: skip
    signal_mv = ecgs(3, samples=round(100 * duration_s))
    expected = reference(path, signal_mv)
    assert_same(open_onnx(export(path, tmp_path / "m.onnx"))(signal_mv), expected)
    assert_same(TorchEngine(load_network(path)[0])(signal_mv), expected)


@pytest.mark.parametrize("backbone", BACKBONES)
def test_weights_that_float16_holds_are_exported_as_float16(tmp_path, backbone):
    path = tiny_model(tmp_path / "m.safetensors", task=SUPERCLASS, backbone=backbone,
                      backbone_config=CONFIGS.get(backbone, {}))  # fmt: skip
    whole = export(path, tmp_path / "whole.onnx")
    assert types_of_kernels(whole) == {onnx.TensorProto.FLOAT}
    weights = load_file(path)
    halved = {k: x.astype(np.float16) if x.ndim > 1 else x for k, x in weights.items()}
    path.write_bytes(save(halved, {"card": json.dumps(read_card(path))}))
    half = export(path, tmp_path / "half.onnx")
    assert types_of_kernels(half) == {onnx.TensorProto.FLOAT16}
    signal_mv = ecgs(3)
    assert_same(open_onnx(half)(signal_mv), reference(path, signal_mv))


def types_of_kernels(path):
    """The types of the constants that are kernels of convolutions."""
    constants = onnx.load(path).graph.initializer
    return {one.data_type for one in constants if len(one.dims) == 4 and one.dims[3] > 1}


@pytest.mark.parametrize(
    ("weight", "kept_as"), [(0.1, np.float32), (7e4, np.float32), (0.125, np.float16)]
)
def test_only_weights_that_float16_holds_exactly_are_stored_so(weight, kept_as):
    graph = Graph()
    graph.weights(np.array([1, weight], np.float32))
    assert onnx.numpy_helper.to_array(graph.constants[0]).dtype == kept_as


@pytest.mark.parametrize("duration_s", [5.0, 4.97])
def test_torch_onnx_and_numpy_agree_on_a_second_scale(tmp_path, duration_s):
    config = {"widths": [4, 5, 6], "blocks": [1, 2, 1], "square": True,
              "rhythm": {"width": 3, "blocks": 2, "kernel": 9}, "rhythm_stage": 2}  # fmt: skip
    path = tiny_model(tmp_path / "m.safetensors", task=SUPERCLASS, backbone="local",
                      backbone_config=config, duration_s=duration_s)  # fmt: skip
    signal_mv = ecgs(3, samples=round(100 * duration_s))
    expected = reference(path, signal_mv)
    assert_same(open_onnx(export(path, tmp_path / "m.onnx"))(signal_mv), expected)
    assert_same(TorchEngine(load_network(path)[0])(signal_mv), expected)


@pytest.mark.parametrize("duration_s", [5.0, 4.97])
def test_lead_evidence_is_what_each_lead_adds(tmp_path, duration_s):
    """The reference silences all other leads; a flat lead adds nothing."""
    path = tiny_model(tmp_path / "m.safetensors", task=SUPERCLASS, backbone="leadwise",
                      backbone_config=CONFIGS["leadwise"], duration_s=duration_s)  # fmt: skip
    signal_mv = ecgs(3, samples=round(100 * duration_s))
    signal_mv[0, 4] = 0
    expected = lead_evidence(load_file(path), read_card(path), signal_mv)
    for engine in (
        open_onnx(export(path, tmp_path / "m.onnx")),
        TorchEngine(load_network(path)[0]),
    ):
        output = engine(signal_mv)
        np.testing.assert_allclose(output.lead_evidence, expected, atol=1e-4)
        np.testing.assert_allclose(output.lead_evidence.sum(2), output.evidence, atol=1e-5)
        np.testing.assert_allclose(output.lead_evidence[0, :, 4], 0, atol=1e-5)
    assert np.abs(expected).max() > 0.01


@pytest.mark.parametrize("duration_s", [5.0, 5.01])
@pytest.mark.parametrize("scale", SCALES)
def test_torch_onnx_and_numpy_agree_for_every_scale(tmp_path, scale, duration_s):
    for order in (None, 3):
        preprocess = PreprocessConfig(detrend_order=order, scale=scale)
        path = tiny_model(tmp_path / "m.safetensors", preprocess=preprocess, duration_s=duration_s)
        signal_mv = ecgs(3, samples=round(100 * duration_s))
        expected = reference(path, signal_mv)
        assert_same(open_onnx(export(path, tmp_path / "m.onnx"))(signal_mv), expected)
        assert_same(TorchEngine(load_network(path)[0])(signal_mv), expected)


def test_an_ensemble_of_members_with_other_numbers_of_frames_is_exported(tmp_path):
    paths = [
        tiny_model(tmp_path / f"{name}.safetensors", backbone=name, backbone_config=CONFIGS[name])
        for name in ("signalcnn", "resnet")
    ]
    path = combine(paths, tmp_path / "both.safetensors")
    signal_mv = ecgs(3)
    expected = TorchEngine(load_network(path)[0])(signal_mv)
    assert_same(open_onnx(export(path, tmp_path / "m.onnx"))(signal_mv), expected)


@pytest.mark.parametrize("batch", [1, 2, 3, 64])
def test_the_batch_is_dynamic(tmp_path, batch):
    path = tiny_model(tmp_path / "m.safetensors")
    engine = open_onnx(export(path, tmp_path / "m.onnx"))
    signal_mv = ecgs(batch)
    logits, evidence, _ = engine(signal_mv)
    alone = [engine(signal_mv[k : k + 1]) for k in range(batch)]
    np.testing.assert_allclose(logits, np.concatenate([a[0] for a in alone]), atol=1e-5)
    np.testing.assert_allclose(evidence, np.concatenate([a[1] for a in alone]), atol=1e-5)


@pytest.mark.parametrize("task", [SUPERCLASS, RHYTHM])
def test_the_probability_in_the_graph_is_the_classifiers(tmp_path, task):
    path = tiny_model(tmp_path / "m.safetensors", task=task, card={"temperature": 1.7})
    session = onnxruntime.InferenceSession(export(path, tmp_path / "m.onnx").read_bytes())
    logits, probability = session.run(["logits", "probability"], {"signal_mv": ecgs(4)})
    scaled = np.asarray(logits, np.float64) / 1.7
    expected = 1 / (1 + np.exp(-scaled))
    if task.exclusive:
        expected = np.exp(scaled) / np.exp(scaled).sum(-1, keepdims=True)
    np.testing.assert_allclose(probability, expected, atol=1e-6)


def test_the_file_is_plain_onnx_with_the_names_of_the_contract_and_the_card(tmp_path):
    path = tiny_model(tmp_path / "hidden-folder" / "name.safetensors")
    model = onnx.load(export(path, tmp_path / "m.onnx"))
    onnx.checker.check_model(model, full_check=True)
    (version,) = model.opset_import
    assert (version.domain, version.version) == ("", 17)
    (given,) = model.graph.input
    assert given.name == "signal_mv"
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == [
        "batch", 12, 500,
    ]  # fmt: skip
    assert [output.name for output in model.graph.output] == ["logits", "probability", "evidence"]
    metadata = {prop.key: prop.value for prop in model.metadata_props}
    assert json.loads(metadata["card"]) == read_card(path)
    assert metadata["safetensors_sha256"] == sha256(path)
    assert metadata["model"] == "name"
    assert b"hidden-folder" not in (tmp_path / "m.onnx").read_bytes()
    kernels = [c.dims for c in model.graph.initializer if len(c.dims) == 4 and c.dims[3] > 1]
    assert kernels
    assert all(height == 1 for _, _, height, _ in kernels)


def test_torchs_own_exporter_gives_the_same(tmp_path):
    path = tiny_model(tmp_path / "m.safetensors", backbone="resnet",
                      backbone_config=CONFIGS["resnet"],
                      preprocess=PreprocessConfig(scale="none"))  # fmt: skip
    network, _ = load_network(path)
    signal_mv = ecgs(2)
    network.fix_flat_evidence()
    with warnings.catch_warnings(action="ignore"):
        program = torch.onnx.export(network, (torch.from_numpy(signal_mv),), dynamo=True,
                                    verbose=False)  # fmt: skip
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    (name,) = [one.name for one in session.get_inputs()]
    theirs = session.run(None, {name: signal_mv})
    assert_same(open_onnx(export(path, tmp_path / "m.onnx"))(signal_mv), theirs)


def test_an_export_that_differs_is_not_written(tmp_path, monkeypatch):
    path, out = tiny_model(tmp_path / "m.safetensors"), tmp_path / "m.onnx"
    out.write_bytes(b"before")
    right = TorchEngine.__call__

    def wrong(self, signal_mv):
        logits, evidence, _ = right(self, signal_mv)
        return EngineOutput(logits, evidence + np.float32(2e-4))

    monkeypatch.setattr(TorchEngine, "__call__", wrong)
    with pytest.raises(ModelError, match="differs from torch: evidence by 0.0002"):
        export(path, out)
    assert out.read_bytes() == b"before"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda logits, evidence: (logits + 1e-3, evidence), "probability"),
        (lambda logits, evidence: (logits, evidence * np.nan), "evidence by nan"),
        (lambda logits, evidence: (logits + 2e-4 * (len(logits) == 1), evidence), "1 and 64"),
    ],
)
def test_each_difference_is_noticed(tmp_path, change, what):
    path = tiny_model(tmp_path / "m.safetensors")
    network, _ = load_network(path)
    engine = open_onnx(export(path, tmp_path / "m.onnx"))
    bias = network.bias().detach().numpy()
    check_engines(engine, TorchEngine(network), ecgs(70), bias=bias)
    with pytest.raises(ModelError, match=what):
        check_engines(
            lambda x: EngineOutput(*change(*engine(x)[:2])),
            TorchEngine(network),
            ecgs(70),
            bias=bias,
        )


def test_a_backbone_that_is_not_ecgcams_is_refused(tmp_path, monkeypatch):
    path = tiny_model(tmp_path / "m.safetensors", backbone="support.backbones:Dropping")
    load = load_network
    monkeypatch.setattr(
        module, "load_network", lambda path: load(path, backbone="support.backbones:Dropping")
    )
    with pytest.raises(ModelError, match="Dropping cannot be exported to ONNX"):
        export(path, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_the_command_exports_a_shipped_model_and_replaces_nothing_unasked(tmp_path, capsys):
    out = tmp_path / "normal.onnx"
    assert main(["export", "normal", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert main(["export", "normal", "--out", str(out)]) == 2
    assert main(["export", str(out), "--out", str(tmp_path / "again.onnx")]) == 2
    assert "expected the model's .safetensors file" in capsys.readouterr().err


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_export_is_of_the_shipped_weights(name):
    path = shipped_models()[name]
    engine = open_onnx(path.with_suffix(".onnx"))
    assert engine.metadata["safetensors_sha256"] == sha256(path)
    assert json.loads(engine.metadata["card"]) == read_card(path)


@pytest.mark.parametrize("name", shipped_models())
def test_on_512_real_ecgs_a_shipped_export_is_torchs_and_numpys(name, fold_9_store):
    path = shipped_models()[name]
    network, _ = load_network(path)
    signal_mv = fold_9_store.signals_mv(range(512))
    engine = open_onnx(path.with_suffix(".onnx"))
    check_engines(engine, TorchEngine(network), signal_mv, bias=network.bias().detach().numpy())
    assert_same(engine(signal_mv[:8]), reference(path, signal_mv[:8]))


def test_the_exports_differences_are_of_rounding(fold_9_store):
    path = shipped_models()["normal"]
    logits, *_ = open_onnx(path.with_suffix(".onnx"))(fold_9_store.signals_mv(range(64)))
    expected, _ = reference(path, fold_9_store.signals_mv(range(64)))
    assert np.abs(logits - expected).max() < 2e-5


def test_comparison_signals_are_ecg_like_and_hold_flat_leads():
    signal_mv = comparison_signals(leads=12, samples=1000)
    assert signal_mv.shape == (512, 12, 1000)
    assert signal_mv.dtype == np.float32
    assert 0.1 < np.median(signal_mv.std(axis=-1)) < 3
    assert (np.ptp(signal_mv[::8, 0], axis=-1) == 0).all()


def test_an_engine_holds_the_bytes_of_its_file(tmp_path):
    path = export(tiny_model(tmp_path / "m.safetensors", task=NORMAL), tmp_path / "m.onnx")
    assert isinstance(open_onnx(path), OnnxEngine)
    assert Path(path).stat().st_size < 100_000
