"""Missing samples: short gaps are filled, longer ones remain."""

import numpy as np
from numpy.typing import NDArray

LONGEST_S = 0.02  # a gap this short hides no wave; at low rates, one sample
LARGEST_FRACTION = 0.01  # of a lead's samples

Signals = NDArray[np.float32]


def fill_gaps(signal_mv: Signals, rate_hz: float) -> tuple[Signals, NDArray[np.int64]]:
    """Fill gaps of at most 20 ms, or one sample, by straight lines.

    signal_mv: (leads, time), in mV; NaN where a sample is missing. A lead with a longer gap, or
    which lacks more than 1 % of its samples, is left as it is.
    Returns the signal and the number of samples filled in each lead.
    """
    missing = np.isnan(signal_mv)
    filled = np.zeros(len(signal_mv), np.int64)
    longest = max(1, int(LONGEST_S * rate_hz))
    for lead in np.flatnonzero(missing.any(axis=1)):
        gaps = missing[lead]
        if gaps.mean() > LARGEST_FRACTION or _longest_run(gaps) > longest:
            continue
        if not filled.any():
            signal_mv = signal_mv.copy()
        times, known = np.flatnonzero(gaps), np.flatnonzero(~gaps)
        signal_mv[lead, times] = np.interp(times, known, signal_mv[lead, known])
        filled[lead] = len(times)
    return signal_mv, filled


def _longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int(np.diff(edges)[::2].max(initial=0))
