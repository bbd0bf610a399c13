"""A fast path for the plainest WFDB files, PTB-XL's: one .dat file of interleaved 16-bit samples.

The library wfdb reads these too, about twenty times slower (docs/performance.md); whatever is
not of this plain kind is left to it. Format: https://wfdb.io/spec/header-files.html
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError

INVALID = -32768  # how WFDB's format 16 writes a sample that could not be taken

_WHOLE, _NUMBER = r"-?\d{1,9}", r"\d{1,9}(?:\.\d*)?"
_RECORD_LINE = re.compile(
    rf"(?P<name>[^\s/]+) (?P<signals>\d{{1,4}}) (?P<rate>{_NUMBER}) (?P<samples>\d{{1,9}})\s*"
)
_SIGNAL_LINE = re.compile(
    rf"(?P<file>\S+) 16 (?P<gain>{_NUMBER})(?:\((?P<baseline>{_WHOLE})\))?/(?P<unit>\S+) "
    rf"\d+ (?P<zero>{_WHOLE}) (?P<first>{_WHOLE}) (?P<checksum>{_WHOLE}) 0 (?P<lead>\S.*)"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Digital:
    """The samples of one record as they lie in the file.

    samples: (time, leads) int16; a sample is (value - baseline) / gain in its lead's unit.
    """

    samples: NDArray[np.int16]
    rate_hz: float
    leads: tuple[str, ...]
    gains: tuple[float, ...]
    baselines: tuple[int, ...]
    units: tuple[str, ...]
    comments: tuple[str, ...]


def stem_of(path: str) -> str:
    """A WFDB record's path without the suffix of its header or its samples."""
    return path[:-4] if path.endswith((".hea", ".dat")) else path


def read_plain(path: Path | str) -> Digital | None:
    """The record whose header is `path` with .hea; None if it is not of the plain kind.

    Raises RecordError if a file is missing, cut short or too long, or fails its checksum.
    """
    text = _read_bytes(f"{path}.hea").decode("utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    comments = tuple(line[1:].strip() for line in lines if line.startswith("#"))
    lines = [line for line in lines if not line.startswith("#")]
    head = _RECORD_LINE.fullmatch(lines[0]) if lines else None
    signals = [match.groups() for line in lines[1:] if (match := _SIGNAL_LINE.fullmatch(line))]
    if not head or not signals or not len(signals) == int(head["signals"]) == len(lines) - 1:
        return None
    files, gains, baselines, units, zeros, _, checksums, leads = zip(*signals, strict=True)
    gains = tuple(map(float, gains))
    if len(set(files)) > 1 or 0 in gains:
        return None
    leads = tuple(map(str.strip, leads))
    file = os.path.join(os.path.dirname(path), files[0])
    samples = _read_samples(file, int(head["samples"]), len(leads))
    _verify_checksums(path, samples, leads, checksums)
    return Digital(
        samples=samples,
        rate_hz=float(head["rate"]),
        leads=leads,
        gains=gains,
        baselines=tuple(int(own or zero) for own, zero in zip(baselines, zeros, strict=True)),
        units=units,
        comments=comments,
    )


def _read_samples(path: str, samples: int, leads: int) -> NDArray[np.int16]:
    """(time, leads), with the length that the header promises.

    In memory they lie lead after lead: summing and copying a lead is then many times as fast.
    """
    data = _read_bytes(path)
    if len(data) != 2 * samples * leads:
        raise RecordError(
            f"{path}: {len(data)} bytes; its header promises {samples} samples of {leads} leads, "
            f"{2 * samples * leads} bytes: it was cut short or is another record's."
        )
    return np.ascontiguousarray(np.frombuffer(data, "<i2").reshape(samples, leads).T).T


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # a buffer is of no use to a file read whole
            return file.read()
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file.") from None
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}.") from None


def _verify_checksums(
    path: Path | str,
    samples: NDArray[np.int16],
    leads: tuple[str, ...],
    checksums: tuple[str, ...],
) -> None:
    """The header holds each lead's sum of samples, modulo 65536 (signed or not)."""
    sums = samples.sum(axis=0, dtype=np.int16)  # which wraps at 65536, as they do
    for lead, found, checksum in zip(leads, sums.tolist(), checksums, strict=True):
        if (found - int(checksum)) % 65536:
            raise RecordError(
                f"{path}: lead {lead} fails its checksum: the samples sum to "
                f"{found % 65536}, the header says {int(checksum) % 65536}."
            )
