"""Reader of MATLAB's MAT files of versions 4 to 7; version 7.3 is HDF5.

Format: "MAT-File Format", MathWorks. Numbers, texts, cells and structures are read, the rest is
skipped. A parser of our own: that of SciPy takes as much memory as a damaged file asks for.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .channels import Recording
from .ecg_file import EcgFile, check_expansion
from .named_arrays import recording_of_arrays

Array = NDArray[Any]
Arrays = dict[str, Array]

MAT_5_START = b"MATLAB 5.0 MAT-file"
_TYPES = {  # of data elements in version 5
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8"},
    **{12: "i8", 13: "u8", 16: "u1", 17: "u2", 18: "u4"},
}
_ENCODINGS = {1: "latin-1", 2: "latin-1", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_MATRIX, _COMPRESSED = 14, 15
_CELL, _STRUCTURE, _TEXT, _NUMBERS = 1, 2, 4, range(6, 16)  # classes of matrices
_V4_TYPES = {0: "f8", 1: "f4", 2: "i4", 3: "i2", 4: "u2", 5: "u1"}
_MOST_NESTED = 8


def is_mat_4(head: bytes, path: Path | None) -> bool:
    """Return whether a file begins with the header of a matrix of version 4."""
    if len(head) < 20:
        return False
    header = _v4_header(head, 0)
    if header is None:
        return False
    name = head[20 : 20 + header.name_bytes]
    return name.endswith(b"\0") and name[:-1].decode("latin-1").isidentifier()


def read_mat(file: EcgFile) -> Recording:
    """Read the signal, its rate and leads among the variables of a MAT file."""
    data = file.data
    read = _read_v5 if data.startswith(MAT_5_START) else _read_v4
    return recording_of_arrays(dict(read(data)), file.name)


@dataclass(frozen=True)
class _V4Header:
    order: str
    kind: str
    rows: int
    columns: int
    is_text: bool
    is_complex: bool
    name_bytes: int


def _v4_header(data: bytes, start: int) -> _V4Header | None:
    """Return the header of a matrix of version 4; None if there is none."""
    for order in "<>":
        code, rows, columns, imaginary, name = struct.unpack_from(f"{order}5i", data, start)
        machine, kind, form = code // 1000, code // 10 % 10, code % 10
        sane = code % 1000 // 100 == 0 and machine == (order == ">") and kind in _V4_TYPES
        sane = sane and form in (0, 1) and min(rows, columns) > 0 and 1 < name < 100
        if sane and imaginary in (0, 1):
            return _V4Header(order, _V4_TYPES[kind], rows, columns, form == 1, imaginary == 1, name)
    return None


def _read_v4(data: bytes) -> Iterator[tuple[str, Array]]:
    """Yield the name and the array of each matrix of version 4."""
    start = 0
    while start + 20 <= len(data) and (header := _v4_header(data, start)) is not None:
        dtype = np.dtype(header.order + header.kind)
        count = header.rows * header.columns
        begin = start + 20 + header.name_bytes
        if begin + count * dtype.itemsize > len(data):
            raise RecordError(f"a matrix of {count} numbers is cut short.")
        name = data[start + 20 : begin].rstrip(b"\0").decode("latin-1")
        matrix = np.frombuffer(data, dtype, count, offset=begin)
        matrix = matrix.reshape(header.rows, header.columns, order="F")
        if header.is_text:
            with np.errstate(invalid="ignore"):
                lines = [bytes(row.astype("u1")).decode("latin-1").strip() for row in matrix]
            yield name, np.array(lines)
        else:
            yield name, matrix
        start = begin + count * dtype.itemsize * (2 if header.is_complex else 1)


def _read_v5(data: bytes) -> Iterator[tuple[str, Array]]:
    """Yield the name and the array of each variable of version 5, with the fields of structures."""
    order = ">" if data[126:128] == b"MI" else "<"
    budget = len(data)
    for kind, content in _elements(data[128:], order):
        if kind == _COMPRESSED:
            content = _decompress(content, len(data), budget)
            budget += len(content)
            kind, content = next(_elements(content, order), (0, b""))
        if kind == _MATRIX:
            yield from _variables(content, order, "", 0)


def _decompress(content: bytes, file_size: int, before: int) -> bytes:
    """Decompress a variable, unless it grows beyond what an ECG could."""
    limit = check_expansion(before, file_size)
    inflater = zlib.decompressobj()
    plain = inflater.decompress(content, limit)
    if inflater.unconsumed_tail:
        check_expansion(limit + 1, file_size)
    return plain


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each data element."""
    start = 0
    while start + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, start)
        if kind >> 16:  # a small element: size and content lie in its header
            size, kind = kind >> 16, kind & 0xFFFF
            begin, step = start + 4, 8
        else:
            begin, step = start + 8, 8 + size + (-size % 8 if kind != _COMPRESSED else 0)
        if begin + size > min(len(data), start + step):
            raise RecordError("a variable is cut short.")
        yield kind, data[begin : begin + size]
        start += step


