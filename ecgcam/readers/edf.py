"""Reader of EDF, EDF+C and BDF."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.stored import LONG, StoredChannel, StoredSamples, as_row
from .channels import Channel, Recording
from .device_facts import age_between, describe_filters, sex_of
from .ecg_file import EcgFile

EDF_START, BDF_START = b"0       ", b"\xffBIOSEMI"
_MAIN_BYTES = _SIGNAL_BYTES = 256
_MAX_SIGNALS = 254  # their headers fit in the head of a file
_WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)  # of the fields of a signal
_ANNOTATIONS = ("edf annotations", "bdf annotations")
_NO_ECG = (*_ANNOTATIONS, "status")
_PATIENT = re.compile(r"\S+ ([MFX]) (\d\d-[A-Z]{3}-\d{4}|X)(?: |$)")
_FILTER = re.compile(r"\b(HP|LP|N|Notch):? ?([\d.]+) ?Hz", re.IGNORECASE)
_START_DATE = re.compile(r"Startdate (\d\d-[A-Z]{3}-\d{4})")


@dataclass(frozen=True)
class _Signal:
    """One signal of the header; `per_record` samples in each data record."""

    label: str
    unit: str
    gain: float
    offset: float
    prefiltering: str
    per_record: int


def is_edf(head: bytes, path: Path | None) -> bool:
    """Return whether a file starts with version 0 and a header length that fits its signals."""
    signals, length = head[252:256].strip(), head[184:192].strip()
    return (
        head.startswith(EDF_START)
        and signals.isdigit()
        and length.isdigit()
        and int(length) == (int(signals) + 1) * _SIGNAL_BYTES
    )


@dataclass(frozen=True)
class EdfLayout:
    """Where the parts of a file lie.

    signals: how many. end: of the last whole data record. annotations: start and size of each
    block of annotations. filters: of each signal.
    """

    signals: int
    end: int
    annotations: tuple[tuple[int, int], ...]
    filters: tuple[str | None, ...]


def edf_layout(data: bytes) -> EdfLayout:
    """Return where the parts of an EDF or BDF file lie."""
    width = 3 if data.startswith(BDF_START) else 2
    signals = _signals(data)
    sizes = [width * signal.per_record for signal in signals]
    records, _ = _record_count(data, len(data), sum(sizes), len(signals))
    start = (len(signals) + 1) * _SIGNAL_BYTES
    annotations = [
        (start + record * sum(sizes) + sum(sizes[:k]), sizes[k])
        for k, signal in enumerate(signals)
        if signal.label.lower() in _ANNOTATIONS
        for record in range(records)
    ]
    return EdfLayout(
        signals=len(signals),
        end=start + records * sum(sizes),
        annotations=tuple(annotations),
        filters=tuple(_filters(signal.prefiltering) for signal in signals),
    )


def read_edf(file: EcgFile) -> Recording:
    """Read all signals, each at its own rate; annotations are left out."""
    data = file.head
    width = 3 if data.startswith(BDF_START) else 2
    kind = _text(data, 192, 44)
    if kind[:5] in ("EDF+D", "BDF+D"):
        raise RecordError(
            f"it is {kind[:5]}, a recording with interruptions; expected EDF+C, without. Export "
            "one uninterrupted stretch."
        )
    seconds = _number(data, 244, 8)
    signals = _signals(data)
    record_bytes = width * sum(signal.per_record for signal in signals)
    records, warnings = _record_count(data, file.size, record_bytes, len(signals))
    if not seconds > 0:
        raise RecordError(f"its data records last {seconds:g} s; expected above 0.")
    rows = _stored_rows(file, signals, records, width) or _rows(file, signals, records, width)
    channels = tuple(
        Channel(
            name=signal.label,
            samples=row,
            rate_hz=signal.per_record / seconds,
            unit=signal.unit or None,
        )
        for signal, row in zip(signals, rows, strict=False)
        if signal.label.lower() not in _NO_ECG
    )
    sex, age_years = _person(data, kind)
    return Recording(
        channels=channels,
        name=file.name,
        warnings=warnings,
        age_years=age_years,
        sex=sex,
        filters=next(filter(None, (_filters(s.prefiltering) for s in signals)), None),
    )


def _signals(data: bytes) -> list[_Signal]:
    """Parse the headers of the signals, which are stored field by field."""
    count = int(_number(data, 252, 4))
    if not 1 <= count <= _MAX_SIGNALS or len(data) < (count + 1) * _SIGNAL_BYTES:
        raise RecordError(f"its header gives {count} signals in {len(data)} bytes.")
    starts = _MAIN_BYTES + count * np.concatenate([[0], np.cumsum(_WIDTHS)])
    signals = []
    for k in range(count):
        at = [int(start) + k * width for start, width in zip(starts, _WIDTHS, strict=False)]
        low, high, dlow, dhigh = (_number(data, at[field], 8) for field in (3, 4, 5, 6))
        per_record = _number(data, at[8], 8)
        label = _text(data, at[0], 16)
        if not 0 < per_record < 1e7:
            raise RecordError(f"signal {k + 1} has {per_record:g} samples a record.")
        scaled = dhigh > dlow and low != high
        gain = (high - low) / (dhigh - dlow) if scaled else 0.0
        signals.append(
            _Signal(
                label=label,
                unit=_text(data, at[2], 8) if scaled else "no range",
                gain=gain,
                offset=low - gain * dlow,
                prefiltering=_text(data, at[7], 80),
                per_record=int(per_record),
            )
        )
    return signals


def _record_count(
    header: bytes, size: int, record_bytes: int, signals: int
) -> tuple[int, tuple[str, ...]]:
    """Return the number of whole data records, and a warning if the file ends early."""
    promised = int(_number(header, 236, 8))
    available = (size - (signals + 1) * _SIGNAL_BYTES) // record_bytes
    if not available:
        raise RecordError("it has no whole data record.")
    if promised in (-1, available) or 0 < promised < available:
        return (available if promised == -1 else promised), ()
    return available, (f"the file ends early: {available} of {promised} data records",)


def _rows(
    file: EcgFile, signals: list[_Signal], records: int, width: int
) -> list[NDArray[np.floating]]:
    """Return each signal in its unit, from numbers of 2 bytes in EDF and 3 in BDF."""
    ends = np.cumsum([width * signal.per_record for signal in signals])
    start = (len(signals) + 1) * _SIGNAL_BYTES
    raw = np.frombuffer(file.data, np.uint8, count=records * int(ends[-1]), offset=start)
    raw = raw.reshape(records, int(ends[-1]))
    rows: list[NDArray[np.floating]] = []
    for signal, end in zip(signals, ends.tolist(), strict=True):
        part = np.ascontiguousarray(raw[:, end - width * signal.per_record : end]).reshape(
            -1, width
        )
        if width == 2:
            numbers = part.view("<i2")[:, 0].astype(np.float32)
        else:
            wide = np.zeros((len(part), 4), np.uint8)
            wide[:, 1:] = part  # 24 bits in the upper three bytes keep the sign
            numbers = (wide.view("<i4")[:, 0] >> 8).astype(np.float32)
        rows.append(numbers * np.float32(signal.gain) + np.float32(signal.offset))
    return rows


def _stored_rows(
    file: EcgFile, signals: list[_Signal], records: int, width: int
) -> list[NDArray[np.floating]]:
    """Return the signals of a long EDF file, which stay in it; none if it cannot be read in parts.

    For that all signals need one rate; only annotations, after all others, may have another.
    """
    ecg = [signal for signal in signals if signal.label.lower() not in _ANNOTATIONS]
    rates = {signal.per_record for signal in ecg}
    block = signals[0].per_record
    time = records * block
    in_parts = width == 2 and len(rates) == 1 and signals[: len(ecg)] == ecg
    if file.path is None or not in_parts or time * len(ecg) < LONG:
        return []
    source = StoredSamples(
        path=file.path,
        dtype="<i2",
        channels=len(ecg),
        time=time,
        offset=(len(signals) + 1) * _SIGNAL_BYTES,
        block=block,
        other_bytes=width * sum(signal.per_record for signal in signals[len(ecg) :]),
    )
    return [
        as_row(StoredChannel(source=source, channel=k, scale=signal.gain, offset=signal.offset))
        for k, signal in enumerate(ecg)
    ]


def _person(data: bytes, kind: str) -> tuple[str | None, float | None]:
    """Return sex and age from the subfields of EDF+; plain EDF has free text there."""
    patient = _PATIENT.match(_text(data, 8, 80)) if kind.startswith(("EDF+", "BDF+")) else None
    start = _START_DATE.match(_text(data, 88, 80))
    if not patient:
        return None, None
    age = age_between(patient[2], start[1], "%d-%b-%Y") if start else None
    return sex_of(patient[1]), age


def _filters(prefiltering: str) -> str | None:
    """Return the filters in for example "HP:0.05Hz LP:150Hz N:50Hz"."""
    found = {name.upper()[:2]: float(hz) for name, hz in _FILTER.findall(prefiltering)}
    return describe_filters(found.get("HP"), found.get("LP"), found.get("N", found.get("NO")))


def _text(data: bytes, start: int, width: int) -> str:
    return data[start : start + width].decode("latin-1").replace("\0", " ").strip()


def _number(data: bytes, start: int, width: int) -> float:
    """Return the number in a field of the header, with a decimal point or comma."""
    text = _text(data, start, width).replace(",", ".")
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    if not np.isfinite(number):
        raise RecordError(f"a field of its header is no number (bytes {start} to {start + width}).")
    return number
