"""Saturation: leads that rest at the end of the converter's range."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .finding import Finding

REST_S = 0.1  # at the largest or the smallest value
AWAY_MV = 1.0  # of the lead's median; near it, a lead may rest for long

SATURATED = "saturated"


def find_saturation(
    signal_mv: NDArray[np.float32], leads: Sequence[str], rate_hz: float
) -> Finding | None:
    """Find the leads that rest at their largest or smallest value, far from their median."""
    rest = max(round(REST_S * rate_hz), 3)
    median = np.median(signal_mv, axis=1)
    hits = []
    for extreme in (signal_mv.max(axis=1), signal_mv.min(axis=1)):
        at_end = signal_mv == extreme[:, None]
        far = np.abs(extreme - median) >= AWAY_MV
        for lead in np.flatnonzero(far & (at_end.sum(axis=1) >= rest)).tolist():
            if _longest_run(at_end[lead]) >= rest:
                hits.append(lead)
    named = tuple(lead for k, lead in enumerate(leads) if k in hits)
    if not named:
        return None
    text = f"saturated {', '.join(named)}: at the end of the recorder's range"
    return Finding(name=SATURATED, leads=named, text=text)


def _longest_run(flags: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))
