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
    """Measure all records and print bias and SD of each interval."""
    errors: dict[str, list[float]] = {name: [] for name in NAMES}
    missing, marked = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
    words = pd.read_csv(ludb / "ludb.csv").set_index("ID")["Electric axis of the heart"]
    axes: list[tuple[str, float]] = []
    for number in RECORDS:
        record, marks = ludb_ecg(ludb, number)
        probability = probability_of(record, weights)
        waves = assemble_beats(*(wave_stretches(probability, wave) for wave in WAVES))
        measured = measure(record, waves).to_dict()
        expected = marked_intervals(marks, record.duration_s)
        for name in NAMES:
            value, mark = measured[name], expected[name]
            marked[name] += mark is not None
            if mark is not None and value is None:
                missing[name] += 1
            elif mark is not None and value is not None:
                errors[name].append(value - mark)
        if measured["axis_deg"] is not None and isinstance(words.get(number), str):
            axes.append((words[number], measured["axis_deg"]))
    typer.echo("| | ECGs | mean error ± SD | not measured |\n|---|---|---|---|")
    for name, own in errors.items():
        bias = f"{np.mean(own):+.0f} ± {np.std(own):.0f} ms"
        typer.echo(f"| {NAMES[name]} | {len(own)} | {bias} | {missing[name]} of {marked[name]} |")
    for word, (low, high) in AXES.items():
        of_word = [axis for text, axis in axes if word in text]
        right = sum(low - 15 <= axis <= high + 15 for axis in of_word)
        typer.echo(f"axis {word} ({low} to {high}°): {right} of {len(of_word)} within 15°")


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
