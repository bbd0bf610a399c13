"""Windows: a record with a model's leads and rate, cut into windows of the model's length."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .quality import implausible_amplitude
from .record import Record
from .resampling import resample_rows, resampling_ratio
from .stored import extremes

RESAMPLED = "resampled from"  # how the note of a routine step begins
MIN_DURATION_S = 5.0  # a shorter record has too few beats for a prediction


@dataclass(frozen=True, kw_only=True)
class FrameGrid:
    """Where the frames of a window lie, in seconds from its start.

    first_s: center of the first frame; step_s: from one center to the next.
    """

    first_s: float
    step_s: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """The input of a network for one record, resampled where it is asked for.

    count:      number of consecutive windows without gaps or overlap.
    cut:        returns the windows from one index to before another: (windows, leads, samples), mV.
    window_s:   duration of a window.
    recorded_s: recorded time in all windows; the rest of the last window is padding.
    warnings:   the record's, and notes on resampling, padding and parts left out.
    """

    count: int
    cut: Callable[[int, int], NDArray[np.float32]] = field(repr=False)
    window_s: float
    recorded_s: float
    warnings: tuple[str, ...]

    @property
    def signal_mv(self) -> NDArray[np.float32]:
        """All windows: (windows, leads, samples)."""
        return self.cut(0, self.count)

    @property
    def padded(self) -> bool:
        """Whether the last window contains padding."""
        return self.recorded_s < self.count * self.window_s

    def frame_times_s(self, frames: int, grid: FrameGrid) -> NDArray[np.float64]:
        """Return the centers of all frames that count, in seconds from the record's start.

        frames: of each window. Frames whose center lies in the padding do not count.
        """
        return self._all_times_s(frames, grid)[self._counted(frames, grid)]

    def join_frames(self, evidence: NDArray[np.float32], grid: FrameGrid) -> NDArray[np.float32]:
        """Join (windows, …, frames) to (…, all frames that count)."""
        joined = np.concatenate(list(evidence), axis=-1)
        return joined[..., self._counted(evidence.shape[-1], grid)]

    def _all_times_s(self, frames: int, grid: FrameGrid) -> NDArray[np.float64]:
        starts_s = np.arange(self.count)[:, None] * self.window_s
        return (starts_s + grid.first_s + np.arange(frames) * grid.step_s).ravel()

    def _counted(self, frames: int, grid: FrameGrid) -> NDArray[np.bool_]:
        counted = self._all_times_s(frames, grid) < self.recorded_s
        counted[0] = True  # a frame longer than the record
        return counted


def cut_windows(
    record: Record, *, leads: tuple[str, ...], rate_hz: float, duration_s: float
) -> Windows:
    """Cut a record from its start into windows of `duration_s` at `rate_hz` with these leads.

    A remainder of at least 5 s is padded with its baseline (each lead's median), a shorter one is
    left out. The warnings name both, as well as leads that are not used. Raises RecordError if a
    lead is missing, if all are flat, if the record is shorter than 5 s, or if its amplitude cannot
    be in millivolts.
    """
    selected = record.with_leads(leads)
    limits_mv = extremes(selected.signal_mv)
    if problem := implausible_amplitude(limits_mv):
        raise RecordError(f"{record.name}: {problem}")
    ratio = resampling_ratio(record, rate_hz)
    total = -(-selected.signal_mv.shape[1] * ratio.numerator // ratio.denominator)
    samples = round(duration_s * rate_hz)
    shortest = min(samples, round(MIN_DURATION_S * rate_hz))
    if total < shortest:
        raise RecordError(
            f"{record.name}: it lasts {record.duration_s:.3g} s; "
            f"expected at least {shortest / rate_hz:g} s."
        )
    if (limits_mv[:, 0] == limits_mv[:, 1]).all():
        raise RecordError(
            f"{record.name}: {', '.join(leads)} are flat: there is nothing to predict from."
        )
    warnings = list(selected.warnings)
    if set(leads) < set(record.leads):
        warnings.append(f"only {', '.join(leads)} were used; the heat on other leads is not theirs")
    if record.rate_hz != rate_hz:
        warnings.append(f"{RESAMPLED} {record.rate_hz:g} to {rate_hz:g} Hz")
    remainder = total % samples
    padding = samples - remainder if remainder >= shortest else 0
    if padding:
        warnings.append(
            f"the last {padding / rate_hz:.3g} s of the last window are padding and do not count"
        )
    elif remainder:
        warnings.append(f"the last {remainder / rate_hz:.3g} s were left out")
        total -= remainder
    return Windows(
        count=-(-total // samples),
        cut=partial(_cut, selected.signal_mv, ratio, samples),
        window_s=samples / rate_hz,
        recorded_s=total / rate_hz,
        warnings=tuple(warnings),
    )


def _cut(
    signal_mv: NDArray[np.float32], ratio: Fraction, samples: int, first: int, last: int
) -> NDArray[np.float32]:
    """Return windows of (leads, time), resampled; the last one is padded with its baseline."""
    start, stop = first * samples, last * samples
    if ratio == 1:
        part = np.asarray(signal_mv[:, start:stop])
    else:
        up, down = ratio.numerator, ratio.denominator
        part = resample_rows(signal_mv, up, down, start=start, stop=stop)
    if missing := stop - start - part.shape[1]:
        remainder = part[:, part.shape[1] // samples * samples :]
        baseline = np.median(remainder, axis=1, keepdims=True)
        part = np.concatenate([part, baseline.repeat(missing, axis=1)], axis=1)
    return part.reshape(len(part), -1, samples).swapaxes(0, 1).copy()


def in_batches(windows: Iterable[Windows], size: int) -> Iterator[NDArray[np.float32]]:
    """Yield the windows of several records in their order, at least `size` together.

    The last batch may be smaller, and none has twice as many.
    """
    waiting: list[NDArray[np.float32]] = []
    for each in windows:
        for first in range(0, each.count, size):
            waiting.append(each.cut(first, min(first + size, each.count)))
            if sum(map(len, waiting)) >= size:
                yield np.concatenate(waiting)
                waiting = []
    if waiting:
        yield np.concatenate(waiting)
