"""Huffman codes of SCP-ECG: the default table of the standard, and tables stored in a file."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError

DEFAULT_TABLE = 19999  # in place of a number of tables
_ENTRY_BYTES = 9
_MAX_CODE_BITS = 40
_WINDOW = 12  # bits by which codes are remembered


@dataclass(frozen=True)
class _Code:
    """One code of a table: its bits, then `extra` bits of a signed number added to `value`."""

    bits: str
    extra: int
    value: int
    switches: bool = False  # to the table number `value`


class HuffmanTables:
    """Decoder of one or more tables; a code of one can switch to another."""

    def __init__(self, tables: Sequence[Sequence[_Code]]) -> None:
        self._codes = [{code.bits: code for code in table} for table in tables]
        self._lengths = [sorted({len(code.bits) for code in table}) for table in tables]
        self._known: list[dict[str, _Code]] = [{} for _ in tables]  # by the next bits

    def decode(self, data: bytes, count: int) -> NDArray[np.int64]:
        """Return `count` numbers; RecordError if the bits are no code, or too few."""
        bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}" if data else ""
        values = np.empty(count, np.int64)
        known, table, position, k = self._known[0], 0, 0, 0
        while k < count:
            code = known.get(bits[position : position + _WINDOW]) or self._find(
                table, bits, position
            )
            start = position + len(code.bits)
            position = start + code.extra
            if code.switches:
                table = code.value - 1
                known = self._known[table]
            else:
                values[k] = code.value + _signed(bits[start:position])
                k += 1
        if position > len(bits):
            raise RecordError("its Huffman-coded samples were cut short.")
        return values

    def _find(self, table: int, bits: str, position: int) -> _Code:
        """Return the code at a position, and remember it by its window if it lies within."""
        for length in self._lengths[table]:
            code = self._codes[table].get(bits[position : position + length])
            if code is not None:
                if length <= _WINDOW:
                    self._known[table][bits[position : position + _WINDOW]] = code
                return code
        raise RecordError("its Huffman-coded samples are damaged or were cut short.")


def parse_tables(body: bytes) -> HuffmanTables | None:
    """Return the tables of section 2; None if the samples are stored as they are."""
    count = struct.unpack_from("<H", body)[0] if len(body) >= 2 else 0
    if count == DEFAULT_TABLE:
        return HuffmanTables([_default_table()])
    if count == 0:
        return None
    tables: list[list[_Code]] = []
    position = 2
    for _ in range(count):
        if position + 2 > len(body):
            raise RecordError("its Huffman tables were cut short.")
        size = struct.unpack_from("<H", body, position)[0]
        position += 2
        if not size or position + size * _ENTRY_BYTES > len(body):
            raise RecordError(f"its Huffman table has {size} codes in {len(body)} bytes.")
        entries = [
            struct.unpack_from("<BBBhI", body, position + k * _ENTRY_BYTES) for k in range(size)
        ]
        position += size * _ENTRY_BYTES
        if count == 1 and size == 1 and entries[0][0] == 0:
            return None  # how some devices say that the samples are not coded
        tables.append([_parse_code(*entry, tables=count) for entry in entries])
    return HuffmanTables(tables)


def _parse_code(
    prefix: int, length: int, mode: int, value: int, bits: int, *, tables: int
) -> _Code:
    """Return a code of a file's table, whose bits are stored in reverse."""
    extra = length - prefix
    switches = mode == 0
    if not 1 <= prefix <= 32 or extra < 0 or length > _MAX_CODE_BITS:
        raise RecordError(f"a Huffman code has {prefix} of {length} bits; the table is damaged.")
    if switches and not 1 <= value <= tables:
        raise RecordError(f"a Huffman code switches to table {value} of {tables}.")
    return _Code(f"{bits:032b}"[::-1][:prefix], 0 if switches else extra, value, switches)


def _default_table() -> list[_Code]:
    """Return the table of the standard: k ones, a zero and a sign for ±k; longer numbers raw."""
    small = [
        _Code("1" * k + "0" + sign, 0, -k if sign == "1" else k)
        for k in range(1, 9)
        for sign in "01"
    ]
    return [_Code("0", 0, 0), *small, _Code("1" * 9 + "0", 8, 0), _Code("1" * 10, 16, 0)]


def _signed(bits: str) -> int:
    """Return a number in two's complement; 0 for no bits."""
    return int(bits, 2) - (int(bits[0]) << len(bits)) if bits else 0
