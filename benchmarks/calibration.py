"""What calibration holds on other patients: python benchmarks/calibration.py MODEL STORE

Splits the patients of fold 9 in two at random, again and again: what one half chooses is measured
on the other. A line a score: the mean over the splits, and in brackets where 95 % of them lie.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import typer
from numpy.typing import NDArray

from ecgcam.data.store import open_store
from ecgcam.evaluation.calibration import expected_calibration_error, fit_shifts
from ecgcam.evaluation.calibrator import calibrated, shifted
from ecgcam.evaluation.choices import CalibrateConfig
from ecgcam.evaluation.fold_predictions import FoldPredictions, predict_folds
from ecgcam.evaluation.trust_scores import BINS, trust_scores
from ecgcam.inference.classifier import load, to_probabilities
from ecgcam.inference.decisions import OperatingPoints

SPLITS = 200


def main(model: str, store: Path) -> None:
    """What calibration holds on other patients of fold 9, a line a score."""
    typer.echo(lines(model, store))


def lines(model: str, store: Path) -> str:
    """Every score of the model's first class, a line each."""
    judged = predict_folds(load(model), open_store(store), folds=[9])
    patients = judged.store.records["patient"].to_numpy()[judged.indices]
    names, rng = np.unique(patients), np.random.default_rng(0)
    found: dict[str, list[float]] = {}
    for _ in range(SPLITS):
        half = np.isin(patients, rng.permutation(names)[: names.size // 2])
        for name, value in flat(measured(judged, half, rng)):
            found.setdefault(name, []).append(value)
    said = []
    for name, values in found.items():
        low, high = np.percentile(values, [2.5, 97.5])
        said.append(f"{name:<50} {np.mean(values):.3f} [{low:.3f}, {high:.3f}]")
    return "\n".join(said)


def measured(
    judged: FoldPredictions, half: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Any]:
    """What the records at `half` choose, as the others score it; and these uncalibrated.

    `by chance` is the calibration error if the probabilities were the truth.
    """
    parts = ("numbers", "targets", "logits", "probabilities")
    chooses = replace(judged, **{part: getattr(judged, part)[half] for part in parts})
    shifts = fit_shifts(chooses.targets, chooses.logits)
    card = calibrated(shifted(chooses, shifts.tolist()), CalibrateConfig())
    points = OperatingPoints.from_card(card)
    temperature, exclusive = card["temperature"], judged.classifier.exclusive
    once = np.ones((1, (~half).sum()), np.float32)  # no bootstrap: the splits show the spread
    targets, logits = judged.targets[~half, 0], judged.logits[~half] + np.float32(shifts)
    before = trust_scores(
        targets, judged.probabilities[~half, 0], threshold=0.5, chosen=None, counts=once
    )
    probabilities = to_probabilities(logits, temperature=temperature, exclusive=exclusive)[:, 0]
    drawn = rng.random(targets.size) < probabilities
    after = trust_scores(
        targets,
        probabilities,
        threshold=card["thresholds"][0],
        chosen=points.classes[card["classes"][0]] if points else None,
        counts=once,
    )
    by_chance = expected_calibration_error(drawn, probabilities, bins=BINS)
    fitted = {"shift": float(shifts[0]), "temperature": temperature}
    return {**fitted, "before": before, "after": after, "by chance": by_chance}


def flat(scores: dict[str, Any], path: str = "") -> Iterator[tuple[str, float]]:
    """Each number with the names that lead to it."""
    for name, value in scores.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{name} ")
        elif not name.endswith("_ci"):
            yield f"{path}{name}", value


if __name__ == "__main__":
    typer.run(main)
