"""Other libraries that find waves, each for one lead at a time, as benchmarks/delineation.py needs.

They are no dependencies of ecgcam; pip install neurokit2 openecg onnxruntime wfdb.
"""

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ecgcam.signals.record import Record

Stretches = dict[str, NDArray[np.float64]]  # wave -> (waves, 2): onset and offset in seconds

_KEYS = {"P": "ECG_P", "QRS": "ECG_R", "T": "ECG_T"}  # of neurokit2
_NONE: Stretches = {wave: np.empty((0, 2)) for wave in _KEYS}


def neurokit(method: str) -> Callable[[Record], list[Stretches]]:
    """Return neurokit2's delineation by a method: dwt, cwt or prominence."""

    def of_lead(signal_mv: NDArray[np.float32], rate_hz: int) -> Stretches:
        import neurokit2 as nk

        try:
            clean = nk.ecg_clean(signal_mv.astype(float), sampling_rate=rate_hz)
            _, peaks = nk.ecg_peaks(clean, sampling_rate=rate_hz)
            _, found = nk.ecg_delineate(clean, peaks, sampling_rate=rate_hz, method=method)
        except Exception as error:  # it has many ways to fail on a lead that it cannot read
            warnings.warn(f"neurokit2 failed: {type(error).__name__}", stacklevel=1)
            return _NONE
        return {wave: _pairs(found, key, rate_hz) for wave, key in _KEYS.items()}

    return _by_lead(of_lead)


def _pairs(found: dict[str, list[float]], key: str, rate_hz: int) -> NDArray[np.float64]:
    onsets, offsets = found.get(f"{key}_Onsets", []), found.get(f"{key}_Offsets", [])
    pairs = np.array([onsets, offsets], float).reshape(2, -1).T / rate_hz
    return pairs[np.isfinite(pairs).all(axis=1) & (pairs[:, 1] > pairs[:, 0])]


def wfdb_complexes(signal_mv: NDArray[np.float32], rate_hz: int) -> Stretches:
    """Return the QRS complexes of wfdb, which finds their peaks alone: 50 ms to each side."""
    from wfdb.processing import xqrs_detect

    peaks = np.asarray(xqrs_detect(signal_mv.astype(float), fs=rate_hz, verbose=False)) / rate_hz
    around = np.array([-0.05, 0.05])
    return _NONE | {"QRS": peaks.reshape(-1, 1) + around}


def openecg_waves(signal_mv: NDArray[np.float32], rate_hz: int) -> Stretches:
    """Return the waves of openecg's codec, which runs in onnxruntime at 500 Hz."""
    import openecg

    frame = np.asarray(openecg.encode(signal_mv, fs=rate_hz, model=_codec()).frame)
    answer = {}
    for wave, labels in {"P": (1,), "QRS": (2, 4), "T": (3,)}.items():
        inside = np.pad(np.isin(frame, labels), 1).astype(int)
        answer[wave] = np.flatnonzero(np.diff(inside)).reshape(-1, 2) / rate_hz
    return answer


@cache
def _codec() -> object:
    """Return openecg's codec, which takes a second to load."""
    import openecg

    return openecg.load_codec_onnx()


def _by_lead(
    of_lead: Callable[[NDArray[np.float32], int], Stretches],
) -> Callable[[Record], list[Stretches]]:
    def of_record(record: Record) -> list[Stretches]:
        with warnings.catch_warnings(action="ignore"):
            return [of_lead(lead, int(record.rate_hz)) for lead in record.signal_mv]

    return of_record


LIBRARIES: dict[str, tuple[str, Callable[[Record], list[Stretches]]]] = {
    "neurokit2, DWT": ("neurokit2", neurokit("dwt")),
    "neurokit2, CWT": ("neurokit2", neurokit("cwt")),
    "neurokit2, prominence": ("neurokit2", neurokit("prominence")),
    "openecg": ("openecg", _by_lead(openecg_waves)),
    "wfdb (QRS alone)": ("wfdb", _by_lead(wfdb_complexes)),
}
