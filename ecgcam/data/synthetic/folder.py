"""A PTB-XL-like folder of synthetic ECGs with known abnormal intervals.

docs/synthetic-ecgs.md explains what the folder can and cannot be used for.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np

from ...errors import DatasetError
from ...files import atomic_folder, sha256
from ...signals.record import Record
from ..ptbxl_layout import STATEMENTS, TABLE
from .diagnoses import DISORDERS, NORMAL
from .ecg import SyntheticEcg, synthetic_ecg
from .people import draw_person
from .ptbxl_tables import TRUTH_COLUMNS, Row, database_row, statement_rows, truth_row

TRUTH = "truth.csv"
FOLDS = 10

_SINGLE_WEIGHTS = {
    NORMAL: 45.0, "PVC": 4.0, "IMI": 4.0, "NDT": 4.0, "NST_": 3.0, "LVH": 3.0, "1AVB": 3.0
}  # fmt: skip
_OTHER_SINGLE_WEIGHT, _PAIR_WEIGHT = 2.0, 0.8  # all weights together are about 100
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
_CASE_WEIGHTS: dict[tuple[str, ...], float] = {
    **{(code,): _SINGLE_WEIGHTS.get(code, _OTHER_SINGLE_WEIGHT) for code in (NORMAL, *DISORDERS)},
    **dict.fromkeys(_PAIRS, _PAIR_WEIGHT),
}
_LICENSE = """\
These ECGs are synthetic: ecgcam computed them. They were not recorded from any person; every
number, date and finding in the tables is random. They may be used for anything (CC0 1.0). They do
not show how well a model works on people.
"""


def synthesize(
    dest: Path,
    records: int = 600,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a folder of synthetic ECGs, laid out like PTB-XL at 100 Hz, with `truth.csv`.

    seed:     the same seed gives the same bytes, and the same first records for any `records`.
    progress: called after each record with the number of records done and of all records.

    The folder appears at `dest` when it is complete, or not at all.
    Raises DatasetError if `dest` exists and is not an empty folder.
    """
    if records < 1:
        raise ValueError(f"records must be at least 1, got {records}")
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise DatasetError(f"{dest}: exists already; expected a new or an empty folder.")
    if dest.exists() and dest.resolve() == Path.cwd():  # it would be replaced
        raise DatasetError(f"{dest}: this is the current folder; expected another one.")
    with atomic_folder(dest) as folder:
        _write_folder(folder, records, seed, progress)
    return dest


def _write_folder(
    folder: Path, records: int, seed: int, progress: Callable[[int, int], None] | None
) -> None:
    rows: list[Row] = []
    truth: list[Row] = []
    for ecg_id, (patient, ecg, rng) in enumerate(islice(_visits(seed), records), start=1):
        row = database_row(ecg_id, patient, 1 + patient % FOLDS, ecg, rng)
        _write_wfdb(folder / str(row["filename_lr"]), ecg.record)
        rows.append(row)
        truth += [truth_row(ecg_id, interval) for interval in ecg.truth]
        if progress:
            progress(ecg_id, records)
    statements = statement_rows()
    _write_csv(folder / TABLE, list(rows[0]), rows)
    _write_csv(folder / STATEMENTS, list(statements[0]), statements)
    _write_csv(folder / TRUTH, TRUTH_COLUMNS, truth)
    (folder / "LICENSE.txt").write_text(_LICENSE, encoding="utf-8")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = [f"{sha256(path)} {path.relative_to(folder).as_posix()}\n" for path in files]
    (folder / "SHA256SUMS.txt").write_text("".join(sums), encoding="utf-8")


def _write_csv(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write a table without pandas, which the plain install lacks; None is a blank cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _visits(seed: int) -> Iterator[tuple[int, SyntheticEcg, np.random.Generator]]:
    """Yield (patient, ECG, generator for its table row) without end.

    One patient in five is recorded again. Each patient has a separate random generator, so records
    do not depend on how many follow.
    """
    cases, weights = list(_CASE_WEIGHTS), np.array(list(_CASE_WEIGHTS.values()))
    for patient in count(1):
        rng = np.random.default_rng([seed, patient])
        case = cases[rng.choice(len(cases), p=weights / weights.sum())]
        person = draw_person(rng, mean_age_years=52 if case == (NORMAL,) else 63)
        for _ in range(rng.choice([1, 2, 3], p=[0.8, 0.15, 0.05])):
            yield patient, synthetic_ecg(rng, case, person=person), rng


def _write_wfdb(stem: Path, record: Record) -> None:
    """Write a record like PTB-XL's: 16 bits, 1 unit = 1 µV, interleaved leads.

    The library wfdb writes the same bytes (tested), in 80 ms instead of 0.3.
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
