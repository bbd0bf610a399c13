"""Reader of ISHNE Holter files."""

import struct
from binascii import crc_hqx

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
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
    data = file.data
    if len(data) < _HEADER_BYTES:
        raise RecordError(f"it has {len(data)} bytes; expected a header of {_HEADER_BYTES}.")
    (checksum,) = struct.unpack_from("<H", data, 8)
    samples, _, start = struct.unpack_from("<iii", data, 14)
    leads, *specs = struct.unpack_from("<13h", data, 156)
    resolutions = struct.unpack_from("<12h", data, 206)
    (rate_hz,) = struct.unpack_from("<h", data, 272)
    if not 1 <= leads <= _MAX_LEADS or rate_hz <= 0 or not _HEADER_BYTES <= start < len(data):
        raise RecordError(
            f"its header gives {leads} leads at {rate_hz} Hz, from byte {start} of {len(data)}."
        )
    values = _samples(data, start, leads, samples)
    intact = {"the header": crc_hqx(data[_CHECKED_FROM:start], 0xFFFF) == checksum}
    birth, recorded = (struct.unpack_from("<3h", data, at) for at in (132, 138))
    return Recording(
        channels=tuple(
            _channel(values[:, k], specs[k], resolutions[k], float(rate_hz)) for k in range(leads)
        ),
        name=file.name,
        warnings=check_checksums(intact) if checksum else (),
        age_years=age_between(_date(*birth), _date(*recorded)),
        sex=_SEX.get(struct.unpack_from("<h", data, 128)[0]),
    )


def _samples(data: bytes, start: int, leads: int, samples: int) -> NDArray[np.int16]:
    """Return (time, leads); the header counts the samples of a lead, or those of all leads."""
    available = (len(data) - start) // (2 * leads)
    if samples == available * leads:
        samples = available
    if not 1 <= samples <= available:
        raise RecordError(
            f"its header promises {samples} samples of {leads} leads; the file has {available}."
        )
    values = np.frombuffer(data, "<i2", count=samples * leads, offset=start)
    return values.reshape(samples, leads)


def _channel(values: NDArray[np.int16], spec: int, resolution_nv: int, rate_hz: float) -> Channel:
    """Return a lead in mV, from steps in nV."""
    samples = values * np.float32(resolution_nv * 1e-6)
    samples[values == _MISSING] = np.nan
    unit = "mV" if resolution_nv > 0 else "no resolution"
    return Channel(name=_LEADS.get(spec, ""), samples=samples, rate_hz=rate_hz, unit=unit)


def _date(day: int, month: int, year: int) -> str:
    return f"{year:04d}{month:02d}{day:02d}"
