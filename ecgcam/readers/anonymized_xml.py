"""Anonymized XML: only the elements that the signal, age, sex and filters need are kept."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from ..errors import RecordError
from .channels import Recording
from .xml_tree import parse_xml_namespace

_TIMESTAMP = "20000101"  # in place of the day of a recording


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What is kept of a format.

    whole:      elements kept with all that is in them, as "name" or "parent/name".
    age, sex:   paths at which they are written again, from what was read.
    unit:       the element or attribute (@name) beside the age that says years.
    """

    whole: frozenset[str]
    age: str = ""
    sex: str = ""
    unit: str = ""


_KEPT = {
    "RestingECG": _Kept(
        whole=frozenset({"Waveform"}),
        age="PatientDemographics/PatientAge",
        unit="AgeUnits",
        sex="PatientDemographics/Gender",
    ),
    "CardiologyXML": _Kept(
        whole=frozenset({"FilterSetting", "StripData", "FullDisclosure"}),
        age="PatientInfo/Age",
        unit="@units",
        sex="PatientInfo/Gender",
    ),
    "restingecgdata": _Kept(
        whole=frozenset(
            {"documenttype", "documentversion", "signalcharacteristics", "parsedwaveforms"}
        ),
        age="patient/generalpatientdata/age/years",
        sex="patient/generalpatientdata/sex",
    ),
    "SchillerEDI": _Kept(whole=frozenset({"wavedata"}), sex="patdata/gender"),
    "examdescript": _Kept(whole=frozenset({"wavedata"}), sex="patdata/gender"),
    "ECG": _Kept(
        whole=frozenset({"CHANNEL"}), age="SUBJECT@AGE", sex="SUBJECT@GENDER"
    ),
    "AnnotatedECG": _Kept(
        whole=frozenset({"series/code", "series/controlVariable", "sequenceSet"}),
        sex="componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject/"
        "subjectDemographicPerson/administrativeGenderCode@code",
    ),
}  # fmt: skip
_UNSAFE = ("id", "text", "author")  # never kept, wherever they are


def anonymize_xml(data: bytes, recording: Recording) -> bytes:
    """Return XML with the root, the signal, age and sex of the original, and nothing else."""
    root, namespace = parse_xml_namespace(data)
    kept = _KEPT.get(root.tag)
    if kept is None:
        raise RecordError(f"XML with the root {root.tag[:40]} cannot be anonymized.")
    copy = _prune(root, kept.whole) or Element(root.tag)
    if namespace:
        copy.set("xmlns", namespace)
    for timestamp in copy.iter("head"):
        value = timestamp.get("value", "")
        if len(value) >= len(_TIMESTAMP) and value[:8].isdigit():
            timestamp.set("value", _TIMESTAMP + value[8:])
    if recording.age_years is not None and kept.age:
        age = _write(copy, kept.age, f"{recording.age_years:g}")
        if kept.unit.startswith("@"):
            age.set(kept.unit[1:], "years")
        elif kept.unit:
            _write(copy, f"{kept.age.rpartition('/')[0]}/{kept.unit}", "YEARS")
    if recording.sex is not None and kept.sex:
        letter = kept.sex.endswith(("@code", "/gender"))
        _write(copy, kept.sex, recording.sex[0].upper() if letter else recording.sex.upper())
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(copy, encoding="utf-8")


def _prune(element: Element, whole: frozenset[str], parent: str = "") -> Element | None:
    """Return a copy with the elements that are kept whole, in their places; None without any."""
    if element.tag in whole or f"{parent}/{element.tag}" in whole:
        return _copy_whole(element)
    copy = Element(element.tag)
    for child in element:
        kept = _prune(child, whole, element.tag)
        if kept is not None:
            copy.append(kept)
    return copy if len(copy) else None


def _copy_whole(element: Element) -> Element:
    """Return a copy without the elements that may hold an identity."""
    copy = Element(element.tag, element.attrib)
    copy.text, copy.tail = element.text, element.tail
    copy.extend(_copy_whole(child) for child in element if child.tag not in _UNSAFE)
    return copy


def _write(root: Element, path: str, text: str) -> Element:
    """Write a text at a path, or in its attribute ("a/b@c"); missing elements are made."""
    path, _, attribute = path.partition("@")
    element = root
    for name in path.split("/"):
        found = element.find(name)
        element = SubElement(element, name) if found is None else found
    if attribute:
        element.set(attribute, text)
    else:
        element.text = text
    return element
