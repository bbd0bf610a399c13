"""Anonymized EDF, BDF, ISHNE and SCP-ECG: header fields of the person are blanked."""

import struct
from binascii import crc_hqx

from .channels import Recording
from .edf import edf_layout
from .scp_ecg import scp_sections

_LETTER = {"female": "F", "male": "M", None: "X"}
_SEX_NUMBER = {"male": 1, "female": 2, None: 0}
_ISHNE_NO_DATE = -9  # as the format writes it
_SCP_KEPT = (2, 3, 4, 5, 6)  # tables, leads, beats, samples
_SCP_HEADER_BYTES = 16


def anonymize_edf(data: bytes, recording: Recording) -> bytes:
    """Blank the person, the recording, dates, transducers and the text of annotations."""
    layout = edf_layout(data)
    copy = bytearray(data[: layout.end])
    plus = data[192:196] in (b"EDF+", b"BDF+")
    person = f"X {_LETTER[recording.sex]} X X" if plus else "X"
    _put(copy, 8, 80, person)
    _put(copy, 88, 80, "Startdate X X X X" if plus else "X")
    _put(copy, 168, 16, "01.01.8500.00.00")
    _put(copy, 197, 39, "")
    count = layout.signals
    _put(copy, 256 + 16 * count, 80 * count, "")  # transducers
    for k, filters in enumerate(layout.filters):
        short = (filters or "").replace("high-pass ", "HP:").replace("low-pass ", "LP:")
        _put(copy, 256 + 136 * count + 80 * k, 80, short.replace("notch ", "N:"))
    _put(copy, 256 + 224 * count, 32 * count, "")  # reserved
    for start, size in layout.annotations:
        onset = bytes(copy[start : start + size]).partition(b"\x14")[0][:20]
        kept = onset + b"\x14\x14\0" if onset.startswith((b"+", b"-")) else b""
        copy[start : start + size] = kept[:size].ljust(size, b"\0")
    return bytes(copy)


def _put(copy: bytearray, start: int, width: int, text: str) -> None:
    copy[start : start + width] = text.encode("ascii").ljust(width)


def anonymize_ishne(data: bytes, recording: Recording) -> bytes:
    """Blank names, ids and dates, the recorder and free text; write the checksum anew."""
    (start,) = struct.unpack_from("<i", data, 22)
    copy = bytearray(data)
    copy[28:128] = bytes(100)  # first name, last name, id
    struct.pack_into("<10h", copy, 130, 0, *[_ISHNE_NO_DATE] * 9)  # race and three dates
    copy[150:156] = bytes(6)  # the time of day
    copy[232:272] = bytes(40)  # the recorder
    copy[274:start] = bytes(start - 274)  # free text, reserved, and blocks of the maker
    struct.pack_into("<h", copy, 128, _SEX_NUMBER[recording.sex])
    struct.pack_into("<H", copy, 8, crc_hqx(bytes(copy[10:start]), 0xFFFF))
    return bytes(copy)


def anonymize_scp_ecg(data: bytes, recording: Recording) -> bytes:
    """Write the sections that the signal needs, and a section 1 with age and sex alone."""
    sections, _ = scp_sections(data)
    facts = b""
    if recording.age_years is not None:
        facts += struct.pack("<BHHB", 4, 3, max(1, round(recording.age_years)), 1)
    if recording.sex is not None:
        facts += struct.pack("<BHB", 8, 1, _SEX_NUMBER[recording.sex])
    bodies = {1: facts + b"\xff\0\0"} | {k: sections[k] for k in _SCP_KEPT if k in sections}
    versions = data[14:16]
    pointers, content = b"", b""
    position = 7 + _SCP_HEADER_BYTES + 10 * 12  # counted from 1
    for number in range(1, 12):
        body = bodies.get(number, b"")
        size = _SCP_HEADER_BYTES + len(body) if body else 0
        pointers += struct.pack("<HII", number, size, position if body else 0)
        if body:
            part = _with_checksum(struct.pack("<HI", number, size) + versions + bytes(6) + body)
            content += part + bytes(len(part) % 2)
            position += len(part) + len(part) % 2
    size = _SCP_HEADER_BYTES + 10 * 12
    first = struct.pack("<HI", 0, size) + versions + b"SCPECG" + struct.pack("<HII", 0, size, 7)
    rest = _with_checksum(first + pointers) + content
    return _with_checksum(struct.pack("<I", 6 + len(rest)) + rest)


def _with_checksum(part: bytes) -> bytes:
    return struct.pack("<H", crc_hqx(part, 0xFFFF)) + part
