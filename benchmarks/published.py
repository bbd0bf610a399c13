"""How close we are to what the published model gave: python benchmarks/published.py MODEL STORE NPZ

MODEL: the published weights, by `ecgcam import-weights`. NPZ: that model's own outputs on fold 9,
`all_ecg_id` with `all_probability`, and `ecg_id` with `preprocessed` and `cam` of some records.
"""

from pathlib import Path

import numpy as np
import torch
import typer

from ecgcam.data.store import open_store
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.inference.classifier import load
from ecgcam.nn.preprocess import Preprocess, PreprocessConfig


def main(model: str, store: Path, npz: Path) -> None:
    """How close we are to what the published model gave, a line a difference."""
    typer.echo(differences(model, store, npz))


def differences(model: str, store_folder: Path, published: Path) -> str:
    """The largest differences, a line each."""
    classifier, store = load(model), open_store(store_folder)
    theirs = np.load(published, allow_pickle=False)
    judged = predict_folds(classifier, store, folds=[9])
    ids = store.records["id"].to_numpy()[judged.indices]
    by_id = dict(zip(theirs["all_ecg_id"], theirs["all_probability"], strict=True))
    expected = np.array([by_id[identity] for identity in ids])
    numbers = [store.index_of(str(identity)) for identity in theirs["ecg_id"]]
    signals = torch.from_numpy(store.signals_mv(numbers))
    prepared = Preprocess(PreprocessConfig(), samples=store.samples)(signals).numpy()
    records = [store.record(number) for number in numbers]
    maps = np.stack([answer.heatmap[0] for answer in classifier.explain(records, source="conv")])
    answers = classifier.explain(records)
    logits, evidence = classifier.judge(store.signals_mv(judged.indices))
    law = np.abs(evidence.mean(axis=-1) + classifier.bias - logits).max()
    ours = np.stack([answer.heatmap[0] for answer in answers])
    largest = {
        "probabilities, all of fold 9": np.abs(judged.probabilities[:, 0] - expected).max(),
        "preprocessed signals": np.abs(prepared - theirs["preprocessed"]).max(),
        'maps with source="conv"': np.abs(maps - theirs["cam"]).max(),
        "the law, all of fold 9": law,
        "the evidence's heatmap against the paper's": np.abs(ours - theirs["cam"]).max(),
    }
    return "\n".join(f"{name}: {value:.2g}" for name, value in largest.items())


if __name__ == "__main__":
    typer.run(main)
