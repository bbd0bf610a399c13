"""Choice of the signal, its rate, leads and unit among the named arrays of a file."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import LEADS, lead_name
from .channels import Channel, Recording
from .sample_times import find_timing
from .table_channels import TIME_UNITS, split_unit

Array = NDArray[Any]

# Names in lower case without signs; the first that is there is the signal.
_SIGNALS = (
    *(
        "signalmv",
        "signaluv",
        "ecgmv",
        "ecguv",
        "psignal",
        "signal",
        "signals",
        "sig",
        "ecg",
        "ecgs",
    ),
    *("ecgdata", "ecgsignal", "ecgsignals", "tracing", "tracings", "waveform", "waveforms"),
    *("data",),
    *("rhythm", "x", "val", "values", "record", "samples", "leads", "y", "arr0", "array", ""),
)
_RATES = {
    *("fs", "rate", "ratehz", "samplingrate", "samplingratehz", "samplerate", "sampleratehz", "sr"),
    *("samplingfrequency", "samplingfreq", "samplefrequency", "samplefreq", "sfreq", "freq", "hz"),
    *("frequency", "srate", "fshz", "fsamp", "fsample", "samplinghz", "sps", "freqhz"),
}
_LEAD_LISTS = {
    *(
        "leads",
        "leadnames",
        "leadname",
        "lead",
        "leadlabels",
        "channels",
        "channelnames",
        "chnames",
    ),
    *("channelname", "signame", "signames", "labels", "names", "columns", "leadorder"),
}
_UNITS = {"unit", "units", "signalunit", "signalunits"}
_TIMES = {"t", "time", "times", "timestamps", "timevector", "tm", "timeaxis", "timems"}
_MOST_LEADS = 64


def recording_of_arrays(arrays: Mapping[str, Array], name: str) -> Recording:
    """Make a Recording of the arrays of a file, by their names and shapes.

    The signal may be (leads, time), (time, leads), or one array per lead. Raises RecordError where
    it is not clear which array is the signal, or which of its axes is time.
    """
    rows, leads, unit = _signal(arrays)
    text = _text(arrays, _UNITS)
    rate_hz = _number(arrays, _RATES)
    if rate_hz is None:
        rate_hz = _rate_of_times(arrays, rows.shape[1])
    channels = tuple(
        Channel(name=lead, samples=row, rate_hz=rate_hz, unit=own or unit or text)
        for (lead, own), row in zip(map(split_unit, leads), rows, strict=True)
    )
    age = _number(arrays, {"age", "ageyears", "patientage"})
    return Recording(
        channels=channels,
        name=name,
        age_years=age if age is not None and 0 <= age <= 130 else None,
        sex=_SEXES.get((_text(arrays, {"sex", "gender", "patientsex"}) or "").lower()),
    )


_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


def _plain(key: str) -> str:
    """Return the last part of a key in lower case, without signs."""
    return re.sub(r"[\W_]+", "", re.split(r"[/.]", key)[-1].lower())


def _signal(arrays: Mapping[str, Array]) -> tuple[NDArray[np.float64], Sequence[str], str | None]:
    """Return the signal (leads, time), the names of its leads, and its unit if its name says it."""
    numeric = {key: np.squeeze(array) for key, array in arrays.items() if _is_numeric(array)}
    single = {key: row for key, row in numeric.items() if row.ndim == 1 and row.size > 1}
    own = {key: row for key, row in single.items() if lead_name(split_unit(_last(key))[0]) in LEADS}
    if own and len({row.size for row in own.values()}) == 1:
        return np.stack(list(own.values())).astype(np.float64), list(map(_last, own)), None
    key = _signal_key(numeric)
    names = _lead_list(arrays)
    table = _leads_first(numeric[key], names)
    unit = re.search(r"[_ (\[]([mu\N{MICRO SIGN}n]?V)[)\]]?$", key, re.IGNORECASE)
    if not names and _plain(key) == "signalmv" and len(table) == len(LEADS):
        names = list(LEADS)  # ecgcam's own files
    return table.astype(np.float64), names or [""] * len(table), unit[1] if unit else None


def _last(key: str) -> str:
    """Return the last part of a key such as "ecg/V1"."""
    return key.rpartition("/")[2].rpartition(".")[2]


def _is_numeric(array: Array) -> bool:
    """Return whether an array may be a signal."""
    return array.dtype.kind in "iuf" and array.size > 1


def _signal_key(numeric: Mapping[str, Array]) -> str:
    """Return the key of the signal: one with a usual name, or else the only large array."""
    for wanted in _SIGNALS:
        keys = [key for key in numeric if _plain(key) == wanted]
        if len(keys) == 1:
            return keys[0]
    large = [
        key
        for key, array in numeric.items()
        if array.size > 99 and _plain(split_unit(key)[0]) not in _TIMES
    ]
    if len(large) == 1:
        return large[0]
    shapes = ", ".join(f"{key} {array.shape}" for key, array in numeric.items())
    raise RecordError(
        f"it is not clear which array is the ECG; found {shapes or 'no numbers'}; expected one "
        "array named signal, or one array for each lead."
    )


def _leads_first(signal: Array, names: Collection[str]) -> Array:
    """Return the signal as (leads, time); RecordError if its shape leaves the axes open."""
    if signal.ndim == 1:
        signal = signal[None]
    if signal.ndim != 2:
        raise RecordError(
            f"the signal has shape {signal.shape}; expected (leads, time). If it holds several "
            "ECGs, save them one by one, or use ecgcam.load(model).predict(array, rate_hz=...)."
        )
    if names and len(names) not in signal.shape:
        raise RecordError(
            f"the signal has shape {signal.shape}; expected (leads, time) with {len(names)} leads."
        )
    if names and signal.shape[0] != signal.shape[1]:
        return signal if len(signal) == len(names) else signal.T
    fewer, more = sorted(signal.shape)
    if fewer > _MOST_LEADS or fewer == more:
        raise RecordError(f"the signal has shape {signal.shape}; expected (leads, time).")
    return signal if len(signal) == fewer else signal.T


def _lead_list(arrays: Mapping[str, Array]) -> list[str]:
    """Return the names of the leads; [] if there is no list of them."""
    for key, array in arrays.items():
        if _plain(key) in _LEAD_LISTS and array.dtype.kind in "US":
            names = [_decode(item) for item in array.reshape(-1).tolist()]
            parts = re.split(r"[,;\s]+", names[0]) if len(names) == 1 else names
            return [part.strip() for part in parts]
    return []


def _decode(item: object) -> str:
    """Return a text, which may be stored as bytes."""
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def _number(arrays: Mapping[str, Array], names: Collection[str]) -> float | None:
    """Return a single number by one of its names; None if there is none, or it is not finite."""
    for key, array in arrays.items():
        if _plain(key) in names and array.size == 1 and array.dtype.kind in "iufUS":
            text = _decode(array.reshape(-1).tolist()[0])
            match = re.match(r"\s*(\d+(?:\.\d*)?(?:e[+-]?\d+)?)", text, re.IGNORECASE)
            if match and np.isfinite(float(match[1])):
                return float(match[1])
    return None


def _text(arrays: Mapping[str, Array], names: Collection[str]) -> str | None:
    """Return a text by one of its names; None if there is none."""
    for key, array in arrays.items():
        if _plain(key) in names and array.size and array.dtype.kind in "US":
            texts = {_decode(item).strip() for item in array.reshape(-1).tolist()}
            return texts.pop() if len(texts) == 1 else None
    return None


def _rate_of_times(arrays: Mapping[str, Array], samples: int) -> float | None:
    """Return the rate of an array of times; None if there is none."""
    for key, array in arrays.items():
        name, unit = split_unit(_last(key))
        if _plain(name) in _TIMES and _is_numeric(array) and array.size == samples:
            return find_timing(array.reshape(-1).astype(np.float64), TIME_UNITS.get(unit)).rate_hz
    return None
