"""Fit the weights of ecgcam/signals/pacing.py: python -m benchmarks.fit_pacing STORE

Uses folds 1 to 8, and the statement PACE. Prints the text of ecgcam/signals/pacing_weights.py.
"""

from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.fit_swaps import average_beat
from ecgcam.data.store import open_store
from ecgcam.signals.pacing import shape_features

FALSE_ALARMS = 0.005  # of the ECGs of these folds that are not paced
LABEL = "rhythm:PACE"


def main(store: Path) -> None:
    """Print the weights and the limit."""
    opened = open_store(store)
    indices = opened.indices(folds=range(1, 9))
    beats = [average_beat(opened, index) for index in indices]
    features = np.stack([shape_features(beat) for beat in beats if beat is not None])
    labels = opened.records["labels"].iloc[indices]
    paced = np.array([LABEL in of_ecg for of_ecg in labels])
    paced = paced[[beat is not None for beat in beats]]
    weights, limit = fit(features, paced)
    typer.echo('"""Weights of pacing.py, fitted by benchmarks/fit_pacing.py on PTB-XL."""\n')
    typer.echo("# Curvature in each interval, slope in each, width, center, constant.")
    typer.echo(f"WEIGHTS = ({', '.join(f'{weight:.3f}' for weight in weights)})")
    typer.echo(f"LIMIT = {limit:.2f}")


def fit(
    features: NDArray[np.float64], paced: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """Fit a logistic regression of paced against other ECGs; its limit is a quantile."""
    spread = np.append(features[:, :-1].std(axis=0), 1.0)
    model = LogisticRegression(C=0.02, max_iter=1000, fit_intercept=False, class_weight="balanced")
    centered = features - np.append(features[:, :-1].mean(axis=0), 0.0)
    coefficients = model.fit(centered / spread, paced).coef_[0] / spread
    coefficients[-1] -= features[:, :-1].mean(axis=0) @ coefficients[:-1]
    coefficients = coefficients.round(3)
    return coefficients, float(np.quantile((features @ coefficients)[~paced], 1 - FALSE_ALARMS))


if __name__ == "__main__":
    typer.run(main)
