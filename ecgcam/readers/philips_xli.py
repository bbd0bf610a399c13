"""Decompression of Philips's XLI: one LZW stream of second differences for each lead."""

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError

_CODE_BITS = 10
_LAST_CODE = 2**_CODE_BITS - 2
_OFFSET = 64  # added to each difference before compression
_HEADER_BYTES = 8
_MAX_BYTES_PER_SAMPLE = 3  # two codes of ten bits are the worst case


def decode_xli(data: bytes, leads: int, max_samples: int) -> NDArray[np.int64]:
    """Return (leads, time); chunks after the last lead are other channels, or empty.

    Raises RecordError if a chunk is missing or damaged, or has more samples than allowed.
    """
    rows: list[NDArray[np.int64]] = []
    position = 0
    for lead in range(1, leads + 1):
        start = position + _HEADER_BYTES
        size = int.from_bytes(data[position : position + 4], "little")
        if start >= len(data) or not 0 < size <= len(data) - start:
            raise RecordError(f"its lead {lead} of {leads} is missing or was cut short.")
        if size > _MAX_BYTES_PER_SAMPLE * max_samples + 1024:
            raise RecordError(f"its lead {lead} has more than {max_samples} samples.")
        first = int.from_bytes(data[position + 6 : start], "little", signed=True)
        stream = _decode_lzw(data[start : start + size], 2 * max_samples)
        rows.append(_integrate(stream, first))
        position = start + size
    if len({row.size for row in rows}) > 1:
        raise RecordError("its leads differ in length; the file is damaged.")
    return np.stack(rows)


def _decode_lzw(data: bytes, max_bytes: int) -> bytes:
    """Decode LZW with codes of ten bits, most significant bit first."""
    table = [bytes([k]) for k in range(256)]
    output = bytearray()
    previous = b""
    bits = bit_count = 0
    for byte in data:
        bits = bits << 8 | byte
        bit_count += 8
        if bit_count < _CODE_BITS:
            continue
        bit_count -= _CODE_BITS
        code, bits = bits >> bit_count, bits & (1 << bit_count) - 1
        if code > _LAST_CODE:  # ends the stream
            break
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            raise RecordError("its compressed samples are damaged.")
        output += entry
        if len(output) > max_bytes + 1:
            raise RecordError(f"its compressed samples exceed {max_bytes // 2} of a lead.")
        if previous and len(table) <= _LAST_CODE:
            table.append(previous + entry[:1])
        previous = entry
    return bytes(output)


def _integrate(stream: bytes, first: int) -> NDArray[np.int64]:
    """Return the samples of a lead: the high bytes, then the low bytes, of second differences."""
    half = len(stream) // 2
    if half < 3:
        raise RecordError("a lead has fewer than three samples; the file is damaged.")
    high, low = (np.frombuffer(stream, np.uint8, half, k * half) for k in (0, 1))
    values = (high.astype(np.uint16) << 8 | low).view(np.int16).astype(np.int64)
    steps = np.empty_like(values)
    steps[0], steps[1], steps[2] = values[0], values[1] - values[0], -first
    steps[3:] = _OFFSET - values[2:-1]
    steps[1:] = np.cumsum(steps[1:])
    return np.cumsum(steps).astype(np.int16).astype(np.int64)
