"""Fit the weights of ecgcam/signals/swaps.py: python -m benchmarks.fit_swaps STORE

Uses folds 1 to 8. Prints the text of ecgcam/signals/swap_weights.py.
"""

from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ecgcam.data.store import Store, open_store
from ecgcam.signals.beats import cut_beats, r_peaks, remove_baseline
from ecgcam.signals.swaps import INDEPENDENT, WAVES_S, error_gains, fit_predictors, swap

PAIRS = (
    *(("RA", "LA"), ("RA", "LL"), ("LA", "LL")),
    *((f"V{k}", f"V{k + 1}") for k in range(1, 6)),
)
FALSE_ALARMS = 0.002  # of the ECGs of these folds, for each pair
MORE_FALSE_ALARMS = {("V5", "V6"): 0.003}  # the leads are much alike

Floats = NDArray[np.float64]


def main(store: Path) -> None:
    """Print the weights and limits."""
    opened = open_store(store)
    indices = opened.indices(folds=range(1, 9))
    beats = np.stack(
        [beat for index in indices if (beat := average_beat(opened, index)) is not None]
    )
    typer.echo(
        '"""Weights of swaps.py, fitted by benchmarks/fit_swaps.py on folds 1 to 8 of PTB-XL."""\n'
    )
    typer.echo(
        "# For each wave: the weight of each lead (column) in the prediction of each lead (row)."
    )
    predictors = {wave: fit_predictors(beats, wave).round(3) for wave in WAVES_S}
    print_matrices(predictors)
    typer.echo(
        "\n# For each pair of electrodes: the weights of the errors, and the limit of the score."
    )
    typer.echo("SWAP_WEIGHTS = {")
    for pair in PAIRS:
        coefficients, limit = fit_pair(beats, pair, predictors)
        numbers = ", ".join(f"{number:.3f}" for number in coefficients)
        typer.echo(f"    {pair}: (({numbers}), {limit:.2f}),".replace("'", '"'))
    typer.echo("}")


def average_beat(store: Store, index: int) -> Floats | None:
    """Return the median beat (leads, time) of a record; None with fewer than three beats."""
    record = store.record(index).with_leads(INDEPENDENT)
    beats = cut_beats(remove_baseline(record.signal_mv), r_peaks(record), smooth=False)
    return np.median(beats, axis=1) if beats.shape[1] >= 3 else None


def fit_pair(
    beats: Floats, pair: tuple[str, str], predictors: dict[str, Floats]
) -> tuple[Floats, float]:
    """Fit a logistic regression of swapped against unchanged ECGs; its limit is a quantile."""
    unchanged, swapped = (
        error_gains(each, pair, predictors) for each in (beats, swap(pair) @ beats)
    )
    targets = np.repeat([0, 1], len(beats))
    model = LogisticRegression(C=1.0, fit_intercept=False, max_iter=1000)
    coefficients = model.fit(np.concatenate([unchanged, swapped]), targets).coef_[0].round(3)
    return coefficients, float(
        np.quantile(unchanged @ coefficients, 1 - MORE_FALSE_ALARMS.get(pair, FALSE_ALARMS))
    )


def print_matrices(weights: dict[str, Floats]) -> None:
    """Print a dictionary of matrices as Python."""
    typer.echo("LEAD_WEIGHTS = {")
    for wave, matrix in weights.items():
        typer.echo(f'    "{wave}": (')
        for row in matrix.tolist():
            typer.echo(f"        ({', '.join(f'{number:.3f}' for number in row)}),")
        typer.echo("    ),")
    typer.echo("}")


if __name__ == "__main__":
    typer.run(main)
