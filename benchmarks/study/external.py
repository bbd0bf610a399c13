"""Scores on ECGs of other hospitals: labels.csv and SOURCE.npz, as a folder.

    python benchmarks/study/external.py MODEL FOLDER

Measure only: nothing may be trained or chosen on them. Normal ECGs count as negative and those with
a superclass as positive; ECGs with a rhythm alone or a minor finding are left out. A statement that
labels.csv knows by another abbreviation is scored on all ECGs.
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecgcam.evaluation.metrics import binary_scores
from ecgcam.inference.classifier import Classifier
from ecgcam.inference.loading import load
from ecgcam.signals.leads import lead_order

REPLICATES = 1000
FEWEST = 5  # positive ECGs of a statement
ABBREVIATIONS = {
    "AFIB": {"AF"},
    "PVC": {"VEB", "PVC"},
    "PAC": {"PAC"},
    "STACH": {"STach"},
    "SBRAD": {"SB"},
    "1AVB": {"IAVB"},
    "CLBBB": {"LBBB"},
    "CRBBB": {"RBBB"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    scores = external_scores(load(arguments.model), arguments.folder)
    sys.stdout.write(json.dumps(scores, indent=1) + "\n")


def external_scores(classifier: Classifier, folder: Path) -> dict[str, Any]:
    """Return AUROC with its interval, sensitivity and specificity of each class.

    The interval is of a bootstrap over ECGs, 1,000 replicates.
    """
    logits, labels = predict(classifier, folder)
    probabilities = classifier.probabilities(logits)
    clear = np.array([row["kind"] in ("normal", "abnormal") for row in labels])
    scores = {}
    for k, name in enumerate(classifier.classes):
        statement = name in ABBREVIATIONS
        kept = np.ones_like(clear) if statement else clear
        target = np.array([_is_positive(name, row) for row in labels])[kept]
        if (FEWEST if statement else 1) <= target.sum() < len(target):
            probability = probabilities[kept, k]
            yes = probability >= classifier.thresholds[k]
            scores[name] = {
                "auroc": _auroc(target, probability),
                "auroc_ci": _interval(target, probability),
                "sensitivity": float(yes[target].mean()),
                "specificity": float((~yes[~target]).mean()),
                "positives": int(target.sum()),
            }
    return {"ecgs": len(labels), "clear_ecgs": int(clear.sum()), "classes": scores}


def predict(
    classifier: Classifier, folder: Path
) -> tuple[NDArray[np.float32], list[dict[str, str]]]:
    """Return the logits (ecgs, classes) of all ECGs of a folder, and their rows of labels.csv."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    logits, labels = [], []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as arrays:
            order = lead_order(arrays["leads"].tolist(), classifier.leads)
            signals_mv = arrays["signals_uv"][:, order].astype(np.float32) / 1000
            logits.append(classifier.run(signals_mv).logits)
            labels += [rows[name] for name in arrays["ids"].tolist()]
    return np.concatenate(logits), labels


def _is_positive(name: str, row: dict[str, str]) -> bool:
    if name == "ABNORMAL":
        return row["kind"] == "abnormal"
    if name in ABBREVIATIONS:
        return bool(ABBREVIATIONS[name].intersection(row["dx"].split(";")))
    return name in row["superclasses"].split(";")


def _auroc(target: NDArray[np.bool_], probability: NDArray[np.float32]) -> float:
    return binary_scores(target.astype(np.float32), probability)["auroc"]


def _interval(target: NDArray[np.bool_], probability: NDArray[np.float32]) -> list[float]:
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, len(target), (REPLICATES, len(target)))
    scores = [_auroc(target[rows], probability[rows]) for rows in drawn if target[rows].any()]
    return [float(bound) for bound in np.nanpercentile(scores, (2.5, 97.5))]


if __name__ == "__main__":
    main()
