"""LUDB: its ECGs, and the waves that cardiologists marked in each lead."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgcam.signals.record import Record

RECORDS = range(1, 121)
WAVES = {"p": "P", "N": "QRS", "t": "T"}

Marks = dict[str, NDArray[np.float64]]  # wave -> (waves, 2): onset and offset in seconds


def ludb_ecg(folder: Path, number: int) -> tuple[Record, list[Marks]]:
    """Return a record of LUDB and the marks of each of its leads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses features that newer versions of pandas warn of
        import wfdb

        path = str(folder / "data" / str(number))
        ecg = wfdb.rdrecord(path)
        marks = [_marks(wfdb.rdann(path, lead), ecg.fs) for lead in ecg.sig_name]
    leads = tuple(ecg.sig_name)
    record = Record(signal_mv=ecg.p_signal.T, rate_hz=ecg.fs, leads=leads, name=str(number))
    return record, marks


def _marks(annotation: object, rate_hz: float) -> Marks:
    """Return the waves of one lead that have an onset, a peak and an offset."""
    samples, symbols = annotation.sample, annotation.symbol  # type: ignore[attr-defined]
    found: dict[str, list[tuple[float, float]]] = {wave: [] for wave in WAVES.values()}
    for k in range(1, len(symbols) - 1):
        if symbols[k] in WAVES and symbols[k - 1] == "(" and symbols[k + 1] == ")":
            found[WAVES[symbols[k]]].append((samples[k - 1], samples[k + 1]))
    return {wave: np.array(pairs, float).reshape(-1, 2) / rate_hz for wave, pairs in found.items()}
