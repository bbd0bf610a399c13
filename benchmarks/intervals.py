"""How well ecgcam measures, on LUDB: python -m benchmarks.intervals LUDB [--weights DIR]

Compares PR, QRS and QT of LUDB's records 1 to 120 with the cardiologists' marks, joined over leads
as in benchmarks/delineation.py, and the QRS axis with their words. --weights: as there. Prints a
table of Markdown.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from benchmarks.delineation import joined, probability_of
from benchmarks.ludb import RECORDS, Marks, ludb_ecg
from ecgcam.signals.intervals import intervals_ms, measure
from ecgcam.signals.waves import WAVES, assemble_beats, wave_stretches

NAMES = {"pr_ms": "PR", "qrs_ms": "QRS", "qt_ms": "QT"}
AXES = {  # degrees, in the words of LUDB
    "left axis deviation": (-90, 0),
    "horizontal": (-30, 45),
    "normal": (0, 90),
    "vertical": (60, 110),
    "right axis deviation": (90, 180),
}


def main(ludb: Path, weights: Annotated[Path | None, typer.Option()] = None) -> None:
    """Measure all records and print bias and SD of each interval, and how many axes are right."""
    measured, marked = [], []
    for number in RECORDS:
        record, marks = ludb_ecg(ludb, number)
        probability = probability_of(record, weights)
        waves = assemble_beats(*(wave_stretches(probability, wave) for wave in WAVES))
        measured.append(measure(record, waves).to_dict())
        marked.append(marked_intervals(marks, record.duration_s))
    typer.echo(
        interval_table(pd.DataFrame(measured, dtype=float), pd.DataFrame(marked, dtype=float))
    )
    words = pd.read_csv(ludb / "ludb.csv", index_col="ID")["Electric axis of the heart"]
    axes_deg = pd.DataFrame(measured, index=RECORDS, dtype=float)["axis_deg"].dropna()
    for word, (low, high) in AXES.items():
        of_word = axes_deg[words.reindex(axes_deg.index).str.contains(word, na=False)]
        right = int(of_word.between(low - 15, high + 15).sum())
        typer.echo(f"axis {word} ({low} to {high}°): {right} of {len(of_word)} within 15°")


def interval_table(measured: pd.DataFrame, marked: pd.DataFrame) -> str:
    """Return bias and SD of each of NAMES as a table of Markdown; NaN: not measured, not marked."""
    lines = ["| | ECGs | mean error ± SD | not measured |", "|---|---|---|---|"]
    for name, title in NAMES.items():
        known = marked[name].notna()
        errors_ms = (measured[name] - marked[name]).dropna()
        bias = f"{errors_ms.mean():+.0f} ± {errors_ms.std(ddof=0):.0f} ms"
        missing = f"{measured[name][known].isna().sum()} of {known.sum()}"
        lines.append(f"| {title} | {len(errors_ms)} | {bias} | {missing} |")
    return "\n".join(lines)


def marked_intervals(marks: list[Marks], duration_s: float) -> dict[str, float | None]:
    """Return the medians of PR, QRS and QT over the marked beats; None with fewer than three."""
    found = joined(marks, duration_s)
    waves = assemble_beats(*([(*pair, 1.0) for pair in found[wave].tolist()] for wave in WAVES))
    each = intervals_ms(waves.times_s)
    return {name: _median(each[key]) for name, key in NAMES.items()}


def _median(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size >= 3 else None


if __name__ == "__main__":
    typer.run(main)
