"""Reader of Philips Sierra ECG XML, versions 1.03 and 1.04."""

from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import LEADS
from .calibration_pulse import samples_before_pulse
from .channels import Channel, Recording
from .device_facts import age_between, age_in_years, describe_filters, sex_of
from .ecg_file import EcgFile
from .philips_xli import decode_xli
from .xml_tree import base64_bytes, number_of, parse_xml, text_of, to_number

_MAX_SAMPLES = 200_000  # of a lead; a resting ECG has 5,500
_MAX_LEADS = 32


def read_philips(file: EcgFile) -> Recording:
    """Read the rhythm of all leads, without the calibration pulse at its end."""
    root = parse_xml(file.data)
    waveforms = root.find(".//parsedwaveforms")
    signal = root.find(".//signalcharacteristics")
    if waveforms is None or not text_of(waveforms):
        raise RecordError("it has no waveforms; expected parsedwaveforms.")
    rate_hz = _setting(waveforms, "samplespersecond", signal, "samplingrate")
    resolution = _attribute_number(waveforms, "resolution")
    resolution = (
        resolution or number_of(signal, "resolution") or number_of(signal, "signalresolution")
    )
    if resolution is None or resolution <= 0:
        raise RecordError("it gives no resolution; expected µV per step.")
    names = _lead_names(waveforms, signal)
    signal_uv = _samples(waveforms, names, rate_hz) * resolution
    end = samples_before_pulse(signal_uv / 1000, rate_hz)
    return Recording(
        channels=tuple(
            Channel(name=name, samples=row[:end], rate_hz=rate_hz, unit="uV")
            for name, row in zip(names, signal_uv, strict=True)
        ),
        name=file.name,
        age_years=_age(root),
        sex=sex_of(text_of(root, ".//generalpatientdata/sex")),
        filters=_filters(waveforms, signal),
    )


def _lead_names(waveforms: Element, signal: Element | None) -> tuple[str, ...]:
    """Return the names of the leads; version 1.03 gives their number alone."""
    labels = (waveforms.get("leadlabels") or "").split()
    count = _attribute_number(waveforms, "numberofleads")
    if count is None:
        count = number_of(signal, "numberchannelsallocated") or len(labels) or len(LEADS)
    if not 1 <= count <= _MAX_LEADS:
        raise RecordError(f"it has {count:g} leads; expected 1 to {_MAX_LEADS}.")
    names = (*(labels or LEADS), *(f"lead {k}" for k in range(len(labels or LEADS), _MAX_LEADS)))
    return names[: int(count)]


def _samples(waveforms: Element, names: tuple[str, ...], rate_hz: float) -> NDArray[np.float64]:
    """Return (leads, time) in steps of the resolution."""
    data = base64_bytes(text_of(waveforms))
    method = waveforms.get("compression") or waveforms.get("compressmethod") or ""
    duration_ms = _attribute_number(waveforms, "durationperchannel")
    samples = 0 if duration_ms is None else round(duration_ms * rate_hz / 1000)
    if not 0 <= samples <= _MAX_SAMPLES:
        raise RecordError(f"it promises {samples} samples; expected at most {_MAX_SAMPLES}.")
    if waveforms.get("compressflag", "").lower() == "false" or method.lower() in ("", "none"):
        samples = samples or len(data) // (2 * len(names))
        if not samples or len(data) < 2 * samples * len(names):
            raise RecordError(f"it has {len(data)} bytes for {len(names)} leads of {samples}.")
        values = np.frombuffer(data, "<i2", count=samples * len(names))
        return values.reshape(len(names), samples).astype(np.float64)
    if method.upper() != "XLI":
        raise RecordError("its compression is not supported; expected XLI or none.")
    leads = decode_xli(data, len(names), samples or _MAX_SAMPLES)
    if samples and abs(leads.shape[1] - samples) > 0.1 * samples:
        raise RecordError(f"its leads have {leads.shape[1]} samples; expected {samples}.")
    return _add_predictions(leads, names).astype(np.float64)


def _add_predictions(leads: NDArray[np.int64], names: tuple[str, ...]) -> NDArray[np.int64]:
    """Reconstruct III, aVR, aVL and aVF, which are stored as differences from I and II."""
    if names[:6] != LEADS[:6]:
        return leads
    one, two, three, avr, avl, avf = leads[:6]
    three = two - one - three
    return np.concatenate(
        [
            [one, two, three],
            [-avr - (one + two) // 2, (one - three) // 2 - avl, (two + three) // 2 - avf],
            leads[6:],
        ]
    )


def _setting(waveforms: Element, attribute: str, signal: Element | None, name: str) -> float:
    """Return a number above 0: an attribute in version 1.04, an element in 1.03."""
    number = _attribute_number(waveforms, attribute) or number_of(signal, name)
    if number is None or number <= 0:
        raise RecordError(f"it gives no {name}; expected a number above 0.")
    return number


def _attribute_number(element: Element, name: str) -> float | None:
    return to_number(element.get(name))


def _age(root: Element) -> float | None:
    """Return the age in years, given or from the date of birth."""
    age = root.find(".//generalpatientdata/age")
    years = age_in_years(number_of(age, "years"))
    acquisition = root.find(".//dataacquisition")
    recorded = acquisition.get("date", "") if acquisition is not None else ""
    return years or age_between(text_of(age, "dateofbirth"), recorded, "%Y-%m-%d")


def _filters(waveforms: Element, signal: Element | None) -> str | None:
    """Return the filters of the stored samples, not those of the printout."""
    band = text_of(signal, "signalbandwidth").split("-")
    high = _attribute_number(waveforms, "hipass") or to_number(band[0])
    low = _attribute_number(waveforms, "lowpass") or to_number(band[-1])
    notched = waveforms.get("notchfiltered", "").lower() == "true"
    return describe_filters(
        high, low, _attribute_number(waveforms, "notchfilterfreqs") if notched else None
    )
