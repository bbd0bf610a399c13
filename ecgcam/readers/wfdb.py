"""WFDB records to Record: plain ones by the fast path, whatever else there is by the library wfdb.

What wfdb would assume where a header is silent (250 Hz, 200 units per mV) is not taken for
granted: the time and the size of every wave hang on it.
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
from .wfdb16 import INVALID, Digital, read_plain

_RATE = re.compile(r"(\d+(?:\.\d*)?)(?:/.*)?")  # in Hz; a counter's may follow
_GAIN = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_COMMENT_AGE = re.compile(r"(?<![a-z])<?age>?\s*:\s*(\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
_COMMENT_SEX = re.compile(
    r"(?<![a-z])<?(?:sex|gender)>?\s*:\s*(F|M)(?:emale|ale)?\b", re.IGNORECASE
)


def read_wfdb(path: Path, *, whole: bool = True) -> Record:
    """A WFDB record, `path` without its suffix; age and sex from the header's comments.

    whole: whether it may consist of segments. Raises RecordError if it is damaged, if its header
    does not say the rate or a gain, and if its leads are skewed.
    """
    plain = read_plain(path)
    if plain is not None:
        return _record(path, to_millivolts(plain), plain.rate_hz, plain.leads, plain.comments)
    text = Path(f"{path}.hea").read_text(encoding="ascii", errors="ignore")  # as wfdb does
    lines = [line for row in text.splitlines() if (line := row.partition("#")[0].split())]
    if not (lines and "/" in lines[0][0]):
        return _read_by_library(path, lines)
    if not whole:
        raise RecordError(f"{path}: segments within segments are not supported.")
    comments = [row.partition("#")[2] for row in text.splitlines()]
    return _joined(path, lines, comments)


def to_millivolts(digital: Digital) -> NDArray[np.float32]:
    """(leads, time) in mV; NaN where the device marked a sample invalid."""
    scale = np.array([millivolts_per(unit) for unit in digital.units])
    samples = digital.samples.T.astype(np.float64)  # (leads, time)
    gains, baselines = np.array(digital.gains), np.array(digital.baselines)
    signal_mv = (samples - baselines[:, None]) / gains[:, None] * scale[:, None]
    signal_mv[digital.samples.T == INVALID] = np.nan
    return np.asarray(signal_mv, np.float32)


def _read_by_library(path: Path, lines: list[list[str]]) -> Record:
    """Other formats, several files, leads in files of their own. lines: of the header, in words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses what newer versions of pandas warn of
        import wfdb

    try:
        found = wfdb.rdrecord(str(path), physical=False)
        _refuse_other_than_told(found, lines)
        sound = all(
            promised is None or frame > 1 or (promised - summed) % 65536 == 0  # >1: was averaged
            for promised, frame, summed in zip(
                found.checksum, found.samps_per_frame, found.calc_checksum(), strict=True
            )
        )
        scale = [millivolts_per(unit) for unit in found.units]
        signal_mv = np.asarray(found.dac().T * np.array(scale)[:, None], np.float32)
        leads = tuple(name or f"#{k}" for k, name in enumerate(found.sig_name, start=1))
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
    except Exception as error:  # wfdb raises whatever its parsing meets, IndexError included
        raise RecordError(f"{path}: not a WFDB record that can be read: {error}") from None
    if not sound:
        raise RecordError(f"{path}: a lead fails its checksum; the file is damaged.")
    return _record(path, signal_mv, found.fs, leads, found.comments or ())


def _refuse_other_than_told(found: Any, lines: list[list[str]]) -> None:
    """RecordError where wfdb fills in a rate or a gain, or moves leads against each other."""
    _rate_hz(lines)
    gains = [_GAIN.match(words[2]) if len(words) > 2 else None for words in lines[1:]]
    if not all(gain and float(gain[0]) for gain in gains):
        raise RecordError("a lead is not calibrated; needed: its gain in the header, units per mV.")
    if any(found.skew):
        raise RecordError("its leads are skewed in time, which is not supported; needed: aligned.")


def _rate_hz(lines: list[list[str]]) -> float:
    """The rate that a header's first line says; RecordError if it does not."""
    rate = _RATE.fullmatch(lines[0][2]) if len(lines[0]) > 2 else None
    if rate is None or float(rate[1]) == 0:
        raise RecordError(
            "its header gives no rate; needed: samples a second, a plain number above 0."
        )
    return float(rate[1])


def _joined(path: Path, lines: list[list[str]], comments: Iterable[str]) -> Record:
    """The segments in a row; wfdb would take all but their samples from the first."""
    try:
        rate_hz = _rate_hz(lines)
        if lines[0][0].partition("/")[2] != str(len(lines) - 1):
            raise RecordError(f"its header, {lines[0][0]}, names {len(lines) - 1} segments.")
        parts = list(_segments(path, lines[1:], rate_hz))
        if not parts:
            raise RecordError("it has no segments.")
        leads = parts[0].leads
        if any(sorted(part.leads) != sorted(leads) for part in parts):
            raise RecordError("its segments have different leads; needed: the same in each.")
        _refuse_other_than_promised(lines[0], parts)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None
    parts = [part if part.leads == leads else part.with_leads(leads) for part in parts]
    signal_mv = np.concatenate([part.signal_mv for part in parts], axis=1)
    return _record(path, signal_mv, rate_hz, leads, comments)


def _refuse_other_than_promised(first: list[str], parts: Sequence[Record]) -> None:
    """RecordError if the segments are not what the first line says: "NAME/2 12 100 2000"."""
    leads, samples = len(parts[0].leads), sum(part.signal_mv.shape[1] for part in parts)
    length = first[3] if len(first) > 3 else "0"
    if first[1] != str(leads) or length not in ("0", str(samples)):  # 0: not said
        raise RecordError(
            f"its segments have {leads} leads and {samples} samples; its header promises "
            f"{first[1]} and {length if length != '0' else 'any number'}."
        )


def _segments(path: Path, lines: list[list[str]], rate_hz: float) -> Iterator[Record]:
    """Each read by itself: its gains, its units, its checksums and its order of leads are its own.

    Raises RecordError for a gap, and for a segment of another rate or length than is promised.
    """
    for name, *words in lines:
        if len(words) != 1 or not words[0].isdecimal():
            raise RecordError(f"its segment {name} has no length in its header.")
        length = int(words[0])
        if not length:  # of what only says which leads the others have
            continue
        if name == "~":
            raise RecordError(f"it has a gap of {length} samples; needed: none.")
        part = read_wfdb(path.parent / name, whole=False)
        if part.rate_hz != rate_hz or part.signal_mv.shape[1] != length:
            raise RecordError(
                f"its segment {name} has {part.signal_mv.shape[1]} samples at {part.rate_hz:g} Hz; "
                f"its header promises {length} at {rate_hz:g} Hz."
            )
        yield part


def _record(
    path: Path,
    signal_mv: NDArray[np.float32],
    rate_hz: float,
    leads: Sequence[str],
    comments: Iterable[str],
) -> Record:
    """With age and sex where the header's comments tell them, and nothing else of the person."""
    comment = "\n".join(comments)
    age, sex = _COMMENT_AGE.search(comment), _COMMENT_SEX.search(comment)
    return Record(
        signal_mv=signal_mv,
        rate_hz=float(rate_hz),
        leads=tuple(leads),
        name=path.name,
        age_years=float(age[1]) if age else None,
        sex={"F": "female", "M": "male"}[sex[1].upper()] if sex else None,
    )
