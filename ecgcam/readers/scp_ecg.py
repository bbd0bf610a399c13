"""Reader of SCP-ECG (EN 1064, ISO 11073-91064)."""

import struct
from binascii import crc_hqx
from pathlib import Path

import numpy as np

from ..errors import RecordError
from .channels import Channel, Recording
from .checksums import check_checksums
from .device_facts import age_between, age_in_years, describe_filters
from .ecg_file import EcgFile
from .scp_huffman import parse_tables
from .scp_samples import ScpLead, decode_rhythm

SCP_LEADS = {
    **{1: "I", 2: "II", 61: "III", 62: "aVR", 63: "aVL", 64: "aVF"},
    **{2 + k: f"V{k}" for k in range(1, 8)},
    **{8 + k: f"V{k}R" for k in range(2, 8)},
    **{16: "X", 17: "Y", 18: "Z", 65: "-aVR", 66: "V8", 67: "V9", 68: "V8R", 69: "V9R"},
}
_HEADER_BYTES = 16  # of a section
_MAX_SECTIONS = 1000
_AGE_UNITS = {1: "years", 2: "months", 3: "weeks", 4: "days", 5: "hours"}
_SEX = {1: "male", 2: "female"}


def is_scp_ecg(head: bytes, path: Path | None) -> bool:
    """Return whether a file starts with a section 0 of pointers to sections."""
    if len(head) < 6 + _HEADER_BYTES + 10:
        return False
    number, length = struct.unpack_from("<HI", head, 8)
    named = head[16:22] == b"SCPECG"
    versions = all(10 <= version < 40 for version in head[14:16])  # 1.0 to 3.x, times ten
    return number == 0 and (named or (versions and 16 < length < 2000 and length % 10 == 6))


def read_scp_ecg(file: EcgFile) -> Recording:
    """Read the rhythm of all leads: Huffman codes, differences, decimation, reference beats."""
    sections, warnings = scp_sections(file.data)
    if 3 not in sections or 6 not in sections:
        raise RecordError(
            f"it has the sections {', '.join(map(str, sorted(sections)))}; expected leads (3) and "
            "rhythm (6)."
        )
    leads, subtracted = _leads(sections[3])
    tables = parse_tables(sections.get(2, b""))
    rows, interval_us = decode_rhythm(sections, leads, tables, subtracted=subtracted)
    first = min(lead.start for lead in leads)
    age_years, sex, filters = _facts(sections.get(1, b""))
    return Recording(
        channels=tuple(
            Channel(
                name=SCP_LEADS.get(lead.number, f"SCP lead {lead.number}"),
                samples=np.concatenate([np.full(lead.start - first, np.nan), row * 1e-6]),
                rate_hz=round(1e6 / interval_us, 6),
            )
            for lead, row in zip(leads, rows, strict=True)
        ),
        name=file.name,
        warnings=warnings,
        age_years=age_years,
        sex=sex,
        filters=filters,
    )


def scp_sections(data: bytes) -> tuple[dict[int, bytes], tuple[str, ...]]:
    """Return the bodies of the sections by their numbers, and a warning about checksums."""
    if len(data) < 6 + _HEADER_BYTES:
        raise RecordError(f"it has {len(data)} bytes; expected a header.")
    length = struct.unpack_from("<I", data, 10)[0]
    sections: dict[int, bytes] = {}
    intact: dict[str, bool] = {}
    ends = range(6 + _HEADER_BYTES, min(6 + length, len(data)) - 9, 10)
    for at in ends[:_MAX_SECTIONS]:
        number, size, index = struct.unpack_from("<HII", data, at)
        if size <= _HEADER_BYTES or index == 0:
            continue
        start = index - 1
        if start + size > len(data):
            raise RecordError(f"its section {number} ends after the file, which was cut short.")
        body = data[start : start + size]
        checksum = struct.unpack_from("<H", body)[0]
        if number and checksum:
            value = crc_hqx(body[2:], 0xFFFF)
            intact[f"section {number}"] = checksum in (value, value >> 8 | (value & 255) << 8)
        sections[number] = body[_HEADER_BYTES:]
    signal = {name: fits for name, fits in intact.items() if name[8:] in ("2", "3", "4", "5", "6")}
    return sections, check_checksums(signal if any(signal.values()) else intact)


def _leads(body: bytes) -> tuple[list[ScpLead], bool]:
    """Return the leads, and whether a reference beat was subtracted from them."""
    count, flags = (body[0], body[1]) if len(body) >= 2 else (0, 0)
    if not count or len(body) < 2 + 9 * count:
        raise RecordError(f"its section 3 gives {count} leads in {len(body)} bytes.")
    leads = []
    for k in range(count):
        start, end, number = struct.unpack_from("<IIB", body, 2 + 9 * k)
        if not 1 <= start <= end:
            raise RecordError(f"its lead {k + 1} runs from sample {start} to {end}.")
        leads.append(ScpLead(start=start, end=end, number=number))
    if max(lead.start for lead in leads) - min(lead.start for lead in leads) > 10_000_000:
        raise RecordError("its leads start far apart; the file is damaged.")
    return leads, bool(flags & 1)


def _facts(body: bytes) -> tuple[float | None, str | None, str | None]:
    """Return age, sex and filters of section 1."""
    tags: dict[int, bytes] = {}
    position = 0
    while position + 3 <= len(body) and body[position] != 255:
        tag, size = struct.unpack_from("<BH", body, position)
        tags.setdefault(tag, body[position + 3 : position + 3 + size])
        position += 3 + size
    number = {tag: int.from_bytes(value[:2], "little") for tag, value in tags.items()}
    age = tags.get(4, b"")
    age_years = age_in_years(number.get(4), _AGE_UNITS.get(age[2], "")) if len(age) > 2 else None
    notch = tags.get(29, b"\0")[:1]
    filters = describe_filters(
        number.get(27, 0) / 100,
        number.get(28),
        {1: 60.0, 2: 50.0}.get((notch[0] & 3) if notch else 0),
    )
    sex = tags.get(8, b"\0")[:1]
    born, recorded = (_date(tags.get(tag, b"")) for tag in (5, 25))
    return age_years or age_between(born, recorded), _SEX.get(sex[0] if sex else 0), filters


def _date(value: bytes) -> str:
    """Return YYYYMMDD of a date in section 1; "" where it is missing."""
    if len(value) < 4:
        return ""
    year, month, day = struct.unpack("<HBB", value[:4])
    return f"{year:04d}{month:02d}{day:02d}"
