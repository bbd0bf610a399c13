"""Reader of WFDB records: 16-bit ones by the fast reader, all others by the library wfdb.

Where a header gives no rate or gain, wfdb assumes 250 Hz and 200 units per mV. Such a record is
refused instead, because the times and amplitudes of all waves depend on them.
"""

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import millivolts_per
from ..signals.record import Record
from .channels import Channel, Recording
from .ecg_file import EcgFile
from .wfdb16 import read_wfdb16, record_stem, to_millivolts

_RATE = re.compile(r"(\d+(?:\.\d*)?)(?:/.*)?")  # in Hz; the rate of a counter may follow
_GAIN = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_AGE = re.compile(r"(?<![a-z])<?age>?\s*:\s*(\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
_SEX = re.compile(r"(?<![a-z])<?(?:sex|gender)>?\s*:\s*(F|M)(?:emale|ale)?\b", re.IGNORECASE)

HeaderLines = list[list[str]]  # the words of each line, without comments


def find_header(path: Path) -> Path | None:
    """Return the header of the WFDB record at `path`, with or without a suffix; None if none."""
    for stem in (str(path), record_stem(str(path))):
        for suffix in (".hea", ".HEA"):
            if Path(stem + suffix).is_file():
                return Path(stem + suffix)
    return None


def is_wfdb(head: bytes, path: Path | None) -> bool:
    """Return whether a file is a WFDB header, or has one beside it."""
    if path is None or path.suffix.lower() not in (".hea", ".dat"):
        return False
    return path.suffix.lower() == ".hea" or find_header(path) is not None


def read_wfdb_file(file: EcgFile) -> Recording:
    """Read the WFDB record of a header or of a file of samples."""
    assert file.path is not None
    record = read_wfdb(Path(record_stem(str(file.path))))
    channels = [
        Channel(name=lead, samples=row, rate_hz=record.rate_hz)
        for lead, row in zip(record.leads, record.signal_mv, strict=True)
    ]
    return Recording(
        channels=tuple(channels),
        name=record.name,
        warnings=record.warnings,
        age_years=record.age_years,
        sex=record.sex,
    )


def read_wfdb(path: Path, *, allow_segments: bool = True) -> Record:
    """Read a WFDB record, `path` without its suffix; age and sex come from the header's comments.

    Raises RecordError if the record is damaged, has no rate or gain in its header, has leads that
    are skewed in time, or consists of segments where these are not allowed.
    """
    digital = read_wfdb16(path)
    if digital is not None:
        return _record(
            path, to_millivolts(digital), digital.rate_hz, digital.leads, digital.comments
        )
    text = Path(f"{path}.hea").read_text(encoding="ascii", errors="ignore")  # as wfdb does
    lines = [line for row in text.splitlines() if (line := row.partition("#")[0].split())]
    if not (lines and "/" in lines[0][0]):
        return _read_by_library(path, lines)
    if not allow_segments:
        raise RecordError(f"{path}: segments within segments are not supported.")
    comments = [row.partition("#")[2] for row in text.splitlines()]
    return _join_segments(path, lines, comments)


def _read_by_library(path: Path, lines: HeaderLines) -> Record:
    """Read other sample formats, and leads in several files."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses what newer versions of pandas deprecate
        import wfdb

    try:
        record = wfdb.rdrecord(str(path), physical=False)
        _refuse_assumptions(record, lines)
        intact = all(
            checksum is None or frame > 1 or (checksum - lead_sum) % 65536 == 0  # >1: averaged
            for checksum, frame, lead_sum in zip(
                record.checksum, record.samps_per_frame, record.calc_checksum(), strict=True
            )
        )
        scale = [millivolts_per(unit) for unit in record.units]
        signal_mv = np.asarray(record.dac().T * np.array(scale)[:, None], np.float32)
        leads = tuple(name or f"#{k}" for k, name in enumerate(record.sig_name, start=1))
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
    except Exception as error:  # wfdb raises any error of its parsing, even IndexError
        raise RecordError(f"{path}: not a WFDB record that can be read: {error}") from None
    if not intact:
        raise RecordError(f"{path}: a lead fails its checksum; the file is damaged.")
    return _record(path, signal_mv, record.fs, leads, record.comments or ())


def _refuse_assumptions(record: Any, lines: HeaderLines) -> None:
    """Raise RecordError where wfdb assumes a rate or a gain, or shifts leads in time."""
    _header_rate_hz(lines)
    gains = [_GAIN.match(words[2]) if len(words) > 2 else None for words in lines[1:]]
    if not all(gain and float(gain[0]) for gain in gains):
        raise RecordError("a lead is not calibrated; expected a gain in the header, units per mV.")
    if any(record.skew):
        raise RecordError("its leads are skewed in time; expected aligned leads.")


def _header_rate_hz(lines: HeaderLines) -> float:
    """Return the rate in a header's first line; RecordError if there is none."""
    rate = _RATE.fullmatch(lines[0][2]) if len(lines[0]) > 2 else None
    if rate is None or float(rate[1]) == 0:
        raise RecordError("its header gives no rate; expected samples per second, above 0.")
    return float(rate[1])


def _join_segments(path: Path, lines: HeaderLines, comments: Iterable[str]) -> Record:
    """Join the segments in time; wfdb would apply the first one's gains and leads to all."""
    try:
        rate_hz = _header_rate_hz(lines)
        if lines[0][0].partition("/")[2] != str(len(lines) - 1):
            raise RecordError(f"its header, {lines[0][0]}, names {len(lines) - 1} segments.")
        segments = list(_read_segments(path, lines[1:], rate_hz))
        if not segments:
            raise RecordError("it has no segments.")
        leads = segments[0].leads
        if any(sorted(segment.leads) != sorted(leads) for segment in segments):
            raise RecordError("its segments have different leads; expected the same in each.")
        _check_total(lines[0], segments)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
    segments = [part if part.leads == leads else part.with_leads(leads) for part in segments]
    signal_mv = np.concatenate([segment.signal_mv for segment in segments], axis=1)
    return _record(path, signal_mv, rate_hz, leads, comments)


def _check_total(first_line: list[str], segments: Sequence[Record]) -> None:
    """Raise RecordError if the segments differ from the header's "NAME/2 12 100 2000"."""
    leads = len(segments[0].leads)
    samples = sum(segment.signal_mv.shape[1] for segment in segments)
    length = first_line[3] if len(first_line) > 3 else "0"
    if first_line[1] != str(leads) or length not in ("0", str(samples)):  # 0: not given
        raise RecordError(
            f"its segments have {leads} leads and {samples} samples; its header promises "
            f"{first_line[1]} and {length if length != '0' else 'any number'}."
        )


def _read_segments(path: Path, lines: HeaderLines, rate_hz: float) -> Iterator[Record]:
    """Read each segment with its own gains, units, checksums and order of leads.

    Raises RecordError for a gap, and for a segment whose rate or length differs from the header's.
    """
    for name, *words in lines:
        if len(words) != 1 or not words[0].isdecimal():
            raise RecordError(f"its segment {name} has no length in its header.")
        length = int(words[0])
        if not length:  # a layout segment, which only names the leads
            continue
        if name == "~":
            raise RecordError(f"it has a gap of {length} samples; expected none.")
        segment = read_wfdb(path.parent / name, allow_segments=False)
        samples = segment.signal_mv.shape[1]
        if segment.rate_hz != rate_hz or samples != length:
            raise RecordError(
                f"its segment {name} has {samples} samples at {segment.rate_hz:g} Hz; "
                f"its header promises {length} at {rate_hz:g} Hz."
            )
        yield segment


def _record(
    path: Path,
    signal_mv: NDArray[np.float32],
    rate_hz: float,
    leads: Sequence[str],
    comments: Iterable[str],
) -> Record:
    """Make the record, with age and sex from the comments and nothing else about the person."""
    comment = "\n".join(comments)
    age, sex = _AGE.search(comment), _SEX.search(comment)
    return Record(
        signal_mv=signal_mv,
        rate_hz=float(rate_hz),
        leads=tuple(leads),
        name=path.name,
        age_years=float(age[1]) if age else None,
        sex={"F": "female", "M": "male"}[sex[1].upper()] if sex else None,
    )
