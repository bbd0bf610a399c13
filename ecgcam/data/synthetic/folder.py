"""A PTB-XL-shaped folder of made-up ECGs whose abnormal stretches are known.

What the hearts do is told in heart, people and disorders, what the folder is good for and what
not in docs/synthetic-ecgs.md.
"""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from ...errors import DatasetError
from ...signals.record import Record
from ..ptbxl import STATEMENTS, TABLE
from .diagnoses import DISORDERS, NORMAL
from .ecg import Interval, SyntheticEcg, synthetic_ecg
from .people import draw_person
from .ptbxl_tables import Row, database_row, statement_table, truth_table

TRUTH = "truth.csv"
FOLDS = 10

_SINGLES = {NORMAL: 45.0, "PVC": 4.0, "IMI": 4.0, "NDT": 4.0, "NST_": 3.0, "LVH": 3.0, "1AVB": 3.0}
_ANOTHER_SINGLE, _A_PAIR = 2.0, 0.8  # the weight of each; all weights together are about 100
_PAIRS = (
    ("IMI", "LAFB"),
    ("IMI", "PVC"),
    ("IMI", "1AVB"),
    ("ASMI", "ISCAL"),
    ("AMI", "CRBBB"),
    ("LVH", "ISC_"),
    ("LVH", "LAO/LAE"),
    ("LVH", "1AVB"),
    ("CRBBB", "LAFB"),
    ("CLBBB", "1AVB"),
    ("NDT", "PVC"),
)
_CASES: dict[tuple[str, ...], float] = {
    **{(code,): _SINGLES.get(code, _ANOTHER_SINGLE) for code in (NORMAL, *DISORDERS)},
    **dict.fromkeys(_PAIRS, _A_PAIR),
}
_LICENSE = """\
These ECGs are made up: ecgcam computed them. No person was ever recorded; every number, date and
finding in the tables was drawn by chance. They may be used for anything (CC0 1.0). They do not
tell how well a model does on people.
"""


def synthesize(
    dest: Path,
    records: int = 600,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a folder of made-up ECGs, laid out as PTB-XL at 100 Hz, with `truth.csv`.

    The same seed gives the same bytes, and the first records are the same however many there
    are. `progress(done, records)` is called after each. Written beside `dest` and moved there
    when whole. Raises DatasetError if something is there already.
    """
    if records < 1:
        raise ValueError(f"records must be at least 1, got {records}")
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise DatasetError(f"{dest}: something is there already; needed: a new or empty folder.")
    if dest.exists() and dest.resolve() == Path.cwd():  # which would be taken away
        raise DatasetError(f"{dest}: this is the current folder; expected another one.")
    dest.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=dest.parent, prefix=f".{dest.name}-") as scratch:
        whole = Path(scratch) / "whole"
        _write_folder(whole, records, seed, progress)
        if dest.exists():
            dest.rmdir()
        whole.rename(dest)
    return dest


def _write_folder(
    folder: Path, records: int, seed: int, progress: Callable[[int, int], None] | None
) -> None:
    rows: list[Row] = []
    truth: list[tuple[int, Interval]] = []
    for ecg_id, (patient, made, rng) in enumerate(islice(_visits(seed), records), start=1):
        row = database_row(ecg_id, patient, 1 + patient % FOLDS, made, rng)
        _write_wfdb(folder / str(row["filename_lr"]), made.record)
        rows.append(row)
        truth += [(ecg_id, interval) for interval in made.truth]
        if progress:
            progress(ecg_id, records)
    pd.DataFrame(rows).to_csv(folder / TABLE, index=False)
    statement_table().to_csv(folder / STATEMENTS)
    truth_table(truth).to_csv(folder / TRUTH, index=False)
    (folder / "LICENSE.txt").write_text(_LICENSE, encoding="utf-8")
    (folder / "SHA256SUMS.txt").write_text(_checksums(folder), encoding="utf-8")


def _checksums(folder: Path) -> str:
    """A line for each file: its SHA-256 and its path within the folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = ((hashlib.sha256(path.read_bytes()).hexdigest(), path) for path in files)
    return "".join(f"{digest} {path.relative_to(folder).as_posix()}\n" for digest, path in sums)


def _visits(seed: int) -> Iterator[tuple[int, SyntheticEcg, np.random.Generator]]:
    """Patients without end, one in five recorded again: (patient, ECG, chance for its row).

    Each patient has chance of their own, so no record depends on how many come after it.
    """
    cases, weights = list(_CASES), np.array(list(_CASES.values()))
    for patient in count(1):
        rng = np.random.default_rng([seed, patient])
        case = cases[rng.choice(len(cases), p=weights / weights.sum())]
        person = draw_person(rng, mean_age_years=52 if case == (NORMAL,) else 63)
        for _ in range(rng.choice([1, 2, 3], p=[0.8, 0.15, 0.05])):
            yield patient, synthetic_ecg(rng, case, person=person), rng


def _write_wfdb(stem: Path, record: Record) -> None:
    """The record as PTB-XL stores it: 16 bits, 1 unit = 1 uV, the leads interleaved.

    The library wfdb writes the same bytes (a test holds us to it), in 80 ms instead of 0.3.
    """
    samples = np.round(1000 * record.signal_mv.T).astype("<i2")  # (time, leads)
    lines = [f"{stem.name} {len(record.leads)} {record.rate_hz:g} {len(samples)}"]
    for lead, column in zip(record.leads, samples.T, strict=True):
        checksum = int(column.sum(dtype=np.int64)) % 65536
        lines.append(
            f"{stem.name}.dat 16 1000.0(0)/mV 16 0 {column[0]} {checksum} 0 {lead.upper()}"
        )
    stem.parent.mkdir(parents=True, exist_ok=True)
    stem.with_suffix(".dat").write_bytes(samples.tobytes())
    stem.with_suffix(".hea").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
