"""Missing samples: short gaps are filled, leads with long ones are left out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError

MAX_GAP_S = 0.02  # half the rise of a QRS complex: a straight line across it does no harm
MAX_FRACTION = 0.05  # of all samples of a lead


@dataclass(frozen=True, kw_only=True, eq=False)
class Filled:
    """Leads without missing samples.

    signal_mv: (leads, time). warnings: which gaps were filled, which leads left out.
    """

    signal_mv: NDArray[np.float32]
    leads: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def fill_missing(signal_mv: NDArray[np.float32], leads: Sequence[str], rate_hz: float) -> Filled:
    """Fill gaps of NaN up to 20 ms in (leads, time), in place, by straight lines.

    Samples that are missing in all leads at the start and the end are cut off. Leads with longer
    gaps, or with more than 5 % missing, are left out; RecordError if no lead is left.
    """
    missing = np.isnan(signal_mv)
    if not missing.any():
        return Filled(signal_mv=signal_mv, leads=tuple(leads))
    signal_mv, missing, warnings = _cut_ends(signal_mv, missing, rate_hz)
    longest = max(1, int(MAX_GAP_S * rate_hz + 1e-6))
    kept: list[int] = []
    filled: list[str] = []
    lost: list[str] = []
    for k, (row, gaps) in enumerate(zip(signal_mv, missing, strict=True)):
        count = int(gaps.sum())
        if count and (_longest_run(gaps) > longest or gaps.mean() > MAX_FRACTION):
            lost.append(f"{leads[k]} ({100 * gaps.mean():.2g} %)")
            continue
        if count:
            present = np.flatnonzero(~gaps)
            row[gaps] = np.interp(np.flatnonzero(gaps), present, row[present])
            filled.append(f"{leads[k]} ({count})")
        kept.append(k)
    if not kept:
        raise RecordError(
            f"samples are missing for longer than {MAX_GAP_S * 1000:g} ms in every lead: "
            f"{', '.join(lost)}."
        )
    if lost:
        warnings.append(f"leads left out because of missing samples: {', '.join(lost)}")
    if filled:
        warnings.append(f"missing samples, filled by straight lines: {', '.join(filled)}")
    return Filled(
        signal_mv=signal_mv[kept] if lost else signal_mv,
        leads=tuple(leads[k] for k in kept),
        warnings=tuple(warnings),
    )


def _cut_ends(
    signal_mv: NDArray[np.float32], missing: NDArray[np.bool_], rate_hz: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_], list[str]]:
    """Cut off the start and the end where every lead is missing."""
    present = np.flatnonzero(~missing.all(axis=0))
    if not present.size:
        raise RecordError("all samples of all leads are missing.")
    first, last = int(present[0]), int(present[-1]) + 1
    warnings = [
        f"the {end} {samples / rate_hz:.3g} s are missing in all leads and were cut off"
        for end, samples in (("first", first), ("last", missing.shape[1] - last))
        if samples
    ]
    return signal_mv[:, first:last], missing[:, first:last], warnings


def _longest_run(gaps: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], gaps, [False]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))
