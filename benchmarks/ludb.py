"""LUDB: its ECGs, and the waves that cardiologists marked in each lead."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgcam.explanation.ludb import read_marks
from ecgcam.readers.read import read
from ecgcam.signals.record import Record
from ecgcam.signals.waves import WAVES

RECORDS = range(1, 121)

Marks = dict[str, NDArray[np.float64]]  # wave -> (waves, 2): onset and offset in seconds


def ludb_ecg(folder: Path, number: int) -> tuple[Record, list[Marks]]:
    """Return a record of LUDB and the marks of each of its leads."""
    stem = folder / "data" / str(number)
    record = read(stem.with_suffix(".hea"))
    return record, [_by_wave(read_marks(stem, lead, record.rate_hz)) for lead in record.leads]


def _by_wave(marks: list[tuple[str, float, float]]) -> Marks:
    return {
        wave: np.array([times_s for name, *times_s in marks if name == wave]).reshape(-1, 2)
        for wave in WAVES
    }
