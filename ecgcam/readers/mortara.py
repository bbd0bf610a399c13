"""Reader of Mortara ELI XML."""

from xml.etree.ElementTree import Element

import numpy as np

from ..errors import RecordError
from .channels import Channel, Recording
from .device_facts import age_between, age_in_years, sex_of
from .ecg_file import EcgFile
from .xml_tree import base64_bytes, parse_xml, to_number


def read_mortara(file: EcgFile) -> Recording:
    """Read the rhythm of all leads; the typical cycle is left alone."""
    root = parse_xml(file.data)
    channels = tuple(_channel(element) for element in root.findall(".//CHANNEL"))
    if not channels:
        raise RecordError("it has no CHANNEL with samples.")
    subject = root.find(".//SUBJECT")
    about = dict(subject.items()) if subject is not None else {}
    birth = (about.get("DOB_XML") or about.get("DOB") or "").replace("-", "")
    return Recording(
        channels=channels,
        name=file.name,
        age_years=age_in_years(to_number(about.get("AGE")))
        or age_between(birth, root.get("ACQUISITION_TIME", "")),
        sex=sex_of(about.get("GENDER", "")),
    )


def _channel(element: Element) -> Channel:
    """Return a lead in mV; its samples are base64 of 16-bit numbers."""
    name, rate_hz = element.get("NAME", ""), to_number(element.get("SAMPLE_FREQ"))
    per_mv = to_number(element.get("UNITS_PER_MV"))
    if not rate_hz or rate_hz < 0 or not per_mv or element.get("BITS", "16") != "16":
        raise RecordError(f"lead {name} lacks a rate or a gain, or has not 16 bits per sample.")
    data = base64_bytes(element.get("DATA") or element.text or "")
    values = np.frombuffer(data, "<i2", count=len(data) // 2)
    offset = to_number(element.get("OFFSET")) or 0.0
    return Channel(name=name, samples=(values - offset) / per_mv, rate_hz=rate_hz)
