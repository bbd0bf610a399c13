"""Folders with PTB-XL's layout and any number of synthetic ECGs, written quickly."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecgcam.data.ptbxl import STATEMENTS, TABLE, read_table

_A_FOLDER = 1000  # records in each subfolder, as in PTB-XL


def write_made_up(dest: Path, records: int, *, base: Path) -> Path:
    """Write a folder of many ECGs: those of a synthetic folder repeated, with new patients.

    Each repetition starts a sample later and ends with the ECG's start, because `prepare` stores
    equal signals once.
    """
    table = read_table(base)
    files = [_files(base / name) for name in table["filename_lr"]]
    rows = _repeated(table, records)
    dest.mkdir()
    rows.to_csv(dest / TABLE, index=False)
    (dest / STATEMENTS).write_bytes((base / STATEMENTS).read_bytes())
    for k, name in enumerate(rows["filename_lr"]):
        stem = dest / name
        stem.parent.mkdir(parents=True, exist_ok=True)
        old, header, samples = files[k % len(files)]
        stem.with_suffix(".hea").write_text(header.replace(old, stem.name), encoding="utf-8")
        later = np.roll(samples, -(k // len(files)), axis=0)  # keeps the checksums
        stem.with_suffix(".dat").write_bytes(later.tobytes())
    return dest


def _files(stem: Path) -> tuple[str, str, NDArray[np.int16]]:
    """Return the name, the header and the samples (time, leads) of a WFDB record."""
    header = stem.with_suffix(".hea").read_text(encoding="utf-8")
    samples = np.fromfile(stem.with_suffix(".dat"), "<i2")
    return stem.name, header, samples.reshape(-1, int(header.split()[1]))


def _repeated(table: pd.DataFrame, records: int) -> pd.DataFrame:
    """Repeat the rows with new ids and patients."""
    number = np.arange(records)
    rows = table.iloc[number % len(table)].reset_index(drop=True)
    rows["ecg_id"] = number + 1
    rows["patient_id"] += number // len(table) * (table["patient_id"].max() + 1)
    rows["filename_lr"] = [
        f"records100/{k // _A_FOLDER * _A_FOLDER:05d}/{k:05d}_lr" for k in number + 1
    ]
    return rows
