"""Headers of WFDB records: their text, their fields, and the files they name.

Format: https://wfdb.io/spec/header-files.html. Parsed leniently, because many writers deviate from
it: dates of any form, byte-order marks, record names with a suffix, folders in file names.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import RecordError

# Bits of one sample, by format. Format 8 stores differences; 508, 516 and 524 are FLAC.
SAMPLE_BITS = {
    **{"8": 32, "80": 8, "508": 8, "310": 10, "311": 10, "212": 12},
    **{"16": 16, "61": 16, "160": 16, "516": 16, "24": 24, "524": 24, "32": 32},
}
NO_GAIN = "no gain in the header"  # stands for the unit of a signal that is not calibrated

_AGE = re.compile(r"(?<![a-z])<?age>?\s*:\s*(\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
_SEX = re.compile(r"(?<![a-z])<?(?:sex|gender)>?\s*:\s*(F|M)(?:emale|ale)?\b", re.IGNORECASE)
_FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?")
_GAIN = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?:\((-?\d+)\))?(?:/(\S+))?", re.I)
_SEGMENTS = re.compile(r".*/(\d+)")
_LIMIT = 10**12  # of every number in a header


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One line of a header: where a channel lies and how its samples are scaled.

    frame: samples per frame. skew: in frames. offset: in bytes. checksum: None where not given.
    """

    file: str
    format: str
    frame: int
    skew: int
    offset: int
    gain: float
    baseline: int
    unit: str
    first: int
    checksum: int | None
    lead: str


@dataclass(frozen=True, kw_only=True)
class Header:
    """The fields of a header.

    rate_hz, samples (of a channel, in frames): None where not given.
    segments: (name, samples) of each segment, for a record in segments, which has no signals.
    """

    rate_hz: float | None
    samples: int | None
    signal_count: int
    signals: tuple[Signal, ...]
    segments: tuple[tuple[str, int], ...]
    comments: tuple[str, ...]


def parse_header(text: str) -> Header:
    """Parse the text of a header; RecordError if it is not one."""
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    comments = tuple(row.partition("#")[2].strip() for row in rows if "#" in row)
    lines = [words for row in rows if (words := row.partition("#")[0].split())]
    if not lines or len(lines[0]) < 2 or not _is_count(lines[0][1]):
        raise RecordError("not a WFDB header; expected a first line such as 'NAME 12 500 5000'.")
    name, count, *rest = lines[0]
    split = _SEGMENTS.fullmatch(name)
    in_segments = split is not None and all(len(line) <= 2 for line in lines[1:])
    if not in_segments and not 0 < int(count) == len(lines) - 1:
        raise RecordError(
            f"its header has {len(lines) - 1} lines of signals; its first line promises {count}."
        )
    if split is not None and in_segments and int(split[1]) != len(lines) - 1:
        raise RecordError(f"its header, {name}, names {len(lines) - 1} segments.")
    return Header(
        rate_hz=_rate(rest[0]) if rest else None,
        samples=_length(rest[1]) if len(rest) > 1 else None,
        signal_count=int(count),
        signals=() if in_segments else tuple(map(_parse_signal, lines[1:])),
        segments=tuple(map(_parse_segment, lines[1:])) if in_segments else (),
        comments=comments,
    )


def age_and_sex(comments: Sequence[str]) -> tuple[float | None, str | None]:
    """Return age in years and "female" or "male" from a header's comments; None where unknown."""
    text = "\n".join(comments)
    age, sex = _AGE.search(text), _SEX.search(text)
    return (
        float(age[1]) if age else None,
        {"F": "female", "M": "male"}[sex[1].upper()] if sex else None,
    )


def _is_count(word: str) -> bool:
    """Return whether a word is a whole number below a million."""
    return word.isascii() and word.isdecimal() and len(word) <= 6


