"""Sampling rate from the times of the samples, and where samples are missing between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError

MIN_RATE_HZ, MAX_RATE_HZ = 25.0, 10_000.0  # between them, no two units of time are plausible
UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_MAX_JITTER = 0.75  # of a step, up to which a time may lie beside the even ones

Times = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Timing:
    """When the rows of a table were sampled.

    rate_hz:  samples per second; None where the times only count rows.
    position: index of each row among evenly spaced samples; it skips those that are missing.
    """

    rate_hz: float | None
    position: NDArray[np.int64]
    warnings: tuple[str, ...] = ()


def find_timing(times: Times, unit: str | None) -> Timing:
    """Return the rate and the place of each row from its time.

    unit: "s", "ms", "us", "ns"; None if unknown, where the step decides which is plausible. Times
    that rise by exactly 1 in an unknown unit count the rows.
    Raises RecordError for times that do not rise in even steps.
    """
    if not np.isfinite(times).all():
        raise RecordError(f"{np.count_nonzero(~np.isfinite(times))} times are missing.")
    steps = np.diff(times)
    if unit is None and counts_rows(times):
        return Timing(rate_hz=None, position=np.arange(len(times)))
    if np.median(steps) <= 0:
        return _from_coarse_times(times, unit)
    position = _positions(times)
    if position[-1] > 2 * len(times):
        raise RecordError("the times do not rise in even steps.")
    step = float(times[-1] - times[0]) / float(position[-1])
    jitter = float(np.abs(times - times[0] - position * step).max())
    if (steps < 0).any() or jitter > _MAX_JITTER * step:
        raise RecordError("the times do not rise in even steps.")
    name, warnings = _unit_of_step(step, unit)
    seconds = step * UNITS_S[name]
    lost = int(position[-1]) - len(times) + 1
    if lost:
        warnings += (f"{lost} samples are missing between the rows of the table",)
    return Timing(
        rate_hz=_round_rate(1 / seconds, jitter / max(float(times[-1] - times[0]), step)),
        position=position.astype(np.int64),
        warnings=warnings,
    )


def _positions(times: Times) -> NDArray[np.int64]:
    """Return the index of each row among evenly spaced samples.

    A step of twice the usual one means a missing sample, unless such steps are evenly spread (the
    times are rounded, as 1.4 ms to 1, 1 and 2 ms), or made up for by the next ones (they jitter).
    """
    steps = np.diff(times)
    usual = float(np.median(steps))
    counts = np.ones(len(steps), np.int64)
    longer = np.flatnonzero(steps > 1.5 * usual)
    if len(longer) < 3 or np.ptp(np.diff(longer)) > 1:
        beside = times - usual * np.arange(len(times))  # of evenly spaced times
        for k in longer.tolist():
            shift = np.median(beside[k + 1 : k + 6]) - np.median(beside[max(0, k - 4) : k + 1])
            counts[k] += max(0, min(round(float(shift) / usual), 2 * len(times)))
    return np.concatenate([[0], np.cumsum(counts)])


def counts_rows(times: Times) -> bool:
    """Return whether the values rise by exactly 1 from row to row."""
    return bool((np.diff(times) == 1).all())


def _from_coarse_times(times: Times, unit: str | None) -> Timing:
    """Return the mean rate of times that are rounded so coarsely that several rows share one."""
    changes = np.flatnonzero(np.diff(times)) + 1  # the first row of each new time
    counts = np.diff(changes)
    if (
        len(changes) < 3
        or (np.diff(times) < 0).any()
        or np.ptp(counts) > max(2, 0.01 * counts.mean())
    ):
        raise RecordError("the times do not rise in even steps.")
    step = float(times[changes[-1]] - times[changes[0]]) / float(counts.sum())
    name, warnings = _unit_of_step(step, unit)
    rate_hz = _round_rate(1 / (step * UNITS_S[name]), 1 / float(counts.sum()))
    note = f"several rows share a time; {rate_hz:g} Hz is their mean rate"
    return Timing(rate_hz=rate_hz, position=np.arange(len(times)), warnings=(*warnings, note))


def _unit_of_step(step: float, unit: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the unit in which a step between samples is plausible, and a warning if guessed."""
    candidates = [unit] if unit else list(UNITS_S)
    for name in candidates:
        rate_hz = 1 / (step * UNITS_S[name])
        if rate_hz >= MIN_RATE_HZ and (unit or rate_hz <= MAX_RATE_HZ):
            return name, () if unit or name == "s" else (f"times taken as {name} by their steps",)
    raise RecordError(
        f"the times rise by {step:g} {unit or '(no unit)'} from row to row; expected samples at "
        f"{MIN_RATE_HZ:g} Hz or more."
    )


def _round_rate(rate_hz: float, uncertainty: float) -> float:
    """Return a whole rate if it is as likely as the one computed, else 3 decimals.

    uncertainty: relative.
    """
    whole = round(rate_hz)
    if abs(rate_hz - whole) <= max(2 * uncertainty * rate_hz, 5e-4):
        return float(whole)
    return round(rate_hz, 3)
