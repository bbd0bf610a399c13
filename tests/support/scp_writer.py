"""Writer of SCP-ECG files, plainly after the standard, to test the reader with."""

import struct
from dataclasses import dataclass, field

import numpy as np

LEAD_NUMBERS = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8}
LEAD_NUMBERS |= {"III": 61, "aVR": 62, "aVL": 63, "aVF": 64}


def crc(data):
    """CRC-CCITT, bit by bit."""
    value = 0xFFFF
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


def default_code(number):
    """The code of a number in the default Huffman table."""
    if number == 0:
        return "0"
    if abs(number) <= 8:
        return "1" * abs(number) + "0" + ("1" if number < 0 else "0")
    if -128 <= number < 128:
        return "1" * 9 + "0" + f"{number & 0xFF:08b}"
    return "1" * 10 + f"{number & 0xFFFF:016b}"


def differences(row, order):
    row = row.astype(np.int64)
    coded = row.copy()
    if order == 1:
        coded[1:] = row[1:] - row[:-1]
    elif order == 2:
        coded[2:] = row[2:] - 2 * row[1:-1] + row[:-2]
    return coded


def pack(codes):
    bits = "".join(codes)
    bits += "0" * (-len(bits) % 16)  # an even number of bytes
    return bytes(int(bits[k : k + 8], 2) for k in range(0, len(bits), 8))


@dataclass(kw_only=True)
class ScpFile:
    """One file; `rows` (leads, time) in steps of `nanovolts`.

    code: gives the bits of a number; None stores 16-bit numbers. tables: the body of section 2.
    beats: ((type, first, fiducial, last), …) from 1. protected: ((first, last), …).
    beat: the reference beat (leads, time), which the writer subtracts; beat_fiducial from 1.
    """

    rows: np.ndarray
    leads: tuple
    nanovolts: int = 2500
    interval_us: int = 2000
    order: int = 2
    code: object = default_code
    tables: bytes = struct.pack("<H", 19999)
    starts: tuple = ()
    beats: tuple = ()
    protected: tuple = ()
    beat: np.ndarray | None = None
    beat_fiducial: int = 0
    beat_nanovolts: int = 2500
    factor: int = 1
    facts: bytes = b""
    checksums: bool = True
    extra: dict = field(default_factory=dict)

    def sections(self):
        starts = self.starts or (1,) * len(self.leads)
        definition = struct.pack("<BB", len(self.leads), (self.beat is not None) | 4)
        for lead, start in zip(self.leads, starts, strict=True):
            end = start + self.rows.shape[1] - 1
            definition += struct.pack("<IIB", start, end, LEAD_NUMBERS[lead])
        found = {1: self.facts + b"\xff\0\0", 3: definition}
        if self.tables is not None:
            found[2] = self.tables
        if self.beat is not None or self.protected:
            length_ms = self.beat.shape[1] * self.interval_us // 1000
            where = struct.pack("<HHH", length_ms, self.beat_fiducial, len(self.beats))
            where += b"".join(struct.pack("<HIII", *beat) for beat in self.beats)
            where += b"".join(struct.pack("<II", *zone) for zone in self.protected)
            found[4] = where
            found[5] = self.samples(self.beat, self.beat_nanovolts, self.interval_us)
        interval_us = self.interval_us * self.factor
        found[6] = self.samples(self.residual(), self.nanovolts, interval_us, self.factor > 1)
        return found | self.extra

    def samples(self, rows, nanovolts, interval_us, bimodal=False):
        parts = []
        for row in rows:
            coded = differences(row, self.order)
            numbers = [int(number) for number in coded]
            raw = struct.pack(f"<{len(numbers)}h", *numbers) if self.code is None else None
            parts.append(raw if raw is not None else pack(map(self.code, numbers)))
        sizes = struct.pack(f"<{len(parts)}H", *map(len, parts))
        head = struct.pack("<HHBB", nanovolts, interval_us, self.order, bimodal)
        return head + sizes + b"".join(parts)

    def residual(self):
        """The rows after subtraction of the beats and decimation between the QRS complexes."""
        rows = self.rows.astype(np.int64).copy()
        for kind, first, fiducial, last in self.beats:
            for n in range(first, last + 1):
                k = n - fiducial + self.beat_fiducial - 1
                if kind == 0 and 0 <= k < self.beat.shape[1]:
                    rows[:, n - 1] -= self.beat[:, k] * self.beat_nanovolts // self.nanovolts
        if self.factor == 1:
            return rows
        kept, n = [], 1
        zones = [*self.protected, (rows.shape[1] + 1, rows.shape[1])]
        for first, last in zones:
            while n < first:
                stop = min(n + self.factor, first)
                kept.append(np.rint(rows[:, n - 1 : stop - 1].mean(axis=1)))
                n = stop
            kept += list(rows[:, n - 1 : last].T)
            n = max(n, last + 1)
        return np.array(kept).T.astype(np.int64)

    def to_bytes(self):
        bodies = self.sections()
        numbers = range(max(12, *bodies) + 1)
        position = 7 + 16 + 10 * len(numbers)  # from 1
        pointers, content = b"", b""
        for number in numbers[1:]:
            body = bodies.get(number)
            if body is None:
                pointers += struct.pack("<HII", number, 0, 0)
                continue
            section = struct.pack("<HIBB6x", number, 16 + len(body), 20, 20) + body
            section = struct.pack("<H", crc(section) if self.checksums else 0) + section
            section += b"\0" * (len(section) % 2)
            pointers += struct.pack("<HII", number, 16 + len(body), position)
            content += section
            position += len(section)
        size = 16 + 10 * len(numbers)
        zero = struct.pack("<HIBB6s", 0, size, 20, 20, b"SCPECG")
        zero += struct.pack("<HII", 0, size, 7) + pointers
        zero = struct.pack("<H", crc(zero) if self.checksums else 0) + zero
        total = struct.pack("<I", 6 + len(zero) + len(content)) + zero + content
        return struct.pack("<H", crc(total) if self.checksums else 0) + total


def table_of(codes):
    """Section 2 with one table: (bits, extra bits, value, switches to table) of each code."""
    body = struct.pack("<HH", 1, len(codes))
    for bits, extra, value in codes:
        reverse = int(bits[::-1], 2)
        body += struct.pack("<BBBhI", len(bits), len(bits) + extra, 1, value, reverse)
    return body


def fact(tag, value):
    return struct.pack("<BH", tag, len(value)) + value
