"""The published weights, read in, give what the published notebook gave."""

import contextlib
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import accuracy_score, roc_auc_score

from benchmarks.published import beside
from benchmarks.published.faithfulness import paper_map, relative_areas
from benchmarks.published.maps import evidence_before_norm, heatmaps
from benchmarks.published.weights import import_published
from ecgcam.errors import ModelError
from ecgcam.explanation.subject import QUICK, make_subject
from ecgcam.inference.export import export
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.nn.network import Network, NetworkConfig, evaluating


@pytest.fixture(scope="module")
def fold_9_logits(published_classifier, published, fold_9_signals):
    return published_classifier.run(fold_9_signals(published["all_ecg_id"]))[0]


def test_every_probability_of_fold_9_is_the_published_one(
    published_classifier, published, fold_9_logits
):
    found = published_classifier.probabilities(fold_9_logits)[:, 0]
    np.testing.assert_allclose(found, published["all_probability"], atol=1e-4)


def test_the_maps_drawn_before_the_norm_are_the_published_ones(
    published_model, published, fold_9_signals
):
    network, _ = load_network(published_model)
    evidence = evidence_before_norm(network, fold_9_signals(published["ecg_id"]))
    found = heatmaps(evidence, samples=1000)[:, 0]
    np.testing.assert_allclose(found, published["cam"], atol=1e-3)


def test_a_network_of_the_papers_recipe_passes_the_check_of_the_export(published_model, tmp_path):
    assert export(published_model, tmp_path / "published.onnx").is_file()


def test_on_every_record_of_fold_9_our_map_adds_up(published_classifier, published, fold_9_signals):
    signals = fold_9_signals(published["all_ecg_id"])
    assert len(signals) == 2183
    logits, evidence, _ = published_classifier.run(signals)
    np.testing.assert_allclose(evidence.mean(-1) + published_classifier.bias, logits, atol=1e-4)


def test_the_papers_map_does_not_add_up(published_model, published, fold_9_signals):
    network, _ = load_network(published_model)
    signals = fold_9_signals(published["ecg_id"])
    with evaluating(network):
        logits, *_ = network(torch.from_numpy(signals))
    before_norm = evidence_before_norm(network, signals)
    missed = np.abs(before_norm.mean(-1) + network.head.bias.detach().numpy() - logits.numpy())
    assert missed.min() > 1


def test_the_papers_map_is_ranked_as_it_is_drawn(published_model, published, fold_9_store):
    """Its F is measured on the unscaled map; the published one runs from 0 to 1 in each record."""
    network, card = load_network(published_model)
    effort = replace(QUICK, records=8)
    subject = make_subject(network, card, fold_9_store, fold=9, effort=effort)
    ids = fold_9_store.records["id"].to_numpy()[subject.indices].tolist()
    rows = [ids.index(identity) for identity in published["ecg_id"][:8]]
    drawn = paper_map(network, subject.prepared[rows], 0)[:, 0]
    lowest, highest = drawn.amin(dim=1, keepdim=True), drawn.amax(dim=1, keepdim=True)
    scaled = ((drawn - lowest) / (highest - lowest)).numpy()
    np.testing.assert_allclose(scaled, published["cam"][:8], atol=1e-3)
    towards_abnormal = relative_areas(subject, 1)
    assert towards_abnormal["integrated gradients"] == [1, 1]
    assert towards_abnormal["the paper's"] != towards_abnormal["evidence"]


def test_drawing_the_papers_map_leaves_the_network_as_it_was(published_model):
    network, _ = load_network(published_model)
    signal = np.zeros((1, 12, 1000), np.float32)
    for _ in range(2):
        evidence_before_norm(network, signal)
    assert not network.backbone.last.conv._forward_hooks


def test_the_card_says_what_the_model_is(published_model):
    card = read_card(published_model)
    assert card["parameters"] == 22_273
    assert card["classes"] == ["ABNORMAL"]
    assert card["task"]["unlabelled"] == "positive"
    assert "EMBC 2025" in card["provenance"]["source"]


