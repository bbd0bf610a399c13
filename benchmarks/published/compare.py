"""Differences between our results and the published model's own outputs on fold 9.

    python -m benchmarks.published.compare published.safetensors STORE xai_signalcam_fold9.npz

The NPZ holds `all_ecg_id` with `all_probability`, and for some records `ecg_id`, `preprocessed`
and `cam`.
"""

from pathlib import Path

import numpy as np
import torch
import typer

from ecgcam.data.store import open_store
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import load_network
from ecgcam.nn.preprocess import Preprocess, PreprocessConfig

from .maps import evidence_before_norm, heatmaps


def main(model: Path, store: Path, npz: Path) -> None:
    """Print the largest differences, one a line."""
    typer.echo(differences(model, store, npz))


def differences(model: Path, store_folder: Path, published: Path) -> str:
    """Return the largest differences, one a line."""
    classifier, store = load(model), open_store(store_folder)
    reference = np.load(published, allow_pickle=False)
    predictions = predict_folds(classifier, store, folds=[9])
    ids = store.records["id"].to_numpy()[predictions.indices]
    by_id = dict(zip(reference["all_ecg_id"], reference["all_probability"], strict=True))
    expected = np.array([by_id[identity] for identity in ids])
    drawn = store.signals_mv([store.index_of(str(identity)) for identity in reference["ecg_id"]])
    prepared = Preprocess(PreprocessConfig(), samples=store.samples)(torch.from_numpy(drawn))
    paper = heatmaps(evidence_before_norm(load_network(model)[0], drawn), samples=store.samples)
    ours = heatmaps(classifier.run(drawn)[1], samples=store.samples)
    logits, evidence, _ = classifier.run(store.signals_mv(predictions.indices))
    largest = {
        "probabilities, all of fold 9": predictions.probabilities[:, 0] - expected,
        "preprocessed signals": prepared.numpy() - reference["preprocessed"],
        "the paper's maps": paper[:, 0] - reference["cam"],
        "the law, all of fold 9": evidence.mean(axis=-1) + classifier.bias - logits,
        "our heatmaps against the paper's": ours[:, 0] - reference["cam"],
    }
    return "\n".join(f"{name}: {np.abs(value).max():.2g}" for name, value in largest.items())


if __name__ == "__main__":
    typer.run(main)
