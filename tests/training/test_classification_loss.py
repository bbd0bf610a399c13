"""The loss leaves out unknown labels and weighs classes as asked."""

import numpy as np
import pytest
import torch
from support.tiny import TINY, changed, tiny_store, write_store

from ecgcam.errors import DatasetError
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import read_card
from ecgcam.training.classification_loss import ClassificationLoss, class_frequency, class_weights
from ecgcam.training.config import LossSettings
from ecgcam.training.trainer import train
from ecgcam.training.training_labels import count_labels

NAN = float("nan")
TARGETS = np.array([[1, 0], [0, 0], [0, 1], [0, NAN]], np.float32)


def weights(setting, targets=TARGETS, *, exclusive=False):
    settings = LossSettings(class_weights=setting)
    names = [f"C{k}" for k in range(targets.shape[1])]
    return class_weights(settings, targets, classes=names, exclusive=exclusive)


def test_the_loss_is_the_mean_over_the_known_labels():
    logits = torch.randn(4, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.from_numpy(TARGETS)
    loss = ClassificationLoss(exclusive=False, partial=True)(logits, targets)
    loss.backward()
    p = torch.sigmoid(logits.detach())
    terms = [
        -(p[row, k] if targets[row, k] else 1 - p[row, k]).log()
        for row in range(4)
        for k in range(2)
        if not targets[row, k].isnan()
    ]
    assert len(terms) == 7
    assert loss.item() == pytest.approx(float(sum(terms)) / 7)
    assert logits.grad[3, 1] == 0
    assert (logits.grad.flatten()[:7] != 0).all()


def test_a_batch_without_a_known_label_costs_nothing():
    loss = ClassificationLoss(exclusive=False, partial=True)
    assert loss(torch.ones(2, 1), torch.full((2, 1), NAN)) == 0


@pytest.mark.parametrize("partial", [False, True])
def test_a_weight_multiplies_the_loss_of_positives(partial):
    loss = ClassificationLoss(
        exclusive=False, weights=np.array([3, 1], np.float32), partial=partial
    )
    plain = ClassificationLoss(exclusive=False, partial=partial)
    positive, negative = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    logits = torch.tensor([[0.3, -100.0]])  # the second class costs nothing
    assert loss(logits, positive) == pytest.approx(3 * plain(logits, positive).item(), rel=1e-5)
    assert loss(logits, negative) == pytest.approx(plain(logits, negative).item(), rel=1e-5)


def test_balanced_classes_weigh_their_positives_as_much_as_their_negatives():
    assert weights("balanced").tolist() == [3, 2]
    assert weights("none") is None
    assert weights((2.0, 5.0)).tolist() == [2, 5]


def test_balanced_exclusive_classes_weigh_the_same():
    targets = np.eye(3, dtype=np.float32)[[0, 0, 0, 0, 1, 1]]
    balanced = weights("balanced", targets, exclusive=True)
    np.testing.assert_allclose(balanced, [6 / 12, 6 / 6, 1])
    assert (balanced * targets.sum(axis=0))[:2].tolist() == [2, 2]


def test_the_frequency_of_a_class_is_that_of_its_known_records():
    frequency = class_frequency(np.concatenate([TARGETS, np.full((4, 1), NAN)], axis=1))
    np.testing.assert_allclose(frequency, [1 / 4, 1 / 3, 0])


def test_a_class_of_one_kind_keeps_the_weight_1():
    assert weights("balanced", np.array([[1, 0], [1, 0]], np.float32)).tolist() == [1, 1]


def test_one_weight_for_each_class_is_needed():
    with pytest.raises(DatasetError, match="has 3 numbers; expected 2, for C0, C1"):
        weights((1.0, 2.0, 3.0))


@pytest.mark.parametrize("setting", ["heavy", (), (1.0, 0.0), (-1.0,)])
def test_other_settings_are_refused(setting):
    with pytest.raises(ValueError, match="none, balanced, or numbers above 0"):
        LossSettings(class_weights=setting)


def test_class_weights_raise_the_probabilities_and_are_on_the_card(tmp_path):
    store = tiny_store(tmp_path / "store")
    plain = train(store, tmp_path / "plain", TINY)
    weighed = train(store, tmp_path / "weighed", changed(class_weights=(20.0,)))
    assert read_card(weighed)["provenance"]["recipe"]["loss"] == {"class_weights": [20.0]}
    signals = store.signals_mv(range(120))
    before, after = (load(path).run(signals)[0].mean() for path in (plain, weighed))
    assert after > before


def test_a_model_is_trained_on_labels_that_are_partly_unknown(tmp_path):
    rng = np.random.default_rng(1)
    count = 120
    signals = rng.normal(0, 100, (count, 12, 500))
    truth = np.stack([np.arange(count) % 2, np.arange(count) // 2 % 2], axis=1)
    bump = np.arange(500) % 100 < 12
    signals[truth[:, 0] == 1] += 400 * bump
    signals[truth[:, 1] == 1] -= 400 * np.roll(bump, 50)
    labels = [
        [
            f"{'blank' if k % 3 == column else 'column'}:{name}"
            for column, name in enumerate("AB")
            if row[column] or k % 3 == column
        ]
        for k, row in enumerate(truth)
    ]
    store = write_store(
        tmp_path / "store", signals.round(), labels, folds=1 + np.arange(count) // 4 % 10
    )
    config = changed(task="columns", epochs=3)
    counts = count_labels(config, store)
    assert counts["training"].tolist() == [96, 32, 32]  # 48 of 96 are positive, 2/3 are known
    model = train(store, tmp_path / "run", config)
    table = np.genfromtxt(tmp_path / "run" / "metrics.csv", delimiter=",", names=True)
    assert np.isfinite(table["train_loss"]).all()
    assert np.isfinite(table["val_loss"]).all()
    assert table["val_auroc"].max() > 0.8
    assert read_card(model)["classes"] == ["A", "B"]
