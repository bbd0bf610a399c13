"""Datasets of any kind: PTB-XL, a CSV table, or a folder of ECG files."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import DatasetError
from .csv_cells import lists_ecgs
from .csv_table import read_csv_table
from .ecg_folder import read_ecg_folder
from .ptbxl import is_ptbxl, read_folder
from .ptbxl_layout import STATEMENTS, TABLE
from .source import Source


def open_dataset(
    path: Path,
    *,
    labels: Sequence[str] = (),
    seed: int = 0,
    keep_identity: bool = False,
    ptbxl_rate_hz: float = 100,
) -> Source:
    """Read the tables of a dataset, and no signals.

    labels, seed, keep_identity: see read_csv_table and read_ecg_folder. ptbxl_rate_hz: which files
    of PTB-XL. Raises DatasetError if it is no dataset, and as its reader does.
    """
    if path.name == TABLE and (path.parent / STATEMENTS).is_file():
        path = path.parent
    if path.is_dir() and is_ptbxl(path):
        return read_folder(path, rate_hz=ptbxl_rate_hz)
    if path.is_dir():
        return read_ecg_folder(path, labels=labels, seed=seed)
    if path.is_file() and (path.suffix.lower() == ".csv" or lists_ecgs(path)):
        return read_csv_table(path, labels=labels, seed=seed, keep_identity=keep_identity)
    raise DatasetError(
        f"{path}: not a dataset; expected a folder of ECGs, as PTB-XL's, or a .csv table that "
        "lists your ECGs."
    )
