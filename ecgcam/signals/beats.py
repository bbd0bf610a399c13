"""Heart rate of a record, from its R peaks."""

import warnings

import numpy as np
from numpy.typing import NDArray

from .record import Record

_DETECTOR_HZ = 500  # wfdb's XQRS finds false beats at 100 Hz: its windows are a few samples then
_DETECTOR_MV = 4.0  # the spread its fixed first threshold suits; with it, slow hearts are found
_SHORTEST_S = 1.0  # three beats of the fastest heart; its filter needs 0.3 s


def heart_rate_bpm(record: Record) -> float | None:
    """Beats a minute: 60 s over the median interval between R peaks.

    The peaks are those of wfdb's XQRS in lead II, or in the first lead that is not flat. None
    where fewer than three are found. Within 5 a minute of the annotated peaks of LUDB in each of
    its first 120 records, at 500 and at 100 Hz.
    """
    lead = _usable_lead(record)
    if lead is None or record.duration_s < _SHORTEST_S:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses what newer versions of pandas warn of
        from wfdb.processing import xqrs_detect

        peaks = xqrs_detect(_as_detector_wants(lead, record), _DETECTOR_HZ, verbose=False)
    if len(peaks) < 3:
        return None
    return float(60 * _DETECTOR_HZ / np.median(np.diff(peaks)))


def _usable_lead(record: Record) -> NDArray[np.float32] | None:
    """Lead II, or the first lead that moves; (time,), in millivolts."""
    by_preference = sorted(
        zip(record.leads, record.signal_mv, strict=True), key=lambda pair: pair[0] != "II"
    )
    return next((row for _, row in by_preference if _spread(row) > 0), None)


def _as_detector_wants(lead_mv: NDArray[np.float32], record: Record) -> NDArray[np.float64]:
    """The lead at the detector's rate, its median at 0, its spread the detector's."""
    time_s = np.arange(0, record.duration_s, 1 / _DETECTOR_HZ)
    signal = np.interp(time_s, np.arange(lead_mv.size) / record.rate_hz, lead_mv)
    return np.asarray((signal - np.median(signal)) * _DETECTOR_MV / _spread(lead_mv))


def _spread(lead_mv: NDArray[np.float32]) -> float:
    """From the lowest to the highest sample, leaving out the outermost half per cent."""
    low, high = np.percentile(lead_mv, (0.5, 99.5))
    return float(high - low)
