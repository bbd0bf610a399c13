"""Folders of ECG files without a table; the headers of WFDB records may hold labels."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..errors import DatasetError
from ..readers.folders import FolderContent, find_ecg_files
from .csv_cells import lists_ecgs
from .header_labels import header_labels
from .label_words import WordLabels
from .source import Source, number_patients, remarks_on_folds, split

_MOST_NAMED = 3  # files in a remark


def read_ecg_folder(folder: Path, *, labels: Sequence[str] = (), seed: int = 0) -> Source:
    """Find the ECGs of a folder; an ECG's id is its path in it.

    labels: classes to keep; () for all. seed: of the folds; each ECG counts as its own patient.
    Raises DatasetError if there is no ECG, or no label of a class.
    """
    content = find_ecg_files(folder)
    if not content.ecgs:
        raise DatasetError(
            f"{folder}: not a dataset: found no ECG; expected ECG files, a folder like PTB-XL's "
            "(with ptbxl_database.csv), or a .csv table that lists your ECGs."
        )
    paths = [str(path.absolute()) for path in content.ecgs]
    words = _select(header_labels(paths), labels, folder)
    ids = pd.Series([path.relative_to(folder).as_posix() for path in content.ecgs])
    records = pd.DataFrame(
        {
            "id": ids,
            "path": paths,
            "patient": number_patients(ids),
            "labels": words.labels,
            "problem": "",
        }
    )
    records["fold"] = split(records, seed=seed)
    return Source(
        name=str(folder),
        records=records,
        vocabulary={"column": words.classes} if words.classes else {},
        titles=words.titles,
        remarks=(*_remarks(folder, content, words), *remarks_on_folds(records)),
    )


def _select(words: WordLabels, wanted: Sequence[str], folder: Path) -> WordLabels:
    """Return the labels of the wanted classes; all if none is named."""
    missing = [name for name in wanted if name not in words.classes]
    if missing:
        raise DatasetError(
            f"{folder}: no header has the diagnosis {', '.join(missing)}; found "
            f"{', '.join(words.classes) or 'none'}."
        )
    if not wanted:
        return words
    kept = [
        [label for label in of_ecg if label.split(":", 1)[1] in wanted] for of_ecg in words.labels
    ]
    return WordLabels(classes=tuple(wanted), labels=kept, titles=words.titles)


def _remarks(folder: Path, content: FolderContent, words: WordLabels) -> list[str]:
    """Return what the user may not expect."""
    remarks = ["no table: each ECG counts as its own patient"]
    tables = [name for name in content.others if lists_ecgs(folder / name)]
    if tables:
        remarks.append(f"{tables[0]} lists ECGs: prepare it instead for its labels and patients")
    elif not words.classes:
        remarks.append("no labels: no header has a line '#Dx: …'")
    if content.others:
        named = ", ".join(content.others[:_MOST_NAMED])
        more = ", …" if len(content.others) > _MOST_NAMED else ""
        remarks.append(f"{len(content.others)} files hold no ECG that can be read: {named}{more}")
    return remarks
