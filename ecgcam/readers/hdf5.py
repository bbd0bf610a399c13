"""Reader of HDF5 files, and so of MAT files of version 7.3 and MATLAB's later ones."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .channels import Recording
from .ecg_file import EcgFile, check_expansion
from .named_arrays import recording_of_arrays

_START = b"\x89HDF\r\n\x1a\n"
_MOST_DATASETS, _MOST_REFERENCES = 1000, 64


def is_hdf5(head: bytes, path: Path | None) -> bool:
    """Return whether a file is HDF5, with or without a block of MATLAB's before it."""
    return any(head[offset : offset + 8] == _START for offset in (0, 512, 1024, 2048))


def read_hdf5(file: EcgFile) -> Recording:
    """Read the signal, its rate and leads among the datasets and attributes of a file.

    Links to other files are not followed.
    """
    import h5py

    arrays: dict[str, NDArray[Any]] = {}
    total = 0

    def visit(name: str, item: object) -> None:
        nonlocal total
        if len(arrays) > _MOST_DATASETS:
            raise RecordError(f"it has more than {_MOST_DATASETS} datasets; expected one ECG.")
        for key, value in getattr(item, "attrs", {}).items():
            arrays[f"{name}/{key}"] = np.asarray(value)
        if isinstance(item, h5py.Dataset) and not (item.external or item.is_virtual):
            total += item.size * item.dtype.itemsize
            check_expansion(total, len(file.data))
            arrays[name] = _values(item, source)

    with h5py.File(io.BytesIO(file.data), "r") as source:
        for key, value in source.attrs.items():
            arrays[key] = np.asarray(value)
        source.visititems(visit)
    return recording_of_arrays(arrays, file.name)


def _values(dataset: Any, source: Any) -> NDArray[Any]:
    """Return the values of a dataset; texts of MATLAB's become strings."""
    import h5py

    if dataset.attrs.get("MATLAB_class") == b"char":
        codes = np.atleast_2d(dataset[()]).T  # MATLAB stores columns first
        return np.array(["".join(map(chr, row)).strip("\0 ") for row in codes])
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr(errors="replace")[()]).astype(str)
    if h5py.check_ref_dtype(dataset.dtype) is not None and dataset.size <= _MOST_REFERENCES:
        cells = [source[reference] for reference in np.ravel(dataset[()]) if reference]
        texts = [_values(cell, source) for cell in cells if isinstance(cell, h5py.Dataset)]
        return np.array(["".join(text.ravel()) for text in texts if text.dtype.kind == "U"])
    return np.asarray(dataset[()])
