"""Training on shuffled labels: the same network, repeatable, that learns nothing of the labels."""

import numpy as np
import pytest
import torch
from support.tiny import NORMAL, tiny_model, tiny_store

from ecgcam.nn.network import evaluating
from ecgcam.training import shuffled_labels
from ecgcam.training.shuffled_labels import train_on_shuffled_labels


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shuffled")
    return tiny_model(folder / "m.safetensors"), tiny_store(folder / "store", records=600)


def difference(network, store):
    """The mean logit of the abnormal records of fold 9, less that of the normal ones."""
    labelled = store.labelled(NORMAL, folds=[9])
    with evaluating(network):
        logits = network(torch.from_numpy(store.signals_mv(labelled.indices))).logits[:, 0]
    abnormal = labelled.targets[:, 0] > 0
    return float(logits[abnormal].mean() - logits[~abnormal].mean())


def test_it_is_repeatable_and_reports_its_epochs(inputs):
    model, store = inputs
    epochs = []
    first, again = (
        train_on_shuffled_labels(model, store, fold=9, progress=lambda *x: epochs.append(x))
        for _ in range(2)
    )
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert epochs[:5] == [(k, 5) for k in range(1, 6)]
    assert not first.training


def test_with_true_labels_it_learns_and_with_shuffled_ones_it_does_not(inputs, monkeypatch):
    model, store = inputs
    monkeypatch.setattr(shuffled_labels, "EPOCHS", 12)
    monkeypatch.setattr(shuffled_labels, "LEARNING_RATE", 1e-2)
    shuffled = difference(train_on_shuffled_labels(model, store, fold=9), store)

    class Unshuffled:
        """A generator that returns what it is asked to shuffle."""

        def permutation(self, x):
            return np.arange(x) if isinstance(x, int) else x

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Unshuffled())
    learned = difference(train_on_shuffled_labels(model, store, fold=9), store)
    assert learned > 1
    assert abs(shuffled) < 0.2 * learned
