"""Reader of tables in text: CSV, TSV, TXT."""

import re
from dataclasses import replace
from pathlib import Path

from .channels import Recording
from .delimited_text import parse_table
from .ecg_file import EcgFile, decode_text
from .table_channels import channels_of_table

_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f\ufffd]")
_RATE = re.compile(
    r"(?:sampl\w*[ _-]*(?:rate|freq\w*)|\b(?:rate|fs|sfreq|frequency|abtastrate))\b"
    r"[^\d\n]{0,20}?(\d+(?:[.,]\d+)?)"  # "Sampling rate: 500"
    r"|sampl[^\d\n]{0,30}?(\d+(?:[.,]\d+)?) ?(?:hz|hertz|sps)\b",  # "sampled at 500 Hz"
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\bunits?\b[^\w\n]*([mµμun]?v(?:olts?)?|(?:milli|micro)volts?)\b(?!\s*/)", re.IGNORECASE
)


def is_table(head: bytes, path: Path | None) -> bool:
    """Return whether a file is text."""
    text = decode_text(head[: len(head) // 4 * 4])
    return bool(text.strip()) and _CONTROL.search(text[:-1]) is None


def read_csv(file: EcgFile) -> Recording:
    """Read a table with one column or one row per lead.

    Times give the sampling rate; without them, a line above the table may ("rate: 500 Hz"). Units
    stand in the header ("V1 (uV)"), in a row below it or above the table.
    """
    table = parse_table(decode_text(file.data))
    rate, unit = _RATE.search(table.preamble), _UNIT.search(table.preamble)
    recording = channels_of_table(
        table.columns,
        rate_hz=float((rate[1] or rate[2]).replace(",", ".")) if rate else None,
        unit=unit[1] if unit else None,
    )
    return replace(recording, name=file.name, warnings=(*table.warnings, *recording.warnings))
