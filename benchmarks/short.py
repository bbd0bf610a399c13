"""Scores on shorter ECGs: python benchmarks/short.py MODEL STORE

Predicts the records of fold 9 from their first seconds only. Prints one line per length, with the
AUROC, sensitivity and specificity of the model's first class.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from ecgcam.data.store import open_store
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.metrics import binary_scores
from ecgcam.inference.classifier import Classifier
from ecgcam.inference.loading import load
from ecgcam.signals.record import Record

LENGTHS_S = (10, 9, 8, 7, 6, 5)


def main(model: str, store: Path) -> None:
    """Print the scores on the first seconds of fold 9, one line per length."""
    classifier = load(model)
    predictions = predict_folds(classifier, open_store(store), folds=[9])
    records = [predictions.store.record(index) for index in predictions.indices]
    typer.echo(f"{classifier.classes[0]:>12}  AUROC  sensitivity  specificity")
    for length_s in LENGTHS_S:
        auroc, sensitivity, specificity = score_first_seconds(
            classifier, records, predictions.targets[:, 0], length_s=length_s
        )
        typer.echo(f"{length_s:>10} s {auroc:>7.4f} {sensitivity:>12.3f} {specificity:>12.3f}")


def score_first_seconds(
    classifier: Classifier, records: list[Record], targets: NDArray[np.float32], *, length_s: float
) -> tuple[float, float, float]:
    """Return AUROC, sensitivity and specificity of the first class at its own threshold."""
    short = [
        replace(record, signal_mv=record.signal_mv[:, : round(length_s * record.rate_hz)])
        for record in records
    ]
    answers = classifier.predict(short, force=True)
    probabilities = np.array([answer.probabilities[0] for answer in answers])
    scores = binary_scores(targets, probabilities, threshold=float(classifier.thresholds[0]))
    return scores["auroc"], scores["recall"], scores["specificity"]


if __name__ == "__main__":
    typer.run(main)
