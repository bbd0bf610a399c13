"""The single changes that augmentation is made of, each a small frozen dataclass.

They act on a batch (batch, leads, time), float32, after preprocessing: amplitudes are in its
units, in which an ECG lies about within [-1, 1]. Every record is drawn for itself. `draw` takes
all the chance there is from the generator, and makes its tensor on the generator's device;
`apply_` and `apply` then have no chance in them, so a change can be done again.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from .noise import add_, add_sine_, draw_sine, gaussian, uniform

BREATHS_PER_MINUTE = (12, 18)  # an adult's at rest


class Transform(ABC):
    """One kind of change; each is a frozen dataclass of numbers."""

    @abstractmethod
    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        """What to do to each record of a batch of this shape: (records, …)."""

    @abstractmethod
    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        """Do to those rows (changed,) of a batch what was drawn for them (changed, …), in place.

        The signal (batch, leads, time) is contiguous. Copies of the rows, out and in again, would
        take longer than most changes.
        """

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        """The signal changed as drawn for each record: a new tensor of the same shape."""
        changed = signal.clone(memory_format=torch.contiguous_format)
        self.apply_(changed, torch.arange(len(signal), device=signal.device), drawn)
        return changed


@dataclass(frozen=True, kw_only=True)
class TimeShift(Transform):
    """Moved later or earlier by whole samples, at most `up_to` of the record's length.

    The gap becomes zero, the baseline of a centred signal. Drawn: samples later, (records,).
    """

    up_to: float = 0.03

    def __post_init__(self) -> None:
        refuse_outside(0, 1, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        most = round(self.up_to * shape[2])
        device = generator.device
        return torch.randint(-most, most + 1, shape[:1], generator=generator, device=device)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        if signal.is_cpu and signal.dtype != torch.bfloat16:  # which NumPy has not
            _shift_one_by_one_(signal, rows, drawn)
        else:
            signal[rows] = _shifted(signal[rows], drawn)


def _shifted(signal: Tensor, later: Tensor) -> Tensor:
    """The signal (records, leads, time), each record so many samples later: (records,)."""
    time = signal.shape[2]
    source = torch.arange(time, device=signal.device) - later[:, None]  # (records, time)
    inside = (source >= 0) & (source < time)
    source = source.clamp(0, time - 1)
    moved = signal.gather(2, source[:, None].expand(signal.shape))
    return moved.mul_(inside[:, None])


def _shift_one_by_one_(signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
    """The same in place, of those rows. On a CPU in a third of the time; a GPU would wait."""
    records = signal.numpy()  # whose slices cost a tenth of torch's
    for row, later in zip(rows.tolist(), drawn.tolist(), strict=True):
        record = records[row]
        if later > 0:
            record[:, later:] = record[:, :-later]
            record[:, :later] = 0
        elif later < 0:
            record[:, :later] = record[:, -later:]
            record[:, later:] = 0


@dataclass(frozen=True, kw_only=True)
class AmplitudeScale(Transform):
    """All leads times one factor within 1 ± `up_to`. Drawn: the factor, (records,)."""

    up_to: float = 0.2

    def __post_init__(self) -> None:
        refuse_outside(0, 1, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return uniform(shape[:1], 1 - self.up_to, 1 + self.up_to, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        scale_(signal, rows, drawn[:, None])


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Transform):
    """White noise of this variance, each lead its own. Drawn: the noise, of the signal's shape."""

    variance: float = 0.001

    def __post_init__(self) -> None:
        refuse_outside(0, 10, variance=self.variance)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return gaussian(shape, math.sqrt(self.variance), generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        add_(signal, rows, drawn)


@dataclass(frozen=True, kw_only=True)
class MainsHum(Transform):
    """The mains, a sine on all leads alike, its amplitude up to `up_to`.

    Drawn: amplitude, cycles a sample, phase in radians, (records, 3). At a rate of just twice
    `mains_hz` the sine alternates from sample to sample, weaker or stronger with its phase.
    Raises ValueError for a mains above half the rate, which samples cannot hold.
    """

    rate_hz: float
    mains_hz: int = 50
    up_to: float = 0.2

    def __post_init__(self) -> None:
        refuse_outside(1, 1e6, rate_hz=self.rate_hz)
        refuse_outside(0, 10, up_to=self.up_to)
        if self.mains_hz not in (50, 60):
            raise ValueError(f"mains_hz is {self.mains_hz!r}; needed: 50 or 60.")
        if self.rate_hz < 2 * self.mains_hz:
            raise ValueError(
                f"a mains of {self.mains_hz} Hz does not fit in {self.rate_hz} samples a second; "
                f"needed: a rate_hz of at least {2 * self.mains_hz}."
            )

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        frequency = self.mains_hz / self.rate_hz
        return draw_sine(shape[0], self.up_to, frequency, frequency, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        add_sine_(signal, rows, drawn)


@dataclass(frozen=True, kw_only=True)
class Respiration(Transform):
    """Breathing, a slow sine on all leads alike: 12 to 18 a minute, its amplitude up to `up_to`.

    Drawn: amplitude, cycles a sample, phase in radians, (records, 3).
    """

    rate_hz: float
    up_to: float = 0.2

    def __post_init__(self) -> None:
        refuse_outside(1, 1e6, rate_hz=self.rate_hz)
        refuse_outside(0, 10, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        slow, fast = (breaths / 60 / self.rate_hz for breaths in BREATHS_PER_MINUTE)
        return draw_sine(shape[0], self.up_to, slow, fast, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        add_sine_(signal, rows, drawn)


@dataclass(frozen=True, kw_only=True)
class TimeWarp(Transform):
    """Run smoothly faster and slower, the speed within 1 ± `up_to`; both ends stay in place.

    At x in [0, 1] of its length the new signal has the value of the old one at
    w(x) = x + Σ_k a_k sin(π k x), read between samples along straight lines.
    Drawn: a, (records, waves). |a_k| <= up_to / (π k waves), so |dw/dx - 1| <= up_to < 1, and
    time never runs backwards.
    """

    up_to: float = 0.1
    waves: int = 3

    def __post_init__(self) -> None:
        refuse_outside(0, 0.9, up_to=self.up_to)
        if self.waves not in range(1, 11):
            raise ValueError(f"waves is {self.waves!r}; needed: a whole number from 1 to 10.")

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        shape = Size((shape[0], self.waves))
        speed = uniform(shape, -self.up_to, self.up_to, generator=generator)
        k = torch.arange(1, self.waves + 1, device=speed.device)
        return speed / (math.pi * k * self.waves)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        old = signal[rows]
        last = signal.shape[2] - 1
        position = warped_time(drawn, samples=last + 1) * last  # (records, time)
        before = position.long().clamp(0, max(last - 1, 0))
        fraction = (position - before)[:, None].to(old.dtype)
        before = before[:, None].expand(old.shape)
        after = (before + 1).clamp(max=last)
        signal[rows] = torch.lerp(old.gather(2, before), old.gather(2, after), fraction)


def warped_time(waves: Tensor, *, samples: int) -> Tensor:
    """w(x) of TimeWarp at `samples` even steps of x from 0 to 1.

    waves: (records, waves), the a_k. Returns (records, samples).
    """
    x = torch.linspace(0, 1, samples, device=waves.device)
    k = torch.arange(1, waves.shape[1] + 1, device=waves.device)
    return x + waves @ torch.sin(math.pi * k[:, None] * x)


def refuse_outside(low: float, high: float, **numbers: object) -> None:
    """ValueError for the first number, called as it is named, that is not from low to high."""
    for name, number in numbers.items():
        fits = isinstance(number, int | float) and low <= number <= high  # NaN does not
        if not fits or isinstance(number, bool):
            raise ValueError(f"{name} is {number!r}; needed: a number from {low:g} to {high:g}.")


def scale_(signal: Tensor, rows: Tensor, factor: Tensor) -> None:
    """Those rows times factor (changed, leads or 1), in place; the others times one."""
    every = factor.new_ones(len(signal), factor.shape[1]).index_copy_(0, rows, factor)
    signal.mul_(every[:, :, None])
