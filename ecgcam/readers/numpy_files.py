"""Readers of NumPy's files: NPY and NPZ. Nothing is unpickled."""

import io
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .channels import Recording
from .ecg_file import EcgFile, check_expansion
from .named_arrays import recording_of_arrays

NPY_START = b"\x93NUMPY"


def is_npz(head: bytes, path: Path | None) -> bool:
    """Return whether a file is a ZIP archive whose first entry is a NumPy array."""
    return head.startswith(b"PK\x03\x04") and b".npy" in head[:300]


def read_npy(file: EcgFile) -> Recording:
    """Read an array (leads, time) or (time, leads)."""
    return recording_of_arrays({"": _load(file.data)}, file.name)


def read_npz(file: EcgFile) -> Recording:
    """Read the signal, its rate and leads among the arrays of an archive."""
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        check_expansion(sum(entry.file_size for entry in entries), len(file.data))
        arrays = {entry.filename[:-4]: _load(archive.read(entry)) for entry in entries}
    return recording_of_arrays(arrays, file.name)


def _load(data: bytes) -> NDArray[Any]:
    """Return the array of an NPY file, after its size was checked."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else _read_header_2
    shape, fortran_order, dtype = reader(stream)
    if dtype.hasobject or dtype.names:
        raise RecordError("it holds Python objects, which are not unpickled; expected numbers.")
    count = math.prod(shape)
    if min(shape, default=0) < 0 or count * dtype.itemsize > len(data) - stream.tell():
        raise RecordError(f"its header promises an array of shape {shape}; it was cut short.")
    flat = np.frombuffer(data, dtype, count, offset=stream.tell()) if count else np.empty(0, dtype)
    return flat.reshape(shape, order="F" if fortran_order else "C")


def _read_header_2(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the header of version 2 or 3, which allows longer ones."""
    return np.lib.format.read_array_header_2_0(stream)