def _rate(word: str) -> float | None:
    """Return the rate of "500", "500/360(0)" or "5e2"; None for other words and for 0."""
    try:
        rate_hz = float(word.partition("/")[0])
    except ValueError:
        return None
    return rate_hz if 0 < rate_hz < _LIMIT else None


def _length(word: str) -> int | None:
    """Return a number of samples; None for 0, which means unknown, and for other words."""
    number = int(word) if word.isascii() and word.isdecimal() and len(word) <= 18 else 0
    return number or None


def _parse_signal(words: list[str]) -> Signal:
    """Parse a line such as "a.dat 16x1:0+24 1000.0(0)/mV 16 0 242 -16877 0 V1"."""
    form = _FORMAT.fullmatch(words[1]) if len(words) > 1 else None
    if form is None or form[1] not in SAMPLE_BITS:
        raise RecordError(
            f"unknown sample format {words[1] if form else 'in its header'}; expected one of "
            f"{', '.join(SAMPLE_BITS)}."
        )
    frame, skew, offset = (_bounded(number) for number in form.groups()[1:])
    rest = words[2:]
    gain = _GAIN.fullmatch(rest[0]) if rest else None
    rest = rest[1:] if gain else rest
    numbers: list[int] = []  # resolution, zero, first value, checksum, block size
    while rest and len(numbers) < 5 and re.fullmatch(r"[-+]?\d{1,15}", rest[0], re.ASCII):
        numbers.append(int(rest.pop(0)))
    scale = _finite(float(gain[1])) if gain else 0.0
    zero = numbers[1] if len(numbers) > 1 else 0
    return Signal(
        file=words[0],
        format=form[1],
        frame=frame or 1,
        skew=skew,
        offset=offset,
        gain=scale,
        baseline=_bounded(gain[2], zero) if gain else zero,
        unit=((gain[3] if gain else None) or "mV") if scale else NO_GAIN,
        first=numbers[2] if len(numbers) > 2 else 0,
        checksum=numbers[3] if len(numbers) > 3 else None,
        lead=" ".join(rest),
    )


def _bounded(number: str | None, default: int = 0) -> int:
    """Return a whole number of at most 12 digits."""
    if number is None:
        return default
    if len(number) > 13:
        raise RecordError("a number in its header is too large.")
    return int(number)


def _finite(gain: float) -> float:
    """Return a gain; 0, which means none, if it is too large to divide by."""
    return gain if abs(gain) < _LIMIT else 0.0


def _parse_segment(words: list[str]) -> tuple[str, int]:
    """Parse a line such as "a_0001 2500"."""
    if len(words) != 2 or not (words[1].isascii() and words[1].isdecimal()):
        raise RecordError(f"its segment {words[0]} has no length in its header.")
    return words[0], _bounded(words[1])


def find_header(path: Path) -> Path | None:
    """Return the header of the WFDB record at `path`, with or without a suffix; None if none."""
    stem = path.with_suffix("") if path.suffix.lower() in (".hea", ".dat", ".mat") else path
    for folder_and_stem in (path, stem):
        for suffix in (".hea", ".HEA"):
            header = Path(f"{folder_and_stem}{suffix}")
            if header.is_file():
                return header
    return None


def find_samples(header: Path, name: str) -> Path | None:
    """Return the file of samples that a header names; None if there is none.

    The name may hold folders, relative to the header's folder or to one above it, and its case may
    differ. A name that leads out of the header's folder is not followed.
    """
    parts = [part for part in re.split(r"[\\/]", name) if part not in ("", ".")]
    if not parts or ".." in parts:
        return None
    inside = header.parent.joinpath(*parts)
    beside = header.with_name(parts[-1])
    for candidate in (inside, beside):
        if candidate.is_file():
            return candidate
    wanted = {parts[-1].lower(), header.stem.lower() + beside.suffix.lower()}
    same = [file for file in header.parent.iterdir() if file.name.lower() in wanted]
    return next((file for file in same if file.is_file()), None)
