"""Reader of WFDB records, in one piece or in segments, as PhysioNet serves them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.gaps import LONGEST_S
from ..signals.leads import lead_name, millivolts_per
from .channels import Channel, Recording
from .ecg_file import EcgFile, decode_text
from .wfdb_header import SAMPLE_BITS, Header, age_and_sex, find_header, parse_header
from .wfdb_samples import read_channels

_MAX_SEGMENTS = 1000
_FIRST_LINE = re.compile(r"\S+[ \t]+\d{1,6}(?:[ \t]+\d[\d.]*(?:/\S*)?(?:[ \t].*)?)?")
_SECOND_LINE = re.compile(
    rf"\S*[^\W\d]\S*[ \t]+(?:{'|'.join(SAMPLE_BITS)})(?:[x:+]\d+)*(?:[ \t].*)?"  # a.dat 16 …
    r"|(?:\S*[^\W\d]\S*|~)[ \t]+\d+"  # a_0001 2500
)


def is_wfdb(head: bytes, path: Path | None) -> bool:
    """Return whether a file is a WFDB header, or a file of samples that has one beside it."""
    suffix = path.suffix.lower() if path is not None else ""
    if suffix == ".hea":
        return True
    if path is not None and suffix in (".dat", ".mat") and (header := find_header(path)):
        return suffix == ".dat" or path.name.lower() in _read_text(header).lower()
    rows = [row.strip() for row in decode_text(head[:4096]).splitlines()]
    lines = [row for row in rows if row and not row.startswith("#")][:2]
    return (
        len(lines) == 2
        and _FIRST_LINE.fullmatch(lines[0]) is not None
        and _SECOND_LINE.fullmatch(lines[1]) is not None
    )


def read_wfdb_file(file: EcgFile) -> Recording:
    """Read the WFDB record of a header or of a file of samples."""
    header = find_header(file.path) if file.path is not None else None
    if header is None:
        raise RecordError(
            "a WFDB header, which holds no samples; give the path of the header, which ends in "
            ".hea and has its samples beside it."
        )
    return read_wfdb(header)


def read_wfdb(path: Path, *, allow_segments: bool = True) -> Recording:
    """Read the record whose header is `path`; age and sex come from the header's comments.

    Raises RecordError if the record is damaged, or consists of segments where these are not
    allowed.
    """
    header = parse_header(_read_text(path))
    if header.segments and not allow_segments:
        raise RecordError("segments within segments are not supported.")
    read_part = _read_segments if header.segments else read_channels
    channels, warnings = read_part(path, header)
    age_years, sex = age_and_sex(header.comments)
    return Recording(
        channels=tuple(channels),
        name=path.stem,
        warnings=tuple(warnings),
        age_years=age_years,
        sex=sex,
    )


def _read_text(path: Path) -> str:
    """Read the text of a header."""
    return decode_text(path.read_bytes())


def _read_segments(path: Path, header: Header) -> tuple[list[Channel], list[str]]:
    """Join the segments in time, each with its own gains, units, checksums and order of leads.

    Layout segments, which only name the leads, are skipped, and so are gaps at the ends. A lead
    is missing where a segment lacks it.
    """
    segments = [(name, length) for name, length in header.segments if length]
    total = sum(length for _, length in segments)
    if header.samples not in (None, total):
        raise RecordError(
            f"its segments have {total} samples; its header promises {header.samples}."
        )
    while segments and segments[0][0] == "~":
        segments.pop(0)
    while segments and segments[-1][0] == "~":
        segments.pop()
    if not 0 < len(segments) <= _MAX_SEGMENTS:
        raise RecordError(f"it has {len(segments)} segments; expected 1 to {_MAX_SEGMENTS}.")
    if header.rate_hz is None:
        raise RecordError("its header gives no rate; expected samples per second, above 0.")
    parts = [_read_segment(path, *segment, header.rate_hz) for segment in segments]
    warnings = list(dict.fromkeys(text for part in parts for text in part.warnings))
    channels = _join(parts, [length for _, length in segments], header.rate_hz)
    if len(channels) > header.signal_count:
        raise RecordError(
            f"its segments have {len(channels)} leads; its header promises {header.signal_count}."
        )
    return channels, warnings


def _read_segment(path: Path, name: str, length: int, rate_hz: float) -> Recording:
    """Read one segment; a short gap has no channels.

    Raises RecordError for a long gap, and for a rate or a length that differs from the header's.
    """
    if name == "~":
        if length > LONGEST_S * rate_hz:
            raise RecordError(f"it has a gap of {length} samples; read its segments one by one.")
        return Recording(channels=(), name=name)
    header = find_header(path.parent / name) if ".." not in name else None
    if header is None:
        raise RecordError(f"{name}.hea: no such file; it is the header of a segment.")
    try:
        segment = read_wfdb(header, allow_segments=False)
    except RecordError as error:
        raise RecordError(f"segment {name}: {error}") from error.__cause__
    for channel in segment.channels:
        frame = _frame(channel, rate_hz)
        if (len(channel.samples), channel.rate_hz) != (length * frame, rate_hz * frame):
            raise RecordError(
                f"its segment {name} has {len(channel.samples)} samples at "
                f"{channel.rate_hz or 0:g} Hz; its header promises {length} at {rate_hz:g} Hz."
            )
    return segment


def _frame(channel: Channel, rate_hz: float) -> int:
    """Return the samples of a channel in one sample of the record's rate."""
    return max(1, round((channel.rate_hz or 0) / rate_hz))


def _join(parts: Sequence[Recording], lengths: Sequence[int], rate_hz: float) -> list[Channel]:
    """Join the channels of the same name; what a part lacks is NaN."""
    first: dict[str, Channel] = {}
    for part in parts:
        for channel in part.channels:
            first.setdefault(lead_name(channel.name), channel)
    return [
        replace(
            model,
            samples=np.concatenate(
                [
                    _piece(part, name, model, length * _frame(model, rate_hz))
                    for part, length in zip(parts, lengths, strict=True)
                ]
            ),
        )
        for name, model in first.items()
    ]


def _piece(part: Recording, name: str, model: Channel, samples: int) -> NDArray[np.floating]:
    """Return a channel of one part in the unit of `model`; NaN if the part lacks it."""
    for channel in part.channels:
        if lead_name(channel.name) == name and len(channel.samples) == samples:
            if channel.unit == model.unit:
                return channel.samples
            per_unit = millivolts_per(channel.unit or "") / millivolts_per(model.unit or "")
            return channel.samples * per_unit
    return np.full(samples, np.nan)
