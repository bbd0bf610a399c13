"""Reader of ISHNE Holter files."""

import struct
from binascii import crc_hqx
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.stored import LONG, StoredChannel, StoredSamples, as_row
from .channels import Channel, Recording
from .checksums import check_checksums
from .device_facts import age_between
from .ecg_file import EcgFile

ISHNE_START = b"ISHNE1.0"
_CHECKED_FROM = 10  # the checksum covers the header after itself
_HEADER_BYTES = 522
_MAX_LEADS = 12
_LEADS = {
    **{2: "X", 3: "Y", 4: "Z", 5: "I", 6: "II", 7: "III", 8: "aVR", 9: "aVL", 10: "aVF"},
    **{10 + k: f"V{k}" for k in range(1, 7)},
    **{17: "ES", 18: "AS", 19: "AI"},
}
_SEX = {1: "male", 2: "female"}
_MISSING = -32768


def read_ishne(file: EcgFile) -> Recording:
    """Read all leads; the names and dates of the person are left out, age and sex are kept."""
    data = file.head
    if file.size < _HEADER_BYTES:
        raise RecordError(f"it has {file.size} bytes; expected a header of {_HEADER_BYTES}.")
    (checksum,) = struct.unpack_from("<H", data, 8)
    samples, _, start = struct.unpack_from("<iii", data, 14)
    leads, *specs = struct.unpack_from("<13h", data, 156)
    resolutions = struct.unpack_from("<12h", data, 206)
    (rate_hz,) = struct.unpack_from("<h", data, 272)
    if not 1 <= leads <= _MAX_LEADS or rate_hz <= 0 or not _HEADER_BYTES <= start < len(data):
        raise RecordError(
            f"its header gives {leads} leads at {rate_hz} Hz, from byte {start} of {file.size}."
        )
    time = _sample_count(file.size - start, leads, samples)
    rows = _stored_rows(file, start, leads, time, resolutions) or _rows(
        file.data, start, leads, time, resolutions
    )
    intact = {"the header": crc_hqx(data[_CHECKED_FROM:start], 0xFFFF) == checksum}
    birth, recorded = (struct.unpack_from("<3h", data, at) for at in (132, 138))
    return Recording(
        channels=tuple(
            Channel(
                name=_LEADS.get(spec, ""),
                samples=row,
                rate_hz=float(rate_hz),
                unit="mV" if resolution_nv > 0 else "no resolution",
            )
            for row, spec, resolution_nv in zip(rows, specs, resolutions, strict=False)
        ),
        name=file.name,
        warnings=check_checksums(intact) if checksum else (),
        age_years=age_between(_date(*birth), _date(*recorded)),
        sex=_SEX.get(struct.unpack_from("<h", data, 128)[0]),
    )


def _sample_count(size: int, leads: int, samples: int) -> int:
    """Return the samples of a lead; the header counts these, or those of all leads."""
    available = size // (2 * leads)
    if samples == available * leads:
        samples = available
    if not 1 <= samples <= available:
        raise RecordError(
            f"its header promises {samples} samples of {leads} leads; the file has {available}."
        )
    return samples


def _rows(
    data: bytes, start: int, leads: int, time: int, resolutions_nv: Sequence[int]
) -> list[NDArray[np.floating]]:
    """Return the leads in mV, from steps in nV."""
    values = np.frombuffer(data, "<i2", count=time * leads, offset=start).reshape(time, leads)
    rows: list[NDArray[np.floating]] = []
    for column, resolution_nv in zip(values.T, resolutions_nv, strict=False):
        row = column * np.float32(resolution_nv * 1e-6)
        row[column == _MISSING] = np.nan
        rows.append(row)
    return rows


def _stored_rows(
    file: EcgFile, start: int, leads: int, time: int, resolutions_nv: Sequence[int]
) -> list[NDArray[np.floating]]:
    """Return the leads of a long file, which stay in it; none if it is short, or has gaps."""
    if file.path is None or time * leads < LONG:
        return []
    source = StoredSamples(path=file.path, dtype="<i2", channels=leads, time=time, offset=start)
    if source.contains(_MISSING):
        return []
    return [
        as_row(StoredChannel(source=source, channel=k, scale=resolutions_nv[k] * 1e-6, offset=0))
        for k in range(leads)
    ]


def _date(day: int, month: int, year: int) -> str:
    return f"{year:04d}{month:02d}{day:02d}"
