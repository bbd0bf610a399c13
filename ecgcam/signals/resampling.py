"""Resampling by one anti-alias FIR filter, the same for training, inference and export."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .record import Record

HALF_TAPS = 10  # zero crossings of the sinc on each side of its center
KAISER_BETA = 5.0

_BLOCK = 20_000  # output samples computed at once, to bound memory


def resample(record: Record, rate_hz: float) -> Record:
    """Return the record at another rate.

    Raises RecordError for a rate above 1000 times or below a tenth of the requested one: no ECG
    has it, and memory would run out.
    """
    if rate_hz == record.rate_hz:
        return record
    ratio = resampling_ratio(record, rate_hz)
    signal_mv = resample_rows(record.signal_mv, ratio.numerator, ratio.denominator)
    return replace(record, signal_mv=signal_mv, rate_hz=rate_hz)


def resampling_ratio(record: Record, rate_hz: float) -> Fraction:
    """Return the number of samples at another rate for each of the record."""
    if not 1e-3 <= rate_hz / record.rate_hz <= 10:
        raise RecordError(
            f"{record.name}: cannot resample from {record.rate_hz:g} Hz to {rate_hz:g} Hz; "
            f"expected a rate from {rate_hz / 10:g} to {rate_hz * 1000:g} Hz."
        )
    return Fraction(rate_hz / record.rate_hz).limit_denominator(1000)


def resample_rows(
    signal: NDArray[np.float32], up: int, down: int, *, start: int = 0, stop: int | None = None
) -> NDArray[np.float32]:
    """Resample (leads, time) by up / down, in lowest terms, to (leads, ceil(time * up / down)).

    The filter has 20 m + 1 taps at `up` times the rate, with m = max(up, down): a sinc cut off at
    1/m of the Nyquist rate, under a Kaiser window of beta 5. Beyond the ends the signal continues
    with its first and last value. Equal to scipy.signal.resample_poly(window=("kaiser", 5.0),
    padtype="edge") but for rounding. Output sample n is

        y[n] = sum over k of h[n * down - k * up + half] * x[k]

    start, stop: the output samples to compute (default: all), equal to those of the whole signal.
    """
    phases = _filter_phases(up, down)  # (up, taps)
    count = -(-signal.shape[1] * up // down)
    stop = count if stop is None else min(stop, count)
    resampled = np.empty((len(signal), max(stop - start, 0)), np.float32)
    for first in range(start, stop, _BLOCK):
        last = min(first + _BLOCK, stop)
        resampled[:, first - start : last - start] = _resample_block(
            signal, phases, up, down, first, last
        )
    return resampled


def _resample_block(
    signal: NDArray[np.float32],
    phases: NDArray[np.float64],
    up: int,
    down: int,
    first: int,
    last: int,
) -> NDArray[np.float64]:
    """Return the output samples from `first` to before `last`."""
    half, taps = HALF_TAPS * max(up, down), phases.shape[1]

    def reach(output: int) -> int:  # the first input in reach: ceil((output * down - half) / up)
        return -((half - output * down) // up)

    begin = reach(first)
    inputs = _with_continued_ends(signal, begin, reach(last - 1) + taps)
    windows = np.lib.stride_tricks.sliding_window_view(inputs, taps, axis=1)
    block = np.empty((len(signal), last - first))
    for offset in range(min(up, last - first)):  # outputs `up` apart share a phase
        output = first + offset
        weights = phases[(output * down + half) % up]
        of_phase = windows[:, reach(output) - begin :: down]
        block[:, offset::up] = np.einsum(
            "lnt,t->ln", of_phase[:, : -(-(last - output) // up)], weights
        )
    return block


def _with_continued_ends(signal: NDArray[np.float32], begin: int, end: int) -> NDArray[np.float64]:
    """Return the samples from `begin` to before `end`, which may lie beyond the signal's ends."""
    time = signal.shape[1]
    inside = np.asarray(signal[:, max(begin, 0) : min(end, time)], np.float64)
    return np.pad(inside, ((0, 0), (max(-begin, 0), max(end - time, 0))), mode="edge")


def _filter_phases(up: int, down: int) -> NDArray[np.float64]:
    """Return the taps that meet the inputs, in their order, for each phase: (up, taps)."""
    widest = max(up, down)
    half = HALF_TAPS * widest
    taps = np.sinc(np.arange(-half, half + 1) / widest) * np.kaiser(2 * half + 1, KAISER_BETA)
    taps *= up / taps.sum()
    count = 2 * half // up + 1
    # The first input in reach of an output meets the highest tap that is congruent to the phase,
    # position + half, modulo up; each further input meets the tap `up` below.
    phases = np.zeros((up, count))
    for phase in range(up):
        highest = 2 * half - (2 * half - phase) % up
        chosen = np.arange(highest, -1, -up)
        phases[phase, : len(chosen)] = taps[chosen]
    return phases
