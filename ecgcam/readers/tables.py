"""Readers of tables: delimited text (CSV, TSV, TXT) and NPZ."""

import io
import re
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import RecordError
from ..signals.leads import LEADS
from .channels import Channel, Recording
from .delimited_text import parse_table
from .ecg_file import EcgFile, decode_text
from .table_channels import channels_of_table

_DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, RuntimeError, MemoryError)
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f\ufffd]")
_RATE = re.compile(
    r"(?:sampl\w*[ _-]*(?:rate|freq\w*)|\b(?:rate|fs|sfreq|frequency|abtastrate))\b"
    r"[^\d\n]{0,20}?(\d+(?:[.,]\d+)?)",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"\bunits?\b[^\w\n]*([mµμun]?v(?:olts?)?|(?:milli|micro)volts?)\b", re.IGNORECASE
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
        rate_hz=float(rate[1].replace(",", ".")) if rate else None,
        unit=unit[1] if unit else None,
    )
    return replace(recording, name=file.name, warnings=(*table.warnings, *recording.warnings))


def is_npz(head: bytes, path: Path | None) -> bool:
    """Return whether a file is a ZIP archive whose first entry is a NumPy array."""
    return head.startswith(b"PK\x03\x04") and b".npy" in head[:300]


def read_npz(file: EcgFile) -> Recording:
    """Read `signal_mv` (leads, time), `rate_hz` and `leads` (the twelve in our order if absent)."""
    try:
        with np.load(io.BytesIO(file.data), allow_pickle=False) as arrays:
            leads = arrays["leads"].tolist() if "leads" in arrays else LEADS
            rate_hz = float(arrays["rate_hz"])
            signal_mv = np.asarray(arrays["signal_mv"], np.float64)
    except KeyError as error:
        message = f"{error.args[0]}; expected signal_mv, rate_hz and, if not the twelve, leads."
        raise RecordError(message) from None
    except (OSError, ValueError, TypeError, EOFError, *_DAMAGED_ZIP) as error:
        raise RecordError(f"not an NPZ file of an ECG: {error}") from None
    if signal_mv.ndim != 2 or not isinstance(leads, list | tuple) or len(signal_mv) != len(leads):
        raise RecordError(f"the signal has shape {signal_mv.shape}; expected (leads, time).")
    channels = [
        Channel(name=str(lead), samples=row, rate_hz=rate_hz)
        for lead, row in zip(leads, signal_mv, strict=True)
    ]
    return Recording(channels=tuple(channels), name=file.name)
