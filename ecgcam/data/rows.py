"""Rows of an array too large for memory: written part by part, read as they are asked for.

Not memory-mapped: each page of a mapped file that was touched counts as memory of the process, so
that a large archive would seem to fill it.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..files import atomic_write


class Rows:
    """The rows of the array in an .npy file, along its first axis.

    Raises OSError or ValueError if the file does not hold such an array.
    """

    def __init__(self, path: Path) -> None:
        array = np.lib.format.open_memmap(path, mode="r")  # checks the header and the file's size
        if not array.ndim or not array.flags.c_contiguous:
            raise ValueError(f"{path}: its rows do not lie one after the other.")
        self.path = path
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = array.dtype
        self._start: int = array.offset

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, places: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[Any]:
        """The rows at these places, from 0 on: (places, …).

        Raises IndexError if there is no such row, and OSError if the file has lost it since.
        """
        rows = np.empty((len(places), *self.shape[1:]), self.dtype)
        bytes_each = rows[:1].nbytes
        with self.path.open("rb", buffering=0) as file:
            for row, place in zip(rows, places, strict=True):
                if not 0 <= place < len(self):
                    raise IndexError(f"{self.path}: there is no row {place} of {len(self)}.")
                file.seek(self._start + int(place) * bytes_each)
                if file.readinto(row.data) != bytes_each:
                    raise OSError(f"{self.path}: row {place} is cut short; the file has changed.")
        return rows


def write_rows(
    path: Path, parts: Iterable[NDArray[Any]], *, shape: tuple[int, ...], dtype: DTypeLike
) -> Rows:
    """Write an .npy file of this shape and type, whose rows come in parts, one after the other.

    Written whole or not at all. Raises ValueError if the parts are not those of the shape.
    """
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with atomic_write(path) as temporary:
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            written = 0
            for part in parts:
                if part.shape[1:] != shape[1:]:
                    raise ValueError(f"rows of {part.shape[1:]}; needed: {shape[1:]}.")
                file.write(np.ascontiguousarray(part, dtype).data)
                written += len(part)
        if written != shape[0]:
            raise ValueError(f"{written} rows came; needed: {shape[0]}.")
    return Rows(path)
