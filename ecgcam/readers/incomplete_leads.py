"""Leads with long gaps, which are left out so that the others can be used."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.gaps import LONGEST_S, fill_gaps
from ..signals.stored import StoredSignal

Signals = NDArray[np.float32]


def drop_incomplete(
    signal_mv: Signals, leads: Sequence[str], rate_hz: float
) -> tuple[Signals, tuple[str, ...], list[str]]:
    """Leave out the leads of (leads, time) whose gaps of NaN are too long to be filled.

    A start or an end that is missing in all leads is cut off first. Returns the signal, in which
    short gaps remain, the names of its leads, and warnings. Raises RecordError if no lead is left.
    """
    if isinstance(signal_mv, StoredSignal):
        return signal_mv, tuple(leads), []
    missing = np.isnan(signal_mv)
    if not missing.any():
        return signal_mv, tuple(leads), []
    signal_mv, warnings = _cut_ends(signal_mv, missing, rate_hz)
    lost = np.asarray(np.isnan(fill_gaps(signal_mv, rate_hz)[0]).any(axis=1))
    if not lost.any():
        return signal_mv, tuple(leads), warnings
    names = ", ".join(
        f"{lead} ({np.isnan(row).sum() / rate_hz:.3g} of {len(row) / rate_hz:.3g} s)"
        for lead, row, gone in zip(leads, signal_mv, lost, strict=True)
        if gone
    )
    if lost.all():
        raise RecordError(f"every lead has gaps that are too long to be filled: {names}.")
    kept = tuple(lead for lead, gone in zip(leads, lost, strict=True) if not gone)
    warnings.append(f"leads left out because of missing samples: {names}")
    return signal_mv[~lost], kept, warnings


def _cut_ends(
    signal_mv: Signals, missing: NDArray[np.bool_], rate_hz: float
) -> tuple[Signals, list[str]]:
    """Cut off the start and the end where every lead is missing, if too long to be filled."""
    present = np.flatnonzero(~missing.all(axis=0))
    if not present.size:
        raise RecordError("all samples of all leads are missing.")
    first, last = int(present[0]), missing.shape[1] - int(present[-1]) - 1
    longest = max(1, int(LONGEST_S * rate_hz))
    warnings = []
    for end, samples in (("first", first), ("last", last)):
        if samples > longest:
            warnings.append(
                f"the {end} {samples / rate_hz:.3g} s are missing in all leads and were cut off"
            )
    start = first if first > longest else 0
    stop = missing.shape[1] - (last if last > longest else 0)
    return signal_mv[:, start:stop], warnings