def _variables(data: bytes, order: str, prefix: str, depth: int) -> Iterator[tuple[str, Array]]:
    """Yield the arrays of one matrix: itself, or those in the fields of a structure."""
    if depth > _MOST_NESTED or not data:
        return
    parts = list(_elements(data, order))
    if len(parts) < 3 or len(parts[0][1]) < 4:
        return
    kind = struct.unpack_from(f"{order}I", parts[0][1])[0] & 0xFF
    shape = tuple(np.frombuffer(parts[1][1], f"{order}i4").tolist())
    name = prefix or parts[2][1].decode("latin-1")
    if kind in _NUMBERS and len(parts) > 3:
        yield name, _numbers(parts[3], order, shape)
    elif kind == _TEXT and len(parts) > 3:
        yield name, _texts(parts[3], shape, order)
    elif kind == _CELL:
        cells = [dict(_variables(content, order, "cell", depth + 1)) for _, content in parts[3:]]
        texts = [cell["cell"].reshape(-1)[0] for cell in cells if _is_text(cell)]
        if texts and len(texts) == len(cells):
            yield name, np.array(texts)
        elif len(cells) == 1:
            yield from ((name, array) for array in cells[0].values())
    elif kind == _STRUCTURE and len(parts) > 4 and math.prod(shape) == 1:
        width = int(np.frombuffer(parts[3][1], f"{order}i4")[0])
        names = parts[4][1]
        fields = [names[k : k + width] for k in range(0, len(names), max(width, 1))]
        for field, (_, content) in zip(fields, parts[5:], strict=False):
            key = f"{name}.{field.partition(bytes(1))[0].decode('latin-1')}"
            yield from _variables(content, order, key, depth + 1)


def _is_text(cell: Arrays) -> bool:
    return "cell" in cell and cell["cell"].dtype.kind == "U" and cell["cell"].size > 0


def _numbers(part: tuple[int, bytes], order: str, shape: tuple[int, ...]) -> Array:
    """Return numbers, which may be stored in a smaller type than they have."""
    kind, content = part
    dtype = np.dtype(order + _TYPES[kind])
    if min(shape, default=-1) < 0 or math.prod(shape) * dtype.itemsize != len(content):
        raise RecordError(f"a variable of shape {shape} has {len(content)} bytes.")
    return np.frombuffer(content, dtype).reshape(shape, order="F")


def _texts(part: tuple[int, bytes], shape: tuple[int, ...], order: str) -> Array:
    """Return the rows of a matrix of characters."""
    kind, content = part
    encoding = _ENCODINGS[kind]
    if encoding in ("utf-16", "utf-32"):
        encoding += "-le" if order == "<" else "-be"
    text = content.decode(encoding, "replace")
    rows = shape[0] if shape and 0 < shape[0] <= len(text) else 1
    return np.array([text[k::rows].strip() for k in range(rows)])
