"""A model file comes back as it was, and a hostile one is refused in a sentence."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, tiny_model, tiny_network

from ecgcam.errors import ModelError
from ecgcam.inference.card import make_card
from ecgcam.inference.modelfile import copy_with_card, load_network, read_card, save_model
from ecgcam.tasks import Task


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


def with_card(model, path, change):
    """A copy of the model file whose card `change` has changed, or replaced."""
    card = read_card(model)
    card = change(card) or card
    text = card if isinstance(card, str) else json.dumps(card)
    save_file(load_file(model), path, {"card": text})
    return path


@pytest.mark.parametrize("backbone", ["signalcnn", "resnet"])
@pytest.mark.parametrize("task", [NORMAL, SUPERCLASS, RHYTHM])
def test_a_model_comes_back_as_it_was(tmp_path, backbone, task):
    network = tiny_network(backbone=backbone, classes=len(task.classes), leads=("V1", "II"))
    path = tmp_path / "new" / "model.safetensors"
    limits = [0.25 + k / 100 for k in range(len(task.classes))]
    card = make_card(network, task, provenance={"seed": 7}, thresholds=limits, temperature=1.5)
    assert save_model(path, network, card) == path
    again, read = load_network(path)
    assert read == json.loads(json.dumps(card)) == read_card(path)
    assert Task.from_dict(read["task"]) == task
    assert again.config == network.config
    assert not again.training
    signal = torch.randn(2, 2, network.config.samples)
    for found, wanted in zip(again(signal)[:2], network(signal)[:2], strict=True):
        assert torch.equal(found, wanted)


def test_thresholds_are_one_half_and_the_temperature_is_1_unless_said_otherwise():
    card = make_card(tiny_network(classes=5), SUPERCLASS, provenance={})
    assert card["thresholds"] == [0.5] * 5
    assert card["temperature"] == 1


def test_the_card_is_json_that_a_person_can_read(model):
    """Read as the format says, without any library: 8 bytes of length, then a JSON header."""
    data = model.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    card = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["card"])
    assert card["leads"][3] == "aVR"
    assert card["rate_hz"] == 100
    assert card["preprocess"] == {"detrend_order": 10, "scale": "unit"}
    assert card["task"]["classes"] == ["ABNORMAL"]
    assert card["parameters"] == tiny_network().parameters_count
    assert card["note"] == "Not a medical device."


def test_the_weights_are_the_state_dict_and_nothing_else(model):
    with safe_open(model, framework="np") as file:
        assert set(file.keys()) == set(tiny_network().state_dict())


def test_a_card_needs_no_torch(model):
    code = f"import ecgcam.inference.modelfile as m, sys; m.read_card(m.Path({str(model)!r}))"
    check = f"{code}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_without_torch_one_is_told_how_to_get_it(model):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from ecgcam.inference.loading import load\n"
        f"load({str(model)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith(
        "which `ecgcam export` writes where torch is installed."
    )


def test_loading_leaves_the_global_generator_as_it_was(model):
    before = torch.random.get_rng_state()
    load_network(model)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_weights_that_are_tied_can_be_saved(tmp_path):
    path = tiny_model(tmp_path / "tied.safetensors", backbone="support.backbones:Tied")
    again, _ = load_network(path, backbone="support.backbones:Tied")
    assert again.backbone.second.weight is again.backbone.first.weight


def test_nobody_may_say_nan_in_a_card(tmp_path):
    network = tiny_network()
    card = make_card(network, NORMAL, provenance={"score": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_model(tmp_path / "model.safetensors", network, card)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    def stop_half_way(path, data):
        path.write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.write_bytes", stop_half_way)
    with pytest.raises(KeyboardInterrupt):
        tiny_model(tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_whoever_may_read_new_files_may_read_the_model(tmp_path, model):
    (tmp_path / "plain").write_text("")
    assert model.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"none\.safetensors: no such model file"):
        read_card(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match="no such model file"):
        read_card(tmp_path)


@pytest.mark.parametrize("part", [0, 4, 8, 100, 0.5, -1])
def test_a_file_cut_short_is_refused(tmp_path, model, part):
    data = model.read_bytes()
    kept = round(part * len(data)) if isinstance(part, float) else part
    (tmp_path / "cut.safetensors").write_bytes(data[:kept])
    with pytest.raises(ModelError, match="not a .safetensors model file"):
        load_network(tmp_path / "cut.safetensors")


@pytest.mark.parametrize(
    "content", [b"garbage" * 99, b"\x80\x04K\x01.", b"PK\x03\x04", struct.pack("<Q", 2**60) + b"{}"]
)
def test_garbage_is_refused(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="not a .safetensors model file"):
        load_network(tmp_path / "model.safetensors")


@pytest.mark.parametrize("metadata", [None, {}, {"format": "pt"}, {"card": ""}, {"card": "[1]"}])
def test_weights_without_a_card_are_refused(tmp_path, metadata):
    save_file({"head.bias": torch.zeros(1)}, tmp_path / "m.safetensors", metadata)
    with pytest.raises(ModelError, match="has no model card"):
        load_network(tmp_path / "m.safetensors")


NEEDED = [
    "format", "backbone", "backbone_config", "preprocess", "leads", "rate_hz", "duration_s",
    "task", "classes", "thresholds", "temperature", "parameters", "provenance",
]  # fmt: skip


@pytest.mark.parametrize("key", NEEDED)
@pytest.mark.parametrize("value", ["missing", None, "text", [["x"]], {"x": {}}])
def test_a_card_that_lacks_something_or_has_another_kind_is_refused(tmp_path, model, key, value):
    def change(card):
        card[key] = value
        if value == "missing":
            del card[key]

    if (key, value) == ("provenance", {"x": {}}):
        return  # of the right kind
    with pytest.raises(ModelError):
        load_network(with_card(model, tmp_path / "m.safetensors", change))


def setting(*keys, to):
    def change(card):
        *path, last = keys
        for key in path:
            card = card[key]
        card[last] = to

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda card: "{", "not a .safetensors model file"),
        (lambda card: "[" * 100_000, "not a .safetensors model file"),
        (setting("format", to=2), "reads format 1"),
        (setting("backbone", to="vgg"), "there is no backbone 'vgg'"),
        (setting("backbone_config", to={"widths": [4, -1]}), "cannot be built"),
        (setting("backbone_config", to={"widths": [10**9, 10**9]}), "cannot build the network"),
        (setting("backbone_config", to={"widths": [4, 7], "kernel": 5}), "do not fit"),
        (setting("preprocess", "scale", to="magic"), "scale must be one of"),
        (setting("preprocess", "detrend_order", to=1.5), "detrend_order must be"),
        (setting("preprocess", "detrend_order", to=5000), "needs more than"),
        (setting("preprocess", "more", to=1), "cannot build the network"),
        (setting("leads", to=["I"] * 12), "different names"),
        (setting("leads", to=[]), "different names"),
        (setting("leads", to=[1] * 12), "expected a list of names"),
        (setting("leads", to=["I", "II"]), "do not fit"),
        (setting("rate_hz", to=0), "above 0"),
        (setting("rate_hz", to=1e300), "above 0"),
        (setting("duration_s", to=-10), "above 0"),
        (setting("duration_s", to=1e-9), "cannot build the network"),
        (setting("duration_s", to=10**400), "above 0"),
        (
            setting("temperature", to=0),
            "card: 0 .expected a number from 0.05 to 20",
        ),
        (setting("temperature", to=1e-300), "'temperature' in the model card: 1e-300"),
        (setting("temperature", to=-1.0), "'temperature' in the model card: -1.0"),
        (setting("temperature", to=20.5), "'temperature' in the model card: 20.5"),
        (setting("temperature", to=float("nan")), "a number from"),
        (setting("temperature", to=float("inf")), "a number from"),
        (setting("thresholds", to=[float("nan")]), "a number for each class"),
        (setting("thresholds", to=["0.5"]), "a number for each class"),
        (setting("thresholds", to=[0.5, 0.5]), "a number for each class"),
        (setting("thresholds", to=[]), "a number for each class"),
        (setting("classes", to=["NORMAL"]), "expected the task's"),
        (setting("classes", to=[1]), "expected the task's"),
        (setting("task", "members", to=[[]]), "invalid task in the model card"),
        (setting("task", "members", to=[[5]]), "invalid task in the model card"),
        (setting("task", "members", to=[["MI"]]), "invalid task in the model card"),
        (setting("task", "exclusive", to=True), "invalid task in the model card"),
        (setting("task", "unlabelled", to="perhaps"), "invalid task in the model card"),
    ],
)
def test_a_hostile_card_is_refused_with_the_reason(tmp_path, model, change, reason):
    path = with_card(model, tmp_path / "m.safetensors", change)
    with pytest.raises(ModelError, match=reason) as refusal:
        load_network(path)
    assert str(path) in str(refusal.value) or "backbone" in str(refusal.value)


POINTS = {
    "chosen_on": {"folds": [9], "records": 7, "store": "abc"},
    "threshold": "youden",
    "band": "none",
    "alpha": 0.1,
    "classes": {
        "ABNORMAL": {
            "positives": 3,
            "negatives": 4,
            "points": {"youden": {"threshold": 0.5, "sensitivity": 0.9, "specificity": 0.8}},
            "band": None,
            "conformal": {"positive_from": 0.4, "negative_up_to": 0.6},
        }
    },
}


def test_operating_points_are_kept_and_checked(tmp_path, model):
    card = read_card(model) | {"operating_points": POINTS}
    out = copy_with_card(model, card, tmp_path / "new" / "model.safetensors")
    network, read = load_network(out)
    assert read == card
    for name, weights in load_network(model)[0].state_dict().items():
        assert torch.equal(network.state_dict()[name], weights)
    hostile = {**POINTS, "alpha": float("nan")}
    path = with_card(model, tmp_path / "m.safetensors", setting("operating_points", to=hostile))
    with pytest.raises(ModelError, match=r"m\.safetensors: invalid 'operating_points' in"):
        load_network(path)
    strange = POINTS | {"classes": {"MI": POINTS["classes"]["ABNORMAL"]}}
    with pytest.raises(ModelError, match="unknown classes"):
        copy_with_card(model, card | {"operating_points": strange}, path)


@pytest.mark.parametrize("name", ["os:system", "subprocess:run", "harmful_module:Net"])
def test_no_file_chooses_what_code_runs(tmp_path, model, name, monkeypatch):
    (tmp_path / "harmful_module.py").write_text("raise SystemExit('it ran')")
    monkeypatch.syspath_prepend(tmp_path)
    path = with_card(model, tmp_path / "m.safetensors", setting("backbone", to=name))
    for trusted in (None, "support.backbones:Copy", "signalcnn"):
        with pytest.raises(ModelError, match="name it with --backbone"):
            load_network(path, backbone=trusted)
    assert read_card(path)["backbone"] == name


def test_a_backbone_of_ones_own_is_used_when_it_is_named_again(tmp_path):
    path = tiny_model(tmp_path / "own.safetensors", backbone="support.backbones:Dropping")
    network, _ = load_network(path, backbone="support.backbones:Dropping")
    assert type(network.backbone).__name__ == "Dropping"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda weights: weights.pop("head.bias"), "Missing key"),
        (lambda weights: weights.update(extra=torch.zeros(1)), "Unexpected key"),
        (lambda weights: weights.update({"head.bias": torch.zeros(2)}), "size mismatch"),
        (lambda weights: weights.update({"head.bias": torch.tensor([np.nan])}), "NaN or infinite"),
        (lambda weights: weights["head.weight"].fill_(np.inf), "NaN or infinite"),
    ],
)
def test_weights_that_cannot_be_the_networks_are_refused(tmp_path, model, change, reason):
    weights = load_file(model)
    change(weights)
    path = tmp_path / "m.safetensors"
    save_file(weights, path, {"card": json.dumps(read_card(model))})
    with pytest.raises(ModelError, match=reason):
        load_network(path)
