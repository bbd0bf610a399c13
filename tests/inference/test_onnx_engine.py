"""The plain install: predictions without torch, from threads, after a fork, from a pickle."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from support.tiny import SUPERCLASS, tiny_model

import ecgcam
from ecgcam.errors import ModelError
from ecgcam.inference.export import comparison_signals, export
from ecgcam.inference.modelfile import copy_with_card, load_network, read_card
from ecgcam.inference.onnx_engine import OnnxEngine
from ecgcam.inference.torch_engine import TorchEngine
from ecgcam.inference.zoo import shipped_models

SIGNAL_MV = comparison_signals(leads=12, samples=1000, records=70)


def probabilities(classifier, signal_mv=SIGNAL_MV):
    return np.stack([answer.probabilities for answer in classifier.predict(signal_mv, force=True)])


@pytest.fixture(scope="module")
def normal():
    return ecgcam.load("normal")


def test_a_shipped_model_runs_in_onnxruntime_and_on_a_device_in_torch(normal):
    assert isinstance(normal._engine, OnnxEngine)
    in_torch = ecgcam.load("normal", device="cpu")
    assert isinstance(in_torch._engine, TorchEngine)
    np.testing.assert_allclose(probabilities(normal), probabilities(in_torch), atol=1e-5)
    np.testing.assert_allclose(normal.bias, in_torch.bias, atol=1e-5)
    assert (normal.model, normal.sha256) == (in_torch.model, in_torch.sha256)
    assert len(normal.sha256) == 64


def test_an_exported_file_is_loaded_by_its_path(tmp_path):
    path = tiny_model(tmp_path / "m.safetensors", task=SUPERCLASS, duration_s=10)
    exported = ecgcam.load(export(path, tmp_path / "other" / "name.onnx"))
    assert exported.model == "m"
    assert exported.classes == SUPERCLASS.classes
    found, expected = probabilities(exported), probabilities(ecgcam.load(path))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_export_of_other_weights_is_not_used(tmp_path):
    path = tiny_model(tmp_path / "m.safetensors", duration_s=10)
    export(path, tmp_path / "m.onnx")
    assert isinstance(ecgcam.load(path)._engine, OnnxEngine)
    copy_with_card(path, read_card(path), path, bias_shift=[3.0])
    after = ecgcam.load(path)
    assert isinstance(after._engine, TorchEngine)
    assert after.bias[0] == pytest.approx(load_network(path)[0].bias().item())


@pytest.mark.parametrize("dump", [pickle, cloudpickle])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_classifier_can_be_pickled(dump, device):
    before = ecgcam.load("normal", device=device)
    after = pickle.loads(dump.dumps(before))
    assert np.array_equal(probabilities(after), probabilities(before))


def test_threads_get_their_own_answers(normal):
    expected = probabilities(normal)
    with ThreadPoolExecutor(8) as pool:
        parts = [SIGNAL_MV[k : k + 1] for k in range(len(SIGNAL_MV))]
        found = list(pool.map(lambda part: probabilities(normal, part)[0], parts * 3))
    np.testing.assert_allclose(found, np.tile(expected, (3, 1)), atol=1e-6)


def in_a_child(classifier, pipe):
    pipe.send(probabilities(classifier))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("device", [None, "cpu"])
def test_a_batch_is_predicted_after_a_fork(device):
    classifier = ecgcam.load("normal", device=device)
    expected = probabilities(classifier)  # starts torch's threads in this process
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=in_a_child, args=(classifier, theirs))
    child.start()
    answered = ours.poll(60)
    child.kill()
    child.join()
    assert answered, "the forked process hangs"
    np.testing.assert_allclose(ours.recv(), expected, atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"garbage" * 99, b"\x08\x08\x12\x00"])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx: (not an ONNX model|the ONNX file has no)"):
        ecgcam.load(path)


def test_an_onnx_model_without_a_card_is_refused(tmp_path):
    import onnx

    model = onnx.load(shipped_models()["normal"].with_suffix(".onnx"))
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="has no ecgcam card"):
        ecgcam.load(tmp_path / "m.onnx")
    with pytest.raises(ModelError, match="has no ecgcam card"):
        read_card(tmp_path / "m.onnx")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx: cannot read"):
        ecgcam.load(tmp_path / "none.onnx")


WITHOUT_TORCH = """
import sys
for name in ("torch", "lightning", "pandas", "pyarrow", "sklearn", "scipy", "wfdb", "onnx"):
    sys.modules[name] = None
import numpy as np, ecgcam
with np.load(sys.argv[1]) as arrays:
    signal_mv = arrays["signal_mv"]
answers = ecgcam.load("normal").explain(signal_mv, force=True)
sums = [a.evidence.mean(-1) + a.bias - a.logits for a in answers]
assert np.abs(sums).max() < 1e-4
print(*[float(a.probabilities[0]) for a in answers])
"""


def test_predictions_need_none_of_the_libraries_of_training(tmp_path, normal):
    np.savez(tmp_path / "ecgs.npz", signal_mv=SIGNAL_MV[:5])
    command = [sys.executable, "-c", WITHOUT_TORCH, str(tmp_path / "ecgs.npz")]
    root = str(Path(ecgcam.__file__).parents[1])
    done = subprocess.run(command, capture_output=True, text=True, check=True,
                          env=os.environ | {"PYTHONPATH": root})  # fmt: skip
    found = np.array(done.stdout.split(), float)
    np.testing.assert_allclose(found, probabilities(normal)[:5, 0], atol=1e-6)
