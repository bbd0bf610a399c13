"""Rates of the quality checks: python -m benchmarks.quality STORE PTBXL_FOLDER [--quick] [--jobs N]

Prints the tables of docs/quality.md: how often each check finds a real ECG that was disturbed on
purpose, its false alarms in folds 1 to 9, and both beside PTB-XL's own notes on quality.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from benchmarks.disturbances import DISTURBANCES, Disturbance
from ecgcam.data.ptbxl import read_table
from ecgcam.data.store import open_store
from ecgcam.errors import RecordError
from ecgcam.signals.assessment import assess
from ecgcam.signals.record import Record

FOLDS = range(1, 10)
DISTURBED_FOLD = 9
DISTURBED, QUICK = 200, 50  # ECGs
PART = 100  # ECGs that a process assesses at a time
NOTES = {  # PTB-XL's columns, and the findings that mean the same
    "baseline_drift": ("baseline wander",),
    "static_noise": ("high noise", "mains"),
    "burst_noise": ("high noise",),
    "electrodes_problems": ("flat", "stuck", "no beats", "unusable leads", "electrodes swapped"),
    "pacemaker": ("pacing",),
}

Outcome = set[str]  # names of findings, and one of the next two

REFUSED, WARNED = "any: refused", "any: warned"


def main(
    store: Path,
    ptbxl_folder: Path,
    quick: Annotated[bool, typer.Option(help="Fold 9 only, and 50 disturbed ECGs.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Print the rates of all quality checks."""
    opened = open_store(store)
    fold = opened.indices(folds=[DISTURBED_FOLD])
    indices = fold if quick else opened.indices(folds=FOLDS)
    disturbed = fold[:: len(fold) // (QUICK if quick else DISTURBED)]
    with ProcessPoolExecutor(jobs) as pool:
        print_detection(
            list(pool.map(partial(disturb, store, disturbed), range(len(DISTURBANCES))))
        )
        parts = np.array_split(indices, len(indices) // PART + 1)
        outcomes = list(chain(*pool.map(partial(assess_part, store), parts)))
    print_false_alarms(outcomes)
    ids = opened.records["id"].iloc[indices].astype(int)
    print_notes(read_table(ptbxl_folder).set_index("ecg_id").loc[ids], outcomes)


def disturb(store: Path, indices: Sequence[int], number: int) -> list[Outcome]:
    """Return the outcome of each ECG after a disturbance."""
    opened, disturbance = open_store(store), DISTURBANCES[number]
    return [
        outcome_of(disturbance, opened.record(index), np.random.default_rng([number, index]))
        for index in indices
    ]


def assess_part(store: Path, indices: Sequence[int]) -> list[Outcome]:
    """Return the outcome of each ECG as it is."""
    opened = open_store(store)
    return [outcome(opened.record(index)) for index in indices]


def print_detection(outcomes: Sequence[Sequence[Outcome]]) -> None:
    """Print how often each disturbance is named, and how often the ECG is refused."""
    typer.echo(f"| finding | disturbance of {len(outcomes[0])} ECGs of fold 9 | named | refused |")
    typer.echo("|---|---|---:|---:|")
    for disturbance, of_disturbance in zip(DISTURBANCES, outcomes, strict=True):
        named = np.mean([disturbance.finding in found for found in of_disturbance])
        refused = np.mean([REFUSED in found for found in of_disturbance])
        typer.echo(f"| {disturbance.finding} | {disturbance.text} | {named:.0%} | {refused:.0%} |")


def outcome_of(disturbance: Disturbance, record: Record, rng: np.random.Generator) -> Outcome:
    """Return the outcome of a disturbed ECG."""
    try:
        disturbed = disturbance.apply(record, rng)
    except RecordError:  # of the samples themselves
        return {disturbance.finding, REFUSED}
    # What the Record itself mends, as a missing sample, is a warning and no finding.
    warned = len(disturbed.warnings) > len(record.warnings)
    return outcome(disturbed) | ({disturbance.finding} if warned else set())


def outcome(record: Record) -> Outcome:
    """Return the names of the findings of an ECG, and whether it is refused or warned."""
    findings = assess(record)
    refuses = any(finding.refuses for finding in findings)
    names = {finding.name for finding in findings}
    return names | ({REFUSED} if refuses else {WARNED} if names else set())


def print_false_alarms(outcomes: Sequence[Outcome]) -> None:
    """Print how often each finding is in the ECGs as they are."""
    counts = Counter(name for found in outcomes for name in found)
    typer.echo(f"\n| finding | in {len(outcomes):,} ECGs of PTB-XL |\n|---|---:|")
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        typer.echo(f"| {name} | {count / len(outcomes):.2%} |")


def print_notes(table: pd.DataFrame, outcomes: Sequence[Outcome]) -> None:
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
