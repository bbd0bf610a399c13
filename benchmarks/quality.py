"""Rates of the quality checks: python -m benchmarks.quality STORE PTBXL_FOLDER [--quick]

Prints the tables of docs/quality.md: how often each check finds a real ECG that was disturbed on
purpose, its false alarms in folds 1 to 9, and both beside PTB-XL's own notes on quality.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from benchmarks.disturbances import DISTURBANCES, Disturbance
from ecgcam.data.ptbxl import read_table
from ecgcam.data.store import Store, open_store
from ecgcam.errors import RecordError
from ecgcam.signals.assessment import assess
from ecgcam.signals.record import Record

FOLDS = range(1, 10)
DISTURBED_FOLD = 9
DISTURBED, QUICK = 300, 100  # ECGs
NOTES = {  # PTB-XL's columns, and the findings that mean the same
    "baseline_drift": ("baseline wander",),
    "static_noise": ("high noise", "mains"),
    "burst_noise": ("high noise",),
    "electrodes_problems": ("flat", "stuck", "no beats", "unusable leads", "electrodes swapped"),
    "pacemaker": ("pacing",),
}

REFUSED, WARNED = "any: refused", "any: warned"


def main(
    store: Path,
    ptbxl_folder: Path,
    quick: Annotated[bool, typer.Option(help="Fold 9 only, and 100 disturbed ECGs.")] = False,
) -> None:
    """Print the rates of all quality checks."""
    opened = open_store(store)
    indices = opened.indices(folds=[DISTURBED_FOLD] if quick else FOLDS)
    fold = opened.indices(folds=[DISTURBED_FOLD])
    print_detection(opened, fold[:: len(fold) // (QUICK if quick else DISTURBED)])
    outcomes = [outcome(opened.record(index)) for index in indices]
    print_false_alarms(outcomes)
    ids = opened.records["id"].iloc[indices].astype(int)
    print_notes(read_table(ptbxl_folder).set_index("ecg_id").loc[ids], outcomes)


def print_detection(store: Store, indices: Sequence[int]) -> None:
    """Print how often each disturbance is named, and how often the ECG is refused."""
    typer.echo(f"| check | disturbance of {len(indices)} ECGs of fold 9 | named | refused |")
    typer.echo("|---|---|---:|---:|")
    for number, disturbance in enumerate(DISTURBANCES):
        outcomes = [
            outcome_of(disturbance, store.record(index), np.random.default_rng([number, index]))
            for index in indices
        ]
        hits = [disturbance.finding in found for found in outcomes]
        refused = [REFUSED in found for found in outcomes]
        rates = f"{np.mean(hits):.1%} | {np.mean(refused):.1%}"
        typer.echo(f"| {disturbance.finding} | {disturbance.text} | {rates} |")


def outcome_of(disturbance: Disturbance, record: Record, rng: np.random.Generator) -> set[str]:
    """Return the outcome of a disturbed ECG."""
    try:
        disturbed = disturbance.apply(record, rng)
    except RecordError:  # of the samples themselves
        return {disturbance.finding, REFUSED}
    said = {disturbance.finding} if len(disturbed.warnings) > len(record.warnings) else set()
    return outcome(disturbed) | said


def outcome(record: Record) -> set[str]:
    """Return the names of the findings of an ECG, and whether it is refused or warned."""
    findings = assess(record)
    refuses = any(finding.refuses for finding in findings)
    names = {finding.name for finding in findings}
    return names | ({REFUSED} if refuses else {WARNED} if names else set())


def print_false_alarms(outcomes: Sequence[set[str]]) -> None:
    """Print how often each finding is in the ECGs as they are."""
    counts = Counter(name for found in outcomes for name in found)
    typer.echo(f"\n| finding | in {len(outcomes):,} ECGs of PTB-XL |\n|---|---:|")
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        typer.echo(f"| {name} | {count / len(outcomes):.2%} |")


def print_notes(table: pd.DataFrame, outcomes: Sequence[set[str]]) -> None:
    """Print how often the findings are in ECGs with and without each note of PTB-XL."""
    typer.echo("\n| PTB-XL's column | ECGs | findings | found with it | without it |")
    typer.echo("|---|---:|---|---:|---:|")
    for column, names in NOTES.items():
        noted = table[column].fillna("").astype(str).str.strip().ne("").to_numpy()
        hits = np.array([bool(found & set(names)) for found in outcomes])
        rates = f"{_rate(hits[noted])} | {_rate(hits[~noted])}"
        typer.echo(f"| `{column}` | {noted.sum()} | {', '.join(names)} | {rates} |")


def _rate(hits: NDArray[np.bool_]) -> str:
    return f"{hits.mean():.1%}" if hits.size else "–"


if __name__ == "__main__":
    typer.run(main)
