"""Fit the weights of ecgcam/signals/high_pass.py: python -m benchmarks.fit_high_pass STORE

Uses folds 1 to 8, as they are and after one-way high-pass filters of 0.5 to 1 Hz. Prints the text
of ecgcam/signals/high_pass_weights.py.
"""

from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ecgcam.data.store import open_store
from ecgcam.signals.beats import r_peaks
from ecgcam.signals.device_filters import filter_one_way
from ecgcam.signals.high_pass import drift_features
from ecgcam.signals.swaps import INDEPENDENT

FILTERS = tuple((order, cutoff_hz) for order in (1, 2) for cutoff_hz in (0.5, 0.67, 1.0))
FALSE_ALARMS = 0.025  # of the ECGs of these folds


Floats = NDArray[np.float64]


def main(store: Path) -> None:
    """Print the weights and the limit."""
    opened = open_store(store)
    plain, filtered, without = [], [], 0
    for k, index in enumerate(opened.indices(folds=range(1, 9))):
        record = opened.record(index).with_leads(INDEPENDENT)
        peaks = r_peaks(record)
        order, cutoff_hz = FILTERS[k % len(FILTERS)]
        signal_mv = filter_one_way(record.signal_mv, "high-pass", order, cutoff_hz, rate_hz=100)
        features = drift_features(record.signal_mv, peaks), drift_features(signal_mv, peaks)
        if features[0] is None or features[1] is None:
            without += 1
            continue
        plain.append(features[0])
        filtered.append(features[1])
    typer.echo(f"{without} ECGs have no rests", err=True)
    weights = fit(np.array(plain), np.array(filtered))
    quantile = 1 - FALSE_ALARMS * (len(plain) + without) / len(plain)
    limit = float(np.quantile(np.array(plain) @ weights, quantile))
    typer.echo('"""Weights of high_pass.py, fitted by benchmarks/fit_high_pass.py on PTB-XL."""\n')
    typer.echo("# Slow power (2), level (4), slope (4); the same for their squares; constant.")
    typer.echo(f"WEIGHTS = ({', '.join(f'{weight:.3f}' for weight in weights)})")
    typer.echo(f"LIMIT = {limit:.2f}")


def fit(plain: Floats, filtered: Floats) -> Floats:
    """Return the weights of a logistic regression; the last feature is constant."""
    features = np.concatenate([plain, filtered])
    mean = np.append(features[:, :-1].mean(axis=0), 0)
    spread = np.append(features[:, :-1].std(axis=0), 1)
    model = LogisticRegression(C=0.1, max_iter=3000, fit_intercept=False)
    targets = np.repeat([0, 1], [len(plain), len(filtered)])
    weights = model.fit((features - mean) / spread, targets).coef_[0] / spread
    weights[-1] -= mean @ weights
    return np.asarray(weights.round(3))


if __name__ == "__main__":
    typer.run(main)
