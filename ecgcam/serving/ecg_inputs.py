"""Inputs of a prediction: the ECGs of folders, files, manifests and stores, each with an id.

The id is the path below the folder that all inputs share (of a WFDB record, without its suffix), so
that it leads back to the file and says nothing about the folders above. A manifest may give other
ids; a store has its own. Ids contain whatever the names of files and folders contain.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.csv_cells import PATH_NAMES, lists_ecgs, plain_name, read_cells, resolve_path
from ..errors import DatasetError
from ..readers.folders import find_ecg_files
from ..readers.wfdb16 import record_stem
from ..readers.wfdb_header import find_header

STORE_FILE = "store.json"
_MOST_NAMED = 5  # of files that are not ECGs


@dataclass(frozen=True, kw_only=True)
class Input:
    """One ECG to predict.

    id:     unique among all inputs.
    name:   for titles and file names: of a file that was named itself, its stem; else the id
            without a suffix.
    path:   its file, or the folder of its store.
    row:    its index in the store; None for a file.
    folder: what to remove from messages about the file.
    """

    id: str
    name: str
    path: str
    row: int | None = None
    folder: str = ""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """ECGs to predict, in a fixed order, and the files of the folders that are not ECGs."""

    ecgs: tuple[Input, ...]
    others: tuple[str, ...]

    @property
    def note_on_others(self) -> str:
        """A sentence on the files that are not ECGs; "" if there are none."""
        if not self.others:
            return ""
        named = ", ".join(self.others[:_MOST_NAMED])
        more = ", …" if len(self.others) > _MOST_NAMED else ""
        count = len(self.others)
        files = "1 file holds" if count == 1 else f"{count} files hold"
        return f"{files} no ECG that can be read, so left out: {named}{more}"


def find_inputs(sources: Sequence[Path]) -> Inputs:
    """Find the ECGs of folders, files, manifests (CSV tables with a column `path`) and stores.

    A source that does not exist is an ECG that cannot be read, unless it is the only one. Raises
    DatasetError if there is no ECG at all, or for an invalid manifest.
    """
    if not any(source.exists() or find_header(source) for source in sources):
        raise DatasetError(f"{', '.join(map(str, sources))}: no such file or folder.")
    ecgs: list[Input] = []
    others: list[str] = []
    common = _common_folder(sources)
    for source in sources:
        if (source / STORE_FILE).is_file():
            ecgs += inputs_of_store(source)
        elif source.is_dir():
            content = find_ecg_files(source)
            ecgs += (_of_file(path, common, inside=True) for path in content.ecgs)
            others += content.others
        elif lists_ecgs(source):
            ecgs += _of_manifest(source)
        else:
            ecgs.append(_of_file(_record_path(source), common))
    unique = _distinct(ecgs)
    if not unique:
        names = ", ".join(map(str, sources))
        raise DatasetError(f"{names}: no ECG found; expected files that `ecgcam read` can read.")
    return Inputs(ecgs=unique, others=tuple(others))


def _common_folder(sources: Sequence[Path]) -> Path:
    """Return the folder that all sources share, where ids begin."""
    folders = [path if path.is_dir() else path.parent for path in map(Path.absolute, sources)]
    return Path(os.path.commonpath(folders))


def _record_path(path: Path) -> Path:
    """Return the path of a WFDB record without its suffix, and that of any other file as it is."""
    header = find_header(path)
    return path if header is None else Path(record_stem(str(header)))


def _of_file(path: Path, common: Path, *, inside: bool = False) -> Input:
    """Return a file as an input. inside: whether it was found inside a folder that was named."""
    absolute = path.absolute()
    ecg_id = _printable(absolute.relative_to(common).as_posix())
    name = ecg_id if inside else _printable(path.name)
    return _input(ecg_id, str(absolute), name=name, folder=common)


def _input(ecg_id: str, path: str, *, name: str, folder: Path) -> Input:
    name = name.removesuffix(os.path.splitext(path)[1]) if os.path.isfile(path) else name
    return Input(id=ecg_id, name=name, path=path, folder=str(folder))


def _printable(name: str) -> str:
    """Return a name that any file can hold: without control characters and undecodable bytes."""
    name = name.encode("utf-8", "backslashreplace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", name)


def inputs_of_store(folder: Path, ids: Sequence[str] | None = None) -> list[Input]:
    """Return the ECGs of a store, or those with these ids; DatasetError if it lacks one."""
    from ..data.store import open_store

    store = open_store(folder)
    names = store.records["id"].astype(str)
    rows = range(len(names)) if ids is None else [store.index_of(name) for name in ids]
    place = str(folder.absolute())
    ids = [names.iloc[row] for row in rows]
    return [Input(id=k, name=k, path=place, row=row) for k, row in zip(ids, rows, strict=True)]


def _of_manifest(table: Path) -> Iterator[Input]:
    """Yield the ECGs of a CSV table, by its column `id`, else by their paths as written."""
    cells = read_cells(table)
    names = [plain_name(name) for name in cells.header]
    paths = next(k for k, name in enumerate(names) if name in PATH_NAMES)
    ids = names.index("id") if "id" in names else paths
    folder = table.absolute().parent
    for line, row in zip(cells.lines, cells.rows, strict=True):
        if not row[paths] or not row[ids]:
            column = cells.header[ids if row[paths] else paths]
            raise DatasetError(f"{table}: row {line}: its {column!r} is blank.")
        path = resolve_path(folder, row[paths])
        ecg_id = _printable(row[ids])
        yield _input(ecg_id, path, name=ecg_id, folder=folder)


def _distinct(ecgs: Iterable[Input]) -> tuple[Input, ...]:
    """Return the ECGs without those that are named twice; DatasetError if two share an id."""
    by_place: dict[tuple[str, int | None], Input] = {}
    for ecg in ecgs:
        by_place.setdefault((ecg.path, ecg.row), ecg)
    ids: set[str] = set()
    for ecg in by_place.values():
        if ecg.id in ids:
            raise DatasetError(
                f"two ECGs have the id {ecg.id}; expected different ones. Predict their sources "
                "one by one."
            )
        ids.add(ecg.id)
    return tuple(by_place.values())
