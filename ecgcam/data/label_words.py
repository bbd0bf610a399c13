"""Labels written as words, such as "AFIB;LBBB", or as SNOMED CT codes: a column for each class."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .snomed import class_name

BLANK = {"", "nan", "none", "null", "na", "n/a", "?", "unknown"}  # nobody knows

_SEPARATORS = re.compile(r"[;,|]")
_BRACKETS = re.compile(r"[\[\](){}'\"]")
_LIKELIHOOD = re.compile(r":\s*[\d.]+\s*$")  # PTB-XL writes {'NORM': 100.0}


@dataclass(frozen=True, kw_only=True)
class WordLabels:
    """Labels of some records that were written as words.

    classes: in alphabetical order. labels: for each record `column:NAME` of each of its classes, or
    `blank:NAME` of all classes where its cell is blank.
    """

    classes: tuple[str, ...]
    labels: list[list[str]]


def split_words(cell: str) -> list[str] | None:
    """Return the names in a cell; None if it is blank.

    Names are separated by ";", "," or "|"; brackets and quotes around them do not count. Codes of
    SNOMED CT get their short names.
    """
    words = [_LIKELIHOOD.sub("", _BRACKETS.sub("", word)) for word in _SEPARATORS.split(cell)]
    names = [class_name(word.strip()) for word in words if word.strip().casefold() not in BLANK]
    return list(dict.fromkeys(names)) if names or cell.strip() in ("[]", "{}") else None


def label_words(cells: Iterable[Sequence[str] | None]) -> WordLabels:
    """Return labels for the names in each record's cell, as split_words gives them.

    A spelling that differs only in case is the first one.
    """
    spellings: dict[str, str] = {}
    records = [
        None if names is None else [spellings.setdefault(n.casefold(), n) for n in names]
        for names in cells
    ]
    classes = tuple(sorted(spellings.values()))
    blank = [f"blank:{name}" for name in classes]
    return WordLabels(
        classes=classes,
        labels=[
            list(blank) if names is None else [f"column:{name}" for name in sorted(set(names))]
            for names in records
        ],
    )
