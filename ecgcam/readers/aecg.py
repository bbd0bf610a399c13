"""Reader of HL7 aECG, the annotated ECG of clinical trials."""

from collections import Counter
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from ..errors import RecordError
from ..signals.leads import millivolts_per
from .calibration_pulse import samples_before_pulse
from .channels import Channel, Recording
from .device_facts import age_between, age_in_years, describe_filters, sex_of
from .ecg_file import EcgFile
from .xml_tree import parse_xml, sample_values, to_number

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0}
_TIME_CODES = ("TIME_ABSOLUTE", "TIME_RELATIVE")
_FILTER = "MDC_ECG_CTL_VBL_ATTR_FILTER_"
_AGE_CODE = "21612-7"  # LOINC, "Reported age"


def read_aecg(file: EcgFile) -> Recording:
    """Read the rhythm series; representative beats, which are nested in it, are left alone."""
    root = parse_xml(file.data)
    series = [s for s in root.findall("component/series") if _code(s) in ("RHYTHM", "")]
    channels = [channel for one in series for channel in _channels(one)]
    if not channels:
        raise RecordError("it has no rhythm series with samples; expected one with leads.")
    kept, warnings = _largest_group(channels)
    return Recording(
        channels=_without_pulse(kept),
        name=file.name,
        warnings=warnings,
        age_years=_age(root),
        sex=sex_of(_attribute(root, ".//administrativeGenderCode", "code")),
        filters=_filters(series[0]),
    )


def _channels(series: Element) -> Iterator[tuple[str, Channel]]:
    """Yield each lead of a series with the time at which its set of sequences starts."""
    for sequences in series.findall("component/sequenceSet"):
        found = [s for s in sequences.findall("component/sequence") if s.find("value") is not None]
        times = [s for s in found if _code(s) in _TIME_CODES]
        if not times:
            continue
        start, rate_hz = _attribute(times[0], "value/head", "value"), _rate_hz(times[0])
        for sequence in found:
            value = sequence.find("value")
            if value is not None and (digits := value.findtext("digits")) is not None:
                name = _code(sequence) or _attribute(sequence, "code", "displayName")
                yield start, _channel(name, value, digits, rate_hz)


def _channel(name: str, value: Element, digits: str, rate_hz: float) -> Channel:
    """Return a lead in mV: each sample is origin + digit · scale, each with its own unit."""
    origin_mv, scale_mv = _quantity(value, "origin", 0.0), _quantity(value, "scale", None)
    samples = sample_values(digits) * scale_mv + origin_mv
    return Channel(name=name, samples=samples, rate_hz=rate_hz)


def _quantity(value: Element, name: str, default: float | None) -> float:
    """Return an origin or a scale in mV."""
    element = value.find(name)
    number = to_number(element.get("value")) if element is not None else None
    if element is None or number is None:
        if default is None:
            raise RecordError(f"a lead has no {name}; expected a value with a unit.")
        return default
    if number == 0:
        return 0.0
    return number * millivolts_per(element.get("unit", ""))


def _rate_hz(sequence: Element) -> float:
    """Return the rate of an increment in s, ms or µs."""
    unit = _attribute(sequence, "value/increment", "unit").lower().replace("µ", "u")
    step = to_number(_attribute(sequence, "value/increment", "value"))
    if step is None or step <= 0 or unit not in _SECONDS:
        raise RecordError("the increment of time is not above 0; expected s, ms or us per sample.")
    return round(1 / (step * _SECONDS[unit]), 6)


def _largest_group(
    channels: list[tuple[str, Channel]],
) -> tuple[list[Channel], tuple[str, ...]]:
    """Return the leads that were recorded together, of the moment with the most samples."""
    keys = [(start, channel.rate_hz, channel.samples.size) for start, channel in channels]
    sizes = Counter(keys)
    best = max(sizes, key=lambda key: (sizes[key] * key[2], -keys.index(key)))
    kept = [channel for (_, channel), key in zip(channels, keys, strict=True) if key == best]
    if len(sizes) == 1:
        return kept, ()
    return kept, (f"{len(sizes)} recordings of different times in one file: the longest was read",)


def _without_pulse(channels: list[Channel]) -> tuple[Channel, ...]:
    """Cut off the calibration pulse that Philips's export appends."""
    signal_mv = np.stack([channel.samples for channel in channels])
    end = samples_before_pulse(signal_mv, channels[0].rate_hz or 0.0)
    return tuple(
        Channel(name=channel.name, samples=channel.samples[:end], rate_hz=channel.rate_hz)
        for channel in channels
    )


def _age(root: Element) -> float | None:
    """Return the reported age, or else the time from birth to the recording."""
    for observation in root.findall(".//relatedObservation"):
        value = observation.find("value")
        if _code(observation) == _AGE_CODE and value is not None and value.get("value"):
            return age_in_years(to_number(value.get("value")), value.get("unit", "a"))
    recorded = _attribute(root, "effectiveTime/low", "value") or _attribute(
        root, "effectiveTime/center", "value"
    )
    return age_between(_attribute(root, ".//birthTime", "value"), recorded)


def _filters(series: Element) -> str | None:
    """Return the filters among the control variables of a series."""
    found: dict[str, float] = {}
    for variable in series.findall("controlVariable/controlVariable"):
        kind = _code(variable).removeprefix(_FILTER)
        for part in variable.findall("component/controlVariable"):
            hz = to_number(_attribute(part, "value", "value"))
            if hz and _attribute(part, "value", "unit").lower() in ("hz", ""):
                found.setdefault(kind, hz)
    return describe_filters(found.get("HIGH_PASS"), found.get("LOW_PASS"), found.get("NOTCH"))


def _code(element: Element) -> str:
    """Return the code of an element, for example "RHYTHM" or "MDC_ECG_LEAD_I"."""
    return _attribute(element, "code", "code")


def _attribute(element: Element, path: str, name: str) -> str:
    """Return an attribute of the element at a path; "" where there is none."""
    found = element.find(path)
    return (found.get(name) or "").strip() if found is not None else ""
