"""The single changes that augmentation is made of, each a small frozen dataclass.

They act on a batch (batch, leads, time), float32, after preprocessing: amplitudes are in its
units, in which an ECG lies about within [-1, 1]. Every record is drawn for itself. `draw` takes
all the chance there is from the generator, and makes its tensor on the generator's device;
`apply` then has no chance in it and returns a new tensor, so a change can be done again.
"""

import math
from dataclasses import dataclass

import torch
from torch import Size, Tensor

BREATHS_PER_MINUTE = (12, 18)  # an adult's at rest


@dataclass(frozen=True, kw_only=True)
class TimeShift:
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

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        time = signal.shape[2]
        source = torch.arange(time, device=signal.device) - drawn[:, None]  # (records, time)
        inside = (source >= 0) & (source < time)
        source = source.clamp(0, time - 1)
        moved = signal.gather(2, source[:, None].expand(signal.shape))
        return moved.mul_(inside[:, None])


@dataclass(frozen=True, kw_only=True)
class AmplitudeScale:
    """All leads times one factor within 1 ± `up_to`. Drawn: the factor, (records,)."""

    up_to: float = 0.2

    def __post_init__(self) -> None:
        refuse_outside(0, 1, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return _uniform(shape[:1], 1 - self.up_to, 1 + self.up_to, generator=generator)

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        return signal * drawn[:, None, None]


@dataclass(frozen=True, kw_only=True)
class GaussianNoise:
    """White noise of this variance, each lead its own. Drawn: the noise, of the signal's shape."""

    variance: float = 0.001

    def __post_init__(self) -> None:
        refuse_outside(0, 10, variance=self.variance)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return _gaussian(shape, math.sqrt(self.variance), generator=generator)

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        return signal + drawn


@dataclass(frozen=True, kw_only=True)
class MainsHum:
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
        return _draw_sine(shape[0], self.up_to, frequency, frequency, generator=generator)

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        return _add_sine(signal, drawn)


@dataclass(frozen=True, kw_only=True)
class Respiration:
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
        return _draw_sine(shape[0], self.up_to, slow, fast, generator=generator)

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        return _add_sine(signal, drawn)


@dataclass(frozen=True, kw_only=True)
class TimeWarp:
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
        speed = _uniform(shape, -self.up_to, self.up_to, generator=generator)
        k = torch.arange(1, self.waves + 1, device=speed.device)
        return speed / (math.pi * k * self.waves)

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        last = signal.shape[2] - 1
        position = warped_time(drawn, samples=last + 1) * last  # (records, time)
        before = position.long().clamp(0, max(last - 1, 0))
        fraction = (position - before)[:, None]
        before = before[:, None].expand(signal.shape)
        after = (before + 1).clamp(max=last)
        return torch.lerp(signal.gather(2, before), signal.gather(2, after), fraction)


def warped_time(waves: Tensor, *, samples: int) -> Tensor:
    """w(x) of TimeWarp at `samples` even steps of x from 0 to 1.

    waves: (records, waves), the a_k. Returns (records, samples).
    """
    x = torch.linspace(0, 1, samples, device=waves.device)
    k = torch.arange(1, waves.shape[1] + 1, device=waves.device)
    return x + waves @ torch.sin(math.pi * k[:, None] * x)


@dataclass(frozen=True, kw_only=True)
class LeadDropout:
    """Each lead silenced with `lead_probability`. Drawn: True where silenced, (records, leads)."""

    lead_probability: float = 0.1

    def __post_init__(self) -> None:
        refuse_outside(0, 1, lead_probability=self.lead_probability)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return _uniform(shape[:2], 0, 1, generator=generator) < self.lead_probability

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        return signal * ~drawn[:, :, None]


def refuse_outside(low: float, high: float, **numbers: object) -> None:
    """ValueError for the first number, called as it is named, that is not from low to high."""
    for name, number in numbers.items():
        fits = isinstance(number, int | float) and low <= number <= high  # NaN does not
        if not fits or isinstance(number, bool):
            raise ValueError(f"{name} is {number!r}; needed: a number from {low:g} to {high:g}.")


def _uniform(shape: Size, low: float, high: float, *, generator: torch.Generator) -> Tensor:
    drawn = torch.empty(shape, dtype=torch.float32, device=generator.device)
    return drawn.uniform_(low, high, generator=generator)


def _gaussian(shape: Size, deviation: float, *, generator: torch.Generator) -> Tensor:
    """Normal numbers about 0, from 16 bits of chance each, so that none is beyond 4.4 deviations.

    Of even steps u within (-1, 1), √2 erf⁻¹(u) is normal. Twice as fast as Tensor.normal_, which
    draws 32 bits for each and uses one thread.
    """
    count = shape.numel()
    words = torch.empty(-(-count // 4), dtype=torch.int64, device=generator.device)
    bits = words.random_(-(2**63), None, generator=generator).view(torch.int16)[:count]
    even = bits.float().add_(0.5).div_(2**15)
    return even.erfinv_().mul_(math.sqrt(2) * deviation).view(shape)


def _draw_sine(
    records: int, up_to: float, slow: float, fast: float, *, generator: torch.Generator
) -> Tensor:
    """Amplitude, cycles a sample and phase in radians of one sine a record: (records, 3)."""
    one_each = Size((records,))
    amplitude = _uniform(one_each, 0, up_to, generator=generator)
    frequency = _uniform(one_each, slow, fast, generator=generator)
    phase = _uniform(one_each, 0, 2 * math.pi, generator=generator)
    return torch.stack((amplitude, frequency, phase), dim=1)


def _add_sine(signal: Tensor, drawn: Tensor) -> Tensor:
    amplitude, frequency, phase = drawn[:, :, None].unbind(1)  # (records, 1) each
    sample = torch.arange(signal.shape[2], device=signal.device)
    cycles = (frequency * sample).frac()  # a small angle keeps its digits in float32
    return signal + (amplitude * torch.sin(2 * math.pi * cycles + phase))[:, None]
