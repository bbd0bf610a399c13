"""Label columns of a CSV table: 1, 0 and blank for one class each, or words for several classes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..errors import DatasetError
from .csv_cells import plain_name
from .label_words import BLANK, label_words, split_words

_YES = {"1", "1.0", "true", "yes"}
_NO = {"0", "0.0", "false", "no"}
_KINDS = dict.fromkeys(_YES, "column") | dict.fromkeys(_NO, "") | dict.fromkeys(BLANK, "blank")
_WORD_COLUMNS = re.compile(
    "(labels?|class(es|names?)?|categor(y|ies)|targets?|y|groundtruth|annotations?|tags?"
    "|diagnos(is|es|tics?)|diagnostic(super|sub)?class(es)?|(super|sub)class(es)?|dx|findings?"
    "|conditions?|disease|arrhythmias?|patholog(y|ies)|rhythms?|statements?"
    "|scpcodes|snomed(ct)?(codes?)?|codes?)"
)
_LONGEST_NAME = 60  # of a class, in characters; longer texts are reports
_PERSONAL = re.compile("patient|subject|birth|name$|^mrn$|^dob$|^ssn$")


@dataclass(frozen=True, kw_only=True)
class Labels:
    """Labels of the rows of a table: `column:NAME` where positive, `blank:NAME` where unknown."""

    classes: tuple[str, ...]
    labels: list[list[str]]
    titles: Mapping[str, str]
    remarks: tuple[str, ...]


def read_labels(table: pd.DataFrame, named: Sequence[str], path: Path) -> Labels:
    """Read the label columns of a table of text cells.

    named: the label columns; () for all that hold only 1, 0, true, false, yes, no or blanks, and
    those named like "label", "class" or "diagnosis", which hold words. Columns that are named after
    a patient, a name or a birth date are left out, because an identity is no class to learn.
    Raises DatasetError for a column that is nearly of 1 and 0, and for two classes of one name.
    """
    columns = list(named) or [
        name for name in map(str, table) if not _PERSONAL.search(plain_name(name))
    ]
    labels: list[list[str]] = [[] for _ in range(len(table))]
    classes: list[str] = []
    titles: dict[str, str] = {}
    unused = [str(name) for name in table if name not in columns]
    for name in columns:
        cells = table[name]
        binary = cells.str.lower().isin(_KINDS.keys())
        if binary.all():
            found, of_rows = [name], _binary_labels(name, cells)
        elif _holds_words(name, cells, binary, named):
            words = label_words(split_words(cell) for cell in cells)
            if name not in named and max(map(len, words.classes), default=0) > _LONGEST_NAME:
                unused.append(name)
                continue
            found, of_rows = list(words.classes), words.labels
            titles |= words.titles
        elif _is_nearly_binary(cells, binary):
            raise _not_a_label(name, cells, binary, path)
        else:
            unused.append(name)
            continue
        classes += found
        for row, more in zip(labels, of_rows, strict=True):
            row += more
    repeated = {name for name in classes if classes.count(name) > 1}
    if repeated:
        raise DatasetError(
            f"{path}: two columns have labels of the class {min(repeated)}; expected one. Name the "
            "label columns with --labels."
        )
    remarks = (f"not used: the columns {', '.join(unused)}",) if unused else ()
    return Labels(classes=tuple(classes), labels=labels, titles=titles, remarks=remarks)


def _binary_labels(name: str, cells: pd.Series) -> list[list[str]]:
    kinds = cells.str.lower().map(_KINDS)
    return [[f"{kind}:{name}"] if kind else [] for kind in kinds]


def _holds_words(name: str, cells: pd.Series, binary: pd.Series, named: Sequence[str]) -> bool:
    """Return whether a column holds words: by its own name, or because it is named as a label."""
    if _WORD_COLUMNS.fullmatch(plain_name(name)):
        return True
    return name in named and not _is_nearly_binary(cells, binary)


def _is_nearly_binary(cells: pd.Series, binary: pd.Series) -> bool:
    """Return whether half of the filled cells are 1 or 0: the others are typing errors."""
    filled = ~cells.str.lower().isin(BLANK)
    return bool((binary & filled).sum() * 2 >= filled.sum() > 0)


def _not_a_label(name: str, cells: pd.Series, binary: pd.Series, path: Path) -> DatasetError:
    row = cells.index[int((~binary).to_numpy().argmax())]
    return DatasetError(
        f"{path}: row {row}, column {name!r}: not a label; expected 1, 0 or blank. Name the label "
        "columns with --labels."
    )
