"""R peaks and heart rate."""

import numpy as np
from numpy.typing import NDArray

from .record import Record

_PASS_S, _STOP_S = 0.02, 0.10  # moving means whose difference passes QRS complexes, some 10-30 Hz
_QRS_S = 0.14  # duration of a wide QRS complex
_REFRACTORY_S = 0.25  # no two beats of a heart are closer
_THRESHOLD = 0.2  # of the typical height of a beat
_BLOCK_S = 2.0  # holds a beat of any heart above 30 a minute
_SHORTEST_S = 1.0


def heart_rate_bpm(record: Record) -> float | None:
    """Return beats per minute, 60 s over the median RR interval; None with fewer than 3 beats."""
    peaks = r_peaks(record)
    if len(peaks) < 3:
        return None
    return float(60 * record.rate_hz / np.median(np.diff(peaks)))


def r_peaks(record: Record) -> NDArray[np.int64]:
    """Return the sample indices of the QRS complexes, found in all leads together.

    The squared slope of the band-passed leads, each relative to its own steepest, is summed over
    leads and over 140 ms (after Pan and Tompkins 1985). Beats are its peaks, at least 250 ms
    apart, above 0.2 of the median over blocks of 2 s of the highest peak.

    On the 12 leads of LUDB's records 1-120: sensitivity and positive predictive value 0.999 at
    500 Hz and at 100 Hz (peaks within 120 ms of the marks of lead II).
    """
    if record.duration_s < _SHORTEST_S:
        return np.empty(0, np.int64)
    activity = _qrs_activity(record)
    block = min(round(_BLOCK_S * record.rate_hz), len(activity))
    whole = activity[: len(activity) // block * block].reshape(-1, block)
    limit = _THRESHOLD * float(np.median(whole.max(axis=1)))
    if limit <= 0:
        return np.empty(0, np.int64)
    return _peaks_apart(activity, limit, distance=round(_REFRACTORY_S * record.rate_hz))


def _qrs_activity(record: Record) -> NDArray[np.float64]:
    """Return the QRS energy around each sample over all leads, (time,); flat leads count 0."""
    signal = np.asarray(record.signal_mv, np.float64)
    short, long, qrs = (
        max(1, round(seconds * record.rate_hz)) for seconds in (_PASS_S, _STOP_S, _QRS_S)
    )
    band = _moving_mean(signal, short) - _moving_mean(signal, long)
    energy = np.gradient(band, axis=1) ** 2
    steepest = np.percentile(energy, 98, axis=1, keepdims=True)
    relative = energy / np.where(steepest > 0, steepest, np.inf)
    return _moving_mean(relative.sum(axis=0, keepdims=True), qrs)[0]


def _moving_mean(signal: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the centered mean over `width` samples of each row, the ends continued."""
    padded = np.pad(signal, ((0, 0), (width // 2 + 1, (width - 1) // 2)), mode="edge")
    sums = padded.cumsum(axis=1)
    return np.asarray((sums[:, width:] - sums[:, :-width]) / width)


def _peaks_apart(
    activity: NDArray[np.float64], limit: float, *, distance: int
) -> NDArray[np.int64]:
    """Return the local maxima above `limit`; of two closer than `distance`, the higher one."""
    inside = activity[1:-1]
    rising, falling = inside > activity[:-2], inside >= activity[2:]
    candidates = np.flatnonzero(rising & falling & (inside > limit)) + 1
    kept: list[int] = []
    for index in candidates.tolist():
        if kept and index - kept[-1] < distance:
            if activity[index] > activity[kept[-1]]:
                kept[-1] = index
        else:
            kept.append(index)
    return np.array(kept, np.int64)
