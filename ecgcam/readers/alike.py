"""Plain WFDB records that are alike, as those of one dataset are, read many at a time.

Their headers differ in names, first values and checksums only: one pattern, made from the first,
takes the rest at a glance. Three times as fast as one by one; whatever is not just so is left, to
be read, or refused with its reason, by itself.
"""

import os
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .wfdb16 import INVALID, stem_of

_RECORD_LINE = re.compile(rb"[^\s/]+( [^\r\n]*)")
_SIGNAL_LINE = re.compile(rb"\S+( 16 \S+ \d+ \S+ )\S+ \S+( 0 [^\r\n]*)")
_LONGEST = 8192  # bytes of a header
_COMMENTS = rb"(?:#[ -~]*\r?\n)*"


def headers_like(path: str) -> re.Pattern[bytes] | None:
    """What the header of `path`, a plain record's, has in common with others; None if unread.

    Its groups: the name of the file of samples, then the checksum of each lead.
    """
    try:
        lines = _header(stem_of(path)).splitlines()
    except (OSError, ValueError):  # of a path that can be none
        return None
    lines = [line for line in lines if not line.startswith(b"#")]
    head = _RECORD_LINE.fullmatch(lines[0]) if lines else None
    signals = [match.groups() for line in lines[1:] if (match := _SIGNAL_LINE.fullmatch(line))]
    if not head or not signals or len(signals) != len(lines) - 1:
        return None
    return _pattern(head[1], tuple(signals))


@lru_cache
def _pattern(head: bytes, signals: tuple[tuple[bytes, bytes], ...]) -> re.Pattern[bytes]:
    """head: the record line after the name. signals: of each line what precedes the first value,
    and what follows the checksum.
    """
    lines = [rb"(?!#)[!-.0-~]+" + re.escape(head)]
    for before, after in signals:
        file = rb"(?P=file)" if len(lines) > 1 else rb"(?P<file>(?!#)[!-~]+)"
        numbers = rb"-?[0-9]{1,9} (-?[0-9]{1,9})"
        lines.append(file + re.escape(before) + numbers + re.escape(after))
    return re.compile(rb"\r?\n".join(lines) + rb"(?:\r?\n" + _COMMENTS + rb")?")


def read_alike(
    paths: Sequence[str], pattern: re.Pattern[bytes], signals: NDArray[np.int16]
) -> NDArray[np.bool_]:
    """Read into `signals` (records, leads, time), as they are, the records of this pattern.

    The pattern's records must have these leads and this length. Returns (records,): which were
    read. Not those of another header, cut short or too long, of a wrong checksum, or with
    samples marked invalid: what lies in their place is nothing.
    """
    records, leads, time = signals.shape
    raw = np.empty((records, time * leads + 1), "<i2")  # with room to see a file that is too long
    checksums = np.zeros((records, leads), np.int64)
    read = np.zeros(records, bool)
    for k, path in enumerate(paths):
        try:
            sums = _read_one(stem_of(path), pattern, raw[k])
        except (OSError, ValueError):
            sums = None
        if sums is not None:
            read[k], checksums[k] = True, sums
    signals[:] = raw[:, :-1].reshape(records, time, leads).transpose(0, 2, 1)
    summed = signals.sum(axis=-1, dtype=np.int16)  # which wraps at 65536, as they do
    sound = (summed == checksums.astype(np.int16)).all(axis=1)
    return np.asarray(read & sound & (signals.reshape(records, -1).min(axis=1) != INVALID))


def _read_one(stem: str, pattern: re.Pattern[bytes], raw: NDArray[np.int16]) -> list[int] | None:
    """Its samples into `raw`, all but the last; its checksums, or None if it is not just so."""
    header = pattern.fullmatch(_header(stem))
    if header is None:
        return None
    name, *checksums = header.groups()
    with open(os.path.join(os.path.dirname(stem), name.decode()), "rb", buffering=0) as file:
        if file.readinto(raw.data) != raw.nbytes - raw.itemsize:
            return None
    return list(map(int, checksums))


def _header(stem: str) -> bytes:
    """Of a record; nothing if it is longer than a plain one ever is."""
    with open(f"{stem}.hea", "rb", buffering=0) as file:
        header = file.read(_LONGEST)  # reading to the end takes three calls more of the system
    return header if len(header) < _LONGEST else b""
