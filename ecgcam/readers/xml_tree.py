"""XML files of devices: safe parsing, and access to values by element names without namespaces."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .ecg_file import decode_text

_MAX_BYTES = 64_000_000
_MAX_MARKUP = 400_000  # tags, and attributes; an ECG has thousands
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ROOT = re.compile(r"<(?:[\w.-]+:)?([a-z_][\w.-]*)[\s/>]", re.ASCII | re.IGNORECASE)
_PROLOG = (("<?", "?>"), ("<!--", "-->"), ("<!", ">"))  # how each of its parts starts and ends
_ENCODING = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.-]{1,40})[\"']")


def root_name(head: bytes) -> str:
    """Return the name of the root element, from a file's first bytes; "" if it is no XML."""
    if b"<" not in head[:200]:
        return ""
    text = _decode(head).lstrip("\ufeff").lstrip()
    while part := next((part for part in _PROLOG if text.startswith(part[0])), None):
        if part[0] == "<!" and "[" in text[: text.find(">")]:
            text = text.partition("]")[2]  # the definitions in a DOCTYPE
        text = text.partition(part[1])[2].lstrip()
    root = _ROOT.match(text)
    return root[1] if root else ""


def parse_xml(data: bytes) -> Element:
    """Parse XML and return its root; the names of all elements are without namespaces.

    Raises RecordError for XML that defines entities, for files larger than any ECG, and for
    damaged XML.
    """
    return parse_xml_namespace(data)[0]


def parse_xml_namespace(data: bytes) -> tuple[Element, str]:
    """Like `parse_xml`, with the namespace of the root, or ""."""
    from defusedxml import DefusedXmlException

    if len(data) > _MAX_BYTES or max(data.count(b"<"), data.count(b"=")) > _MAX_MARKUP:
        raise RecordError(
            f"the XML has {len(data)} bytes and {data.count(b'<')} tags; expected at most "
            f"{_MAX_BYTES} and {_MAX_MARKUP}."
        )
    try:
        root = _parse(data)
    except DefusedXmlException:
        raise RecordError("the XML defines entities or refers to other files; refused.") from None
    except (ParseError, ValueError, LookupError):
        raise RecordError("the XML is damaged or was cut short.") from None
    namespace = root.tag.rpartition("}")[0].removeprefix("{")
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root, namespace


def _parse(data: bytes) -> Element:
    """Parse bytes; where their encoding is declared wrongly or is unknown to expat, as text."""
    from defusedxml.ElementTree import fromstring

    try:
        return fromstring(data)
    except (ParseError, ValueError, LookupError):
        return fromstring(_CONTROL.sub("", _decode(data).lstrip("\ufeff")))


def _decode(data: bytes) -> str:
    """Decode as UTF-8, or else by the declared encoding, by a byte-order mark, or by its look."""
    if declared := _ENCODING.match(data):
        for encoding in ("utf-8", declared[1].decode()):
            try:
                return data.decode(encoding)
            except (UnicodeDecodeError, LookupError):
                continue
    return decode_text(data)


def text_of(element: Element | None, path: str = ".") -> str:
    """Return the text at a path, without surrounding spaces; "" where there is none."""
    found = None if element is None else element.find(path)
    return ((found.text if found is not None else None) or "").strip()


def number_of(element: Element | None, path: str = ".") -> float | None:
    """Return the number at a path; None where there is none."""
    return to_number(text_of(element, path))


def to_number(text: str | None) -> float | None:
    """Return a finite number, with a decimal point or comma; None for other text."""
    try:
        number = float((text or "").strip().replace(",", "."))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def sample_values(text: str) -> NDArray[np.float64]:
    """Parse samples that are separated by spaces, commas or semicolons."""
    try:
        return np.fromstring(text.replace(",", " ").replace(";", " "), sep=" ")
    except (ValueError, DeprecationWarning):
        raise RecordError("the samples of a lead are not all numbers.") from None


def base64_bytes(text: str) -> bytes:
    """Decode base64 that may be broken into lines."""
    try:
        return b64decode("".join(text.split()), validate=True)
    except (Base64Error, ValueError):
        raise RecordError("the samples of a lead are not valid base64.") from None
