"""Labels in the headers of WFDB records: `#Dx: 164889003,59118001`, codes of SNOMED CT.

The PhysioNet/CinC Challenges 2020 and 2021 wrote them so.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from ..readers.ecg_file import decode_text
from ..readers.wfdb_header import find_header
from .label_words import WordLabels, label_words, split_words

_DIAGNOSES = re.compile(r"^#\s*dx\s*:(.*)", re.IGNORECASE | re.MULTILINE)


def header_labels(paths: Iterable[str]) -> WordLabels:
    """Return the labels of ECG files; all classes are unknown for a file without `#Dx`."""
    return label_words(map(_diagnoses, paths))


def _diagnoses(path: str) -> list[str] | None:
    """Return the diagnoses in the header of a WFDB record; None if there are none."""
    header = find_header(Path(path))
    if header is None:
        return None
    try:
        text = decode_text(header.read_bytes())
    except OSError:  # reading the record will say why
        return None
    return split_words(";".join(_DIAGNOSES.findall(text)))
