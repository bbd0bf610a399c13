"""Labels written as words, such as "AFIB;LBBB", or as SNOMED CT codes: a column for each class."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .snomed import diagnoses

BLANK = {"", "nan", "none", "null", "na", "n/a", "?", "unknown"}  # nobody knows

_SEPARATORS = re.compile(r"[;,|]")
_BRACKETS = re.compile(r"[\[\](){}'\"]")
_LIKELIHOOD = re.compile(r":\s*[\d.]+\s*$")  # PTB-XL writes {'NORM': 100.0}


@dataclass(frozen=True, kw_only=True)
class WordLabels:
    """Labels of some records that were written as words.

    classes: in alphabetical order. labels: for each record `column:NAME` of each of its classes, or
    `blank:NAME` of all classes where its cell is blank. titles: of classes that were written as
    codes, by label.
    """

    classes: tuple[str, ...]
    labels: list[list[str]]
    titles: Mapping[str, str] = field(default_factory=dict)


def split_words(cell: str) -> list[str] | None:
    """Return the names in a cell; None if it is blank.

    Names are separated by ";", "," or "|"; brackets and quotes around them do not count.
    """
    words = [_LIKELIHOOD.sub("", _BRACKETS.sub("", word)) for word in _SEPARATORS.split(cell)]
    names = [word.strip() for word in words if word.strip().casefold() not in BLANK]
    return list(dict.fromkeys(names)) if names or cell.strip() in ("[]", "{}") else None


def label_words(cells: Iterable[Sequence[str] | None]) -> WordLabels:
    """Return labels for the names in each record's cell, as split_words gives them.

    Codes of SNOMED CT become short names. A spelling that differs only in case is the first one.
    """
    spellings: dict[str, str] = {}
    titles: dict[str, str] = {}
    records: list[list[str] | None] = []
    for words in cells:
        if words is None:
            records.append(None)
            continue
        codes = {word: diagnoses()[word] for word in words if word in diagnoses()}
        titles |= {f"column:{name}": title for name, title in codes.values()}
        names = [codes[word].name if word in codes else word for word in words]
        records.append([spellings.setdefault(name.casefold(), name) for name in names])
    classes = tuple(sorted(spellings.values()))
    blank = [f"blank:{name}" for name in classes]
    return WordLabels(
        classes=classes,
        labels=[
            list(blank) if names is None else [f"column:{name}" for name in sorted(set(names))]
            for names in records
        ],
        titles=titles,
    )