class Harmful:
    """Unpickled as Python does it, it makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_with_code_in_it_is_refused_and_nothing_runs(tmp_path, protocol, zipped):
    path, made = tmp_path / "weights.pt", tmp_path / "made"
    state = {"pred_layer.weight": Harmful(made)}
    if zipped:
        torch.save(state, path, pickle_protocol=protocol)
    else:
        path.write_bytes(pickle.dumps(state, protocol=protocol))
    with pytest.raises(ModelError, match="holds more than tensors"):
        import_published(path, tmp_path / "out.safetensors")
    assert not made.exists()
    assert os.listdir(tmp_path) == ["weights.pt"]
    with contextlib.suppress(RuntimeError):
        torch.load(path, weights_only=False)  # the file does do harm where it is trusted
    assert made.exists()


def published_names(network):
    """The state dict of a network of ours as the paper's code names it."""
    from benchmarks.published.weights import _PUBLISHED

    ours = {our: theirs for theirs, our in _PUBLISHED.items()}
    return {
        f"{ours[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": (
            tensor.squeeze(2) if tensor.ndim == 4 else tensor
        )
        for name, tensor in network.state_dict().items()
    }


def test_weights_come_through_as_they_were(tmp_path):
    network = Network(NetworkConfig(classes=1))
    torch.save(published_names(network), tmp_path / "weights.pt")
    before = torch.random.get_rng_state()
    path = import_published(tmp_path / "weights.pt", tmp_path / "model.safetensors")
    assert torch.equal(torch.random.get_rng_state(), before)
    from safetensors.torch import load_file

    for name, tensor in load_file(path).items():
        assert torch.equal(tensor, network.state_dict()[name])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: [1, 2], "not the weights of the paper's network"),
        (lambda: {"fc.weight": torch.zeros(2)}, "not the weights of the paper's network"),
        (lambda: {"last_conv.weight": 3}, "not the weights of the paper's network"),
        (lambda: {1: torch.zeros(2)}, "not the weights of the paper's network"),
        (lambda: torch.nn.Linear(2, 3).state_dict(), "not the weights of the paper's network"),
        (lambda: published_names(Network(NetworkConfig(classes=2))), "size mismatch"),
        (lambda: torch.nn.Linear(2, 3), "holds more than tensors"),
    ],
)
def test_another_file_of_torch_is_refused(tmp_path, content, reason):
    torch.save(content(), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match=reason):
        import_published(tmp_path / "weights.pt", tmp_path / "model.safetensors")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04.", b"garbage" * 99])
def test_a_file_that_is_none_of_torchs_is_refused(tmp_path, content):
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(ModelError, match="not a torch state dict"):
        import_published(tmp_path / "weights.pt", tmp_path / "model.safetensors")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"weights\.pt: no such file"):
        import_published(tmp_path / "weights.pt", tmp_path / "model.safetensors")


def test_the_scores_on_fold_9_are_the_published_ones(
    shared, published_classifier, published, fold_9_logits, fold_9_store
):
    """Against labels read by another way: the table's own codes."""
    import json

    from support.tiny import NORMAL

    scores = json.loads((shared / "reference" / "xai_signalcam_scores.json").read_text())["fold9"]
    labels = fold_9_store.records.set_index("id")["labels"]
    identities = [type(labels.index[0])(ecg_id) for ecg_id in published["all_ecg_id"]]
    targets, keep = NORMAL.targets(labels.loc[identities].tolist())
    probabilities = published_classifier.probabilities(fold_9_logits)[:, 0]
    assert keep.all()
    assert len(targets) == scores["n"]
    assert roc_auc_score(targets[:, 0], probabilities) == pytest.approx(scores["auroc"], abs=1e-5)
    accuracy = accuracy_score(targets[:, 0], probabilities >= 0.5)
    assert accuracy == pytest.approx(scores["accuracy"], abs=1e-9)


def test_the_papers_map_is_drawn_beside_ours(published_model, fold_9_store, tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "PICTURE", tmp_path / "paper-map.png")
    beside.main(published_model, fold_9_store.folder)
    with Image.open(tmp_path / "paper-map.png") as picture:
        assert picture.width > picture.height > 1000
