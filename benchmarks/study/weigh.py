"""Make a model of normal against abnormal of a model of the superclasses.

    python benchmarks/study/weigh.py STORE runs/leadwise-superclass-more-0/model.safetensors \\
        runs/leadwise-weighed-0/model.safetensors

Its logit is a weighted sum of theirs, and so is its evidence, by lead and moment: it has the same
backbone under one head. The weights and a constant are fitted by logistic regression on the records
that trained the model, since a network that has learned what is wrong separates normal from
abnormal better than one that has only learned that something is.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ecgcam.data.store import Store, open_store
from ecgcam.evaluation.fold_predictions import predict_records
from ecgcam.files import sha256
from ecgcam.inference.card import make_card, recipe_setting
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import load_network, save_model
from ecgcam.nn.network import Network
from ecgcam.tasks import find_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    weights = weigh(arguments.model, open_store(arguments.store), arguments.out)
    sys.stdout.write(f"{arguments.out}: {weights}\n")


def weigh(model: Path, store: Store, out: Path) -> dict[str, float]:
    """Write a model of the task `normal` whose logit is a weighted sum; return the weights.

    It counts as trained on the same records as the model, whose provenance it keeps.
    """
    network, card = load_network(model)
    folds = recipe_setting(card["provenance"]["recipe"], "data", "train_folds")
    weights, constant = fit(model, store, folds=folds)
    summed = sum_of_classes(network, weights, constant)
    by_class = dict(zip(card["classes"], weights.round(4).tolist(), strict=True))
    provenance = card["provenance"] | {"weighed": {"sha256": sha256(model), "weights": by_class}}
    own = make_card(summed, find_task("normal", store.vocabulary), provenance=provenance)
    own["fold_digests"] = card.get("fold_digests", {})
    out.parent.mkdir(parents=True, exist_ok=True)
    save_model(out, summed, own)
    return by_class


def fit(model: Path, store: Store, *, folds: Sequence[int]) -> tuple[NDArray[np.float64], float]:
    """Fit the weights (classes,) of a model's logits and a constant, on these folds."""
    classifier = load(model)
    records = store.labelled(find_task("normal", store.vocabulary), folds=folds)
    logits = predict_records(classifier, store, records.indices)
    regression = LogisticRegression(C=np.inf).fit(logits, records.targets[:, 0])
    return regression.coef_[0], float(regression.intercept_[0])


def sum_of_classes(network: Network, weights: NDArray[np.float64], constant: float) -> Network:
    """Build a network with one logit: the weighted sum of these logits, plus a constant."""
    summed = Network(replace(network.config, classes=1)).eval()
    summed.backbone.load_state_dict(network.backbone.state_dict())
    row = torch.from_numpy(weights[None]).float()
    with torch.no_grad():
        summed.head.weight.copy_(row @ network.head.weight)
        summed.head.bias.copy_(row @ network.head.bias + constant)
    return summed


if __name__ == "__main__":
    main()
