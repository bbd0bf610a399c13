"""Reader of GE MUSE XML."""

from xml.etree.ElementTree import Element
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import millivolts_per
from .channels import Channel, Recording
from .checksums import check_checksums
from .device_facts import age_between, age_in_years, describe_filters, sex_of
from .ecg_file import EcgFile
from .xml_tree import base64_bytes, number_of, parse_xml, text_of

_SAMPLE_BYTES = 2
_MISSING = -32768


def read_muse(file: EcgFile) -> Recording:
    """Read the rhythm of all stored leads, usually eight; the median beats are left alone."""
    root = parse_xml(file.data)
    waveform = _rhythm(root)
    rate_hz = _rate_hz(waveform)
    intact: dict[str, bool] = {}
    leads: dict[str, Channel] = {}
    for lead in waveform.findall("LeadData"):
        name = text_of(lead, "LeadID") or f"lead {len(leads) + 1}"
        data = _lead_bytes(lead, name)
        if name in leads or not data:
            continue
        checksum = number_of(lead, "LeadDataCRC32")
        if checksum:
            intact[f"lead {name}"] = crc32(data) == checksum
        leads[name] = Channel(name=name, samples=_millivolts(lead, name, data), rate_hz=rate_hz)
    if not leads:
        raise RecordError("its rhythm waveform has no leads with samples.")
    off = [
        text_of(lead, "LeadID")
        for lead in waveform.findall("LeadData")
        if text_of(lead, "LeadOff").upper() == "TRUE"
    ]
    warnings = (f"the device says that electrodes were off: {', '.join(off)}",) if off else ()
    return Recording(
        channels=tuple(leads.values()),
        name=file.name,
        warnings=(*check_checksums(intact), *warnings),
        age_years=_age(root),
        sex=sex_of(text_of(root, "PatientDemographics/Gender")),
        filters=_filters(waveform),
    )


def _rhythm(root: Element) -> Element:
    """Return the rhythm waveform with the most leads."""
    waveforms = root.findall(".//Waveform")
    rhythms = [w for w in waveforms if text_of(w, "WaveformType").lower() == "rhythm"]
    if not rhythms:
        types = sorted({text_of(w, "WaveformType")[:20] for w in waveforms})
        raise RecordError(
            f"it has waveforms of type {', '.join(types) or 'none'}; expected Rhythm."
        )
    return max(rhythms, key=lambda w: len(w.findall("LeadData")))


def _rate_hz(waveform: Element) -> float:
    """Return SampleBase · 10^SampleExponent."""
    base, exponent = number_of(waveform, "SampleBase"), number_of(waveform, "SampleExponent")
    if base is None or base <= 0 or abs(exponent or 0) > 6:
        raise RecordError("it gives no sampling rate; expected SampleBase above 0.")
    return base * 10.0 ** (exponent or 0)


def _lead_bytes(lead: Element, name: str) -> bytes:
    """Return the samples of a lead as bytes, as many as the file promises."""
    if (size := number_of(lead, "LeadSampleSize")) not in (None, _SAMPLE_BYTES):
        raise RecordError(f"lead {name} has {size:g} bytes per sample; expected {_SAMPLE_BYTES}.")
    data = base64_bytes(text_of(lead, "WaveFormData"))
    promised = number_of(lead, "LeadSampleCountTotal")
    expected = len(data) if promised is None else round(promised) * _SAMPLE_BYTES
    if not 0 <= expected <= len(data):
        raise RecordError(f"lead {name} has {len(data)} bytes; its header promises {expected}.")
    return data[: expected // _SAMPLE_BYTES * _SAMPLE_BYTES]


def _millivolts(lead: Element, name: str, data: bytes) -> NDArray[np.float64]:
    """Return the samples in mV; those that the device marked as missing become NaN."""
    step = number_of(lead, "LeadAmplitudeUnitsPerBit")
    if not step:
        raise RecordError(f"lead {name} has no amplitude per bit.")
    values = np.frombuffer(data, "<i2")
    unit = text_of(lead, "LeadAmplitudeUnits") or "MICROVOLTS"  # which MUSE always writes
    samples = values * (step * millivolts_per(unit))
    samples[values == _MISSING] = np.nan
    return samples


def _age(root: Element) -> float | None:
    """Return the age as given, or else from the date of birth."""
    person, test = root.find("PatientDemographics"), root.find("TestDemographics")
    unit = text_of(person, "AgeUnits") or "YEARS"
    birth, recorded = text_of(person, "DateofBirth"), text_of(test, "AcquisitionDate")
    return age_in_years(number_of(person, "PatientAge"), unit) or age_between(
        birth, recorded, "%m-%d-%Y"
    )


def _filters(waveform: Element) -> str | None:
    """Return the filters; MUSE gives the high-pass in hundredths of a hertz."""
    high = number_of(waveform, "HighPassFilter")
    return describe_filters(
        high / 100 if high else None,
        number_of(waveform, "LowPassFilter"),
        number_of(waveform, "ACFilter"),
    )
