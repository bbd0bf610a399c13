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

from .errors import RecordError
from .leads import millivolts_per
from .record import Record
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
    header = _header(path)
    if getattr(header, "n_seg", None) is None:
        return _read_by_library(path)
    if not whole:
        raise RecordError(f"{path}: segments within segments are not supported.")
    return _joined(path, header)


def to_millivolts(digital: Digital) -> NDArray[np.float32]:
    """(leads, time) in mV; NaN where the device marked a sample invalid."""
    scale = np.array([millivolts_per(unit) for unit in digital.units])
    samples = digital.samples.T.astype(np.float64)  # (leads, time)
    gains, baselines = np.array(digital.gains), np.array(digital.baselines)
    signal_mv = (samples - baselines[:, None]) / gains[:, None] * scale[:, None]
    signal_mv[digital.samples.T == INVALID] = np.nan
    return np.asarray(signal_mv, np.float32)


def _header(path: Path) -> Any:
    """As wfdb reads it, once it is sure that it says what is needed."""
    try:
        header = _wfdb().rdheader(str(path))
        text = Path(f"{path}.hea").read_text(encoding="ascii", errors="ignore")
    except Exception as error:  # wfdb raises whatever its parsing meets, IndexError included
        raise RecordError(f"{path}: not a WFDB record that can be read: {error}") from None
    lines = [line for row in text.splitlines() if (line := row.partition("#")[0].strip())]
    _refuse_the_unsaid(path, [line.split() for line in lines])
    if any(getattr(header, "skew", None) or ()):
        raise RecordError(
            f"{path}: its leads are skewed in time, which is not supported; needed: all at once."
        )
    return header


def _refuse_the_unsaid(path: Path, lines: list[list[str]]) -> None:
    """lines: the words of the record line, and of the line of each signal or segment."""
    (name, *words), *signals = lines
    rate = _RATE.fullmatch(words[1]) if len(words) > 1 else None
    if rate is None or float(rate[1]) == 0:
        raise RecordError(
            f"{path}: its header gives no rate; needed: samples a second, a plain number above 0."
        )
    gains = [_GAIN.match(words[2]) if len(words) > 2 else None for words in signals]
    if "/" not in name and not all(gain and float(gain[0]) for gain in gains):
        raise RecordError(
            f"{path}: a lead is not calibrated; needed: its gain in the header, in units per mV."
        )


def _wfdb() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses what newer versions of pandas warn of
        import wfdb
    return wfdb


def _read_by_library(path: Path) -> Record:
    """Other formats, several files, leads in files of their own."""
    try:
        found = _wfdb().rdrecord(str(path), physical=False)
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
    except Exception as error:
        raise RecordError(f"{path}: not a WFDB record that can be read: {error}") from None
    if not sound:
        raise RecordError(f"{path}: a lead fails its checksum; the file is damaged.")
    return _record(path, signal_mv, found.fs, leads, found.comments or ())


def _joined(path: Path, header: Any) -> Record:
    """The segments in a row; wfdb would take all but their samples from the first."""
    parts = list(_segments(path, header))
    if not parts:
        raise RecordError(f"{path}: not a WFDB record that can be read: it has no segments.")
    leads = parts[0].leads
    if any(sorted(part.leads) != sorted(leads) for part in parts):
        raise RecordError(f"{path}: its segments have different leads; needed: the same in each.")
    parts = [part if part.leads == leads else part.with_leads(leads) for part in parts]
    signal_mv = np.concatenate([part.signal_mv for part in parts], axis=1)
    return _record(path, signal_mv, header.fs, leads, header.comments)


def _segments(path: Path, header: Any) -> Iterator[Record]:
    """Each read by itself: its gains, its units, its checksums and its order of leads are its own.

    Raises RecordError for a gap, and for a segment of another rate or length than is promised.
    """
    for name, length in zip(header.seg_name, header.seg_len, strict=True):
        if not length:  # of what only says which leads the others have
            continue
        if name == "~":
            raise RecordError(f"{path}: it has a gap of {length} samples; needed: none.")
        part = read_wfdb(path.with_name(name), whole=False)
        if part.rate_hz != header.fs or part.signal_mv.shape[1] != length:
            raise RecordError(
                f"{path}: its segment {name} has {part.signal_mv.shape[1]} samples at "
                f"{part.rate_hz:g} Hz; its header promises {length} at {header.fs:g} Hz."
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
