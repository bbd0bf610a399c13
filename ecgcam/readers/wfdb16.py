"""Fast reader for WFDB records with one .dat file of interleaved 16-bit samples, as in PTB-XL.

The library wfdb reads them too, about 20 times slower (docs/performance.md); all other records
are left to it. Format: https://wfdb.io/spec/header-files.html
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import millivolts_per

INVALID_SAMPLE = -32768  # in WFDB's format 16

_INTEGER, _NUMBER = r"-?\d{1,9}", r"\d{1,9}(?:\.\d*)?"
_RECORD_LINE = re.compile(
    rf"(?P<name>[^\s/]+) (?P<signals>\d{{1,4}}) (?P<rate>{_NUMBER}) (?P<samples>\d{{1,9}})\s*"
)
_SIGNAL_LINE = re.compile(
    rf"(?P<file>\S+) 16 (?P<gain>{_NUMBER})(?:\((?P<baseline>{_INTEGER})\))?/(?P<unit>\S+) "
    rf"\d+ (?P<zero>{_INTEGER}) {_INTEGER} (?P<checksum>{_INTEGER}) 0 (?P<lead>\S.*)"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class DigitalSignal:
    """Samples as stored in the file.

    samples: (time, leads) int16; (sample - baseline) / gain is in the unit of the lead.
    """

    samples: NDArray[np.int16]
    rate_hz: float
    leads: tuple[str, ...]
    gains: tuple[float, ...]
    baselines: tuple[int, ...]
    units: tuple[str, ...]
    comments: tuple[str, ...]


def record_stem(path: str) -> str:
    """Return the path of a WFDB record without the suffix of its header or its samples."""
    return path[:-4] if path[-4:].lower() in {".hea", ".dat"} else path


def read_wfdb16(path: Path | str) -> DigitalSignal | None:
    """Read the record whose header is `path` with .hea; None if it needs the library wfdb.

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
    files, gains, baselines, units, zeros, checksums, leads = zip(*signals, strict=True)
    gains = tuple(map(float, gains))
    if len(set(files)) > 1 or 0 in gains:
        return None
    leads = tuple(map(str.strip, leads))
    file = os.path.join(os.path.dirname(path), files[0])
    samples = _read_samples(file, int(head["samples"]), len(leads))
    _verify_checksums(path, samples, leads, checksums)
    return DigitalSignal(
        samples=samples,
        rate_hz=float(head["rate"]),
        leads=leads,
        gains=gains,
        baselines=tuple(int(own or zero) for own, zero in zip(baselines, zeros, strict=True)),
        units=units,
        comments=comments,
    )


def to_millivolts(digital: DigitalSignal) -> NDArray[np.float32]:
    """Return the signal (leads, time) in mV; samples that the device marked invalid become NaN."""
    scale = np.array([millivolts_per(unit) for unit in digital.units])
    samples = digital.samples.T.astype(np.float64)  # (leads, time)
    gains, baselines = np.array(digital.gains), np.array(digital.baselines)
    signal_mv = (samples - baselines[:, None]) / gains[:, None] * scale[:, None]
    signal_mv[digital.samples.T == INVALID_SAMPLE] = np.nan
    return np.asarray(signal_mv, np.float32)


def _read_samples(path: str, samples: int, leads: int) -> NDArray[np.int16]:
    """Read (time, leads) and check the length against the header.

    The samples of a lead are contiguous, so that summing and copying it is many times faster.
    """
    data = _read_bytes(path)
    if len(data) != 2 * samples * leads:
        raise RecordError(
            f"{path}: {len(data)} bytes; its header promises {samples} samples of {leads} leads, "
            f"{2 * samples * leads} bytes. It was cut short or belongs to another record."
        )
    return np.ascontiguousarray(np.frombuffer(data, "<i2").reshape(samples, leads).T).T


def _read_bytes(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # unbuffered: it is read at once
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
    """Compare the sum of each lead, modulo 65536, with the header's (signed or unsigned).

    Some writers leave all checksums at 0; these say nothing.
    """
    if not any(map(int, checksums)):
        return
    sums = samples.sum(axis=0, dtype=np.int16)  # int16 wraps at 65536
    for lead, lead_sum, checksum in zip(leads, sums.tolist(), checksums, strict=True):
        if (lead_sum - int(checksum)) % 65536:
            raise RecordError(
                f"{path}: lead {lead} fails its checksum: the samples sum to "
                f"{lead_sum % 65536}, the header says {int(checksum) % 65536}."
            )
