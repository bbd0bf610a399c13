"""How well calibration holds for other patients: python benchmarks/calibration.py MODEL STORE

Splits the patients of fold 9 into two random halves, many times: one half chooses thresholds, band
and conformal limits, the other measures them. Prints one line per score: the mean over the splits,
and in brackets the range of 95 % of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from ecgcam.data.store import open_store
from ecgcam.evaluation.calibration import expected_calibration_error, fit_shifts
from ecgcam.evaluation.calibration_scores import BINS, calibration_scores
from ecgcam.evaluation.calibrator import CalibrateConfig, calibrated_card, shift_logits
from ecgcam.evaluation.fold_predictions import FoldPredictions, predict_folds
from ecgcam.inference.classifier import to_probabilities
from ecgcam.inference.decisions import OperatingPoints
from ecgcam.inference.loading import load

SPLITS = 200


def main(model: str, store: Path) -> None:
    """Print the calibration scores of the model's first class on other patients of fold 9."""
    typer.echo(summarize(model, store))


def summarize(model: str, store: Path) -> str:
    """Return one line per score, over all splits."""
    predictions = predict_folds(load(model), open_store(store), folds=[9])
    patients, rng = np.unique(predictions.patients), np.random.default_rng(0)
    values_of: dict[str, list[float]] = {}
    for _ in range(SPLITS):
        half = np.isin(predictions.patients, rng.permutation(patients)[: patients.size // 2])
        for name, value in flatten(measure_split(predictions, half, rng)):
            values_of.setdefault(name, []).append(value)
    lines = []
    for name, values in values_of.items():
        low, high = np.percentile(values, [2.5, 97.5])
        lines.append(f"{name:<50} {np.mean(values):.3f} [{low:.3f}, {high:.3f}]")
    return "\n".join(lines)


def measure_split(
    predictions: FoldPredictions, half: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Any]:
    """Calibrate on one half (n,) of the records; score the others before and after.

    `by chance` is the calibration error if the probabilities were exact.
    """
    chooses, scored = predictions.subset(half), predictions.subset(~half)
    shifts = fit_shifts(chooses.targets, chooses.logits)
    card = calibrated_card(shift_logits(chooses, shifts.tolist()), CalibrateConfig())
    points = OperatingPoints.from_card(card)
    temperature, exclusive = card["temperature"], predictions.classifier.exclusive
    counts = np.ones((1, len(scored.targets)), np.float32)  # the splits show the spread
    targets, logits = scored.targets[:, 0], scored.logits + np.float32(shifts)
    before = calibration_scores(
        targets, scored.probabilities[:, 0], threshold=0.5, chosen=None, counts=counts
    )
    probabilities = to_probabilities(logits, temperature=temperature, exclusive=exclusive)[:, 0]
    exact = rng.random(targets.size) < probabilities
    after = calibration_scores(
        targets,
        probabilities,
        threshold=card["thresholds"][0],
        chosen=points.classes[card["classes"][0]] if points else None,
        counts=counts,
    )
    by_chance = expected_calibration_error(exact, probabilities, bins=BINS)
    fitted = {"shift": float(shifts[0]), "temperature": temperature}
    return {**fitted, "before": before, "after": after, "by chance": by_chance}


def flatten(scores: dict[str, Any], path: str = "") -> Iterator[tuple[str, float]]:
    """Yield each number with the path of names that leads to it."""
    for name, value in scores.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{path}{name} ")
        elif not name.endswith("_ci"):
            yield f"{path}{name}", value


if __name__ == "__main__":
    typer.run(main)
