"""Fit of the head: as logistic regression fits it, additive where that is asked, once for a run."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from support.tiny import NORMAL, changed, run_network, tiny_store

from ecgcam.files import sha256
from ecgcam.inference.card import FITTED_HEAD
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.training.additivity import AdditivityLoss
from ecgcam.training.classification_loss import ClassificationLoss
from ecgcam.training.config import AdditivitySettings, HeadSettings, TrainConfig
from ecgcam.training.head_fit import HeadInputs, head_inputs, minimize
from ecgcam.training.trainer import train

DEVICES = (
    {"probability": 1.0, "one_of": [{"transform": "DeviceFilter", "kind": "high-pass",
                                     "lowest_hz": 0.5, "highest_hz": 0.7}]},
)  # fmt: skip
FIT = HeadSettings(fit=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


@pytest.fixture(scope="module")
def fitted_run(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    train(store, out, replace(changed(epochs=2), head=FIT))
    return out


def seen(records=300, channels=4, **others):
    """Features of many sizes, and labels of two classes that they foretell in part."""
    rng = np.random.default_rng(0)
    features = rng.normal(2, [1, 5, 0.1, 20], (records, channels))
    weights = rng.normal(size=(channels, 2)) / features.std(axis=0)[:, None]
    probability = 1 / (1 + np.exp(-(features - features.mean(axis=0)) @ weights))
    labels = torch.from_numpy((rng.random((records, 2)) < probability).astype(np.float32))
    recorded = torch.from_numpy(features)
    flat = torch.zeros(1, channels)
    inputs = {"recorded": recorded, "disturbed": recorded, "gap": torch.zeros(0, channels)}
    return HeadInputs(**inputs | {"flat": flat} | others), labels


def best_head(inputs, labels, *, exclusive=False, additivity=None, ridge=0.0, start=None):
    weight = torch.zeros(labels.shape[1], inputs.recorded.shape[1]) if start is None else start
    loss = ClassificationLoss(exclusive=exclusive, partial=bool(labels.isnan().any()))
    return minimize(
        weight, torch.zeros(labels.shape[1]), inputs, labels,
        loss=loss, additivity=additivity, ridge=ridge,
    )  # fmt: skip


def test_each_class_gets_the_head_of_logistic_regression():
    inputs, labels = seen()
    weight, bias = best_head(inputs, labels)
    for k, of_class in enumerate(labels.numpy().T):
        expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
            inputs.recorded.numpy(), of_class
        )
        np.testing.assert_allclose(weight[k], expected.coef_[0], rtol=1e-3)
        assert bias[k].item() == pytest.approx(expected.intercept_[0], rel=1e-3)


def test_an_unknown_label_is_left_out():
    inputs, labels = seen()
    labels[:100, 0] = torch.nan
    weight, _ = best_head(inputs, labels)
    known = HeadInputs(
        recorded=inputs.recorded[100:], disturbed=inputs.recorded[100:],
        gap=inputs.gap, flat=inputs.flat,
    )  # fmt: skip
    expected, _ = best_head(known, labels[100:, :1])
    np.testing.assert_allclose(weight[:1], expected, rtol=1e-3)


def test_exclusive_classes_get_the_head_of_multinomial_regression():
    inputs, labels = seen()
    kind = (labels[:, 0] + 2 * labels[:, 1]).clamp(max=2).long()
    weight, _ = best_head(inputs, torch.nn.functional.one_hot(kind).float(), exclusive=True)
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        inputs.recorded.numpy(), kind.numpy()
    )
    np.testing.assert_allclose(weight[1] - weight[0], expected.coef_[1] - expected.coef_[0], 1e-3)


def test_the_ridge_holds_it_to_the_trained_head():
    inputs, labels = seen()
    trained = torch.tensor([[0.5, 0.1, 3.0, -0.02], [0.0, 0.2, -1.0, 0.01]])
    weight, _ = best_head(inputs, labels, ridge=1e6, start=trained)
    np.testing.assert_allclose(weight, trained, rtol=1e-3, atol=1e-6)


def test_disturbed_records_count_as_much_as_recorded_ones():
    inputs, labels = seen()
    noise = torch.from_numpy(np.random.default_rng(1).normal(0, 3, inputs.recorded.shape))
    disturbed = HeadInputs(
        recorded=inputs.recorded, disturbed=inputs.recorded + noise,
        gap=inputs.gap, flat=inputs.flat,
    )  # fmt: skip
    weight, _ = best_head(disturbed, labels)
    both = np.concatenate([disturbed.recorded, disturbed.disturbed])
    expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        both, np.tile(labels[:, 0], 2)
    )
    np.testing.assert_allclose(weight[0], expected.coef_[0], rtol=1e-3)


def test_additivity_moves_the_weight_to_the_feature_without_a_gap():
    """Two features that say the same: one of them changes when other parts are masked."""
    rng = np.random.default_rng(2)
    cause = rng.normal(size=(300, 1))
    twins = torch.from_numpy(cause + rng.normal(0, 0.1, (300, 2)))
    labels = torch.from_numpy((cause + rng.normal(size=cause.shape) > 0).astype(np.float32))
    gap = torch.stack([torch.linspace(-3, 3, 50), torch.zeros(50)], dim=1)
    pair = HeadInputs(recorded=twins, disturbed=twins, gap=gap, flat=torch.zeros(1, 2))
    additivity = AdditivityLoss(
        AdditivitySettings(weight=10.0, flat_weight=0.0), torch.tensor([0.4])
    )
    start = torch.tensor([[1.0, 0.0]])  # all on the one with a gap
    plain, _ = best_head(pair, labels, ridge=1e-3, start=start)
    additive, _ = best_head(pair, labels, ridge=1e-3, start=start, additivity=additivity)
    assert plain[0, 0] > 0.5
    assert abs(additive[0, 0]) < 0.02
    assert additive[0, 1] == pytest.approx(plain.sum().item(), rel=0.1)


@pytest.mark.parametrize(("disturbances", "same"), [((), True), (DEVICES, False)])
def test_records_are_seen_as_recorded_and_disturbed(store, fitted_run, disturbances, same):
    network, _ = load_network(fitted_run / "model.safetensors")
    records = store.require_labelled(NORMAL.adapt_to(store.vocabulary), folds=(1, 2))
    inputs = head_inputs(
        network, store, records, TrainConfig(disturbances=disturbances), additivity=None
    )
    signals_mv = torch.from_numpy(store.signals_mv(records.indices))
    expected = network.mean_features(network.preprocess(signals_mv)).detach()
    np.testing.assert_allclose(inputs.recorded, expected, rtol=1e-3, atol=1e-5)
    assert torch.equal(inputs.recorded, inputs.disturbed) == same
    assert len(inputs.gap) == 0


def test_the_card_has_the_score_of_the_fitted_head(store, fitted_run):
    network, card = load_network(fitted_run / "model.safetensors")
    records = store.require_labelled(NORMAL.adapt_to(store.vocabulary), folds=(9,))
    logits = run_network(network, store.signals_mv(records.indices))[0]
    score = roc_auc_score(records.targets[:, 0], logits[:, 0])
    assert card["provenance"][FITTED_HEAD] == {
        "score": "val_auroc", "value": pytest.approx(score, abs=1e-6)
    }  # fmt: skip


def test_only_the_head_is_fitted(store, fitted_run, tmp_path):
    trained, _ = load_network(train(store, tmp_path / "run", changed(epochs=2)))
    fitted, _ = load_network(fitted_run / "model.safetensors")
    weights = fitted.state_dict()
    changed_ones = {
        name for name, value in trained.state_dict().items() if not value.equal(weights[name])
    }
    assert changed_ones == {"head.weight", "head.bias"}


def test_a_run_that_was_stopped_before_the_fit_is_fitted_when_resumed(store, fitted_run, tmp_path):
    def stop(done, of):
        raise KeyboardInterrupt

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(store, out, replace(changed(epochs=2), head=FIT), on_head=stop)
    assert FITTED_HEAD not in read_card(out / "model.safetensors")["provenance"]
    model = train(store, out, resume=True)
    assert model.read_bytes() == (fitted_run / "model.safetensors").read_bytes()


def test_the_head_of_a_backbone_of_your_own_is_fitted(store, tmp_path):
    own = changed(epochs=1, backbone="support.backbones:Dropping", arguments={})
    model = train(store, tmp_path / "run", replace(own, head=FIT))
    assert FITTED_HEAD in read_card(model)["provenance"]


def test_a_fitted_head_is_not_fitted_again(store, fitted_run):
    model = fitted_run / "model.safetensors"
    before = sha256(model)
    train(store, fitted_run, resume=True, on_head=lambda *_: pytest.fail("it was fitted again"))
    assert sha256(model) == before
