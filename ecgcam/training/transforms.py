"""Transforms for augmentation: random changes to a batch of ECGs, each a small frozen dataclass.

They act on a batch (batch, leads, time), float32, after preprocessing: amplitudes are in its
units, in which an ECG lies roughly within [-1, 1]. Each record is drawn independently. `draw`
takes all randomness from the generator and creates its tensor on the generator's device; `apply_`
and `apply` are then deterministic, so a change can be repeated.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Size, Tensor

BREATHS_PER_MINUTE = (12, 18)  # an adult at rest


class Transform(ABC):
    """Base class of the transforms."""

    @abstractmethod
    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        """Draw what to do to each record of a batch of this shape. Returns (records, …)."""

    @abstractmethod
    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        """Apply `drawn` (changed, …) to these rows (changed,) of a contiguous batch, in place."""

    def apply(self, signal: Tensor, drawn: Tensor) -> Tensor:
        """Return a changed copy of the signal; `drawn` has one entry per record."""
        changed = signal.clone(memory_format=torch.contiguous_format)
        self.apply_(changed, torch.arange(len(signal), device=signal.device), drawn)
        return changed


@dataclass(frozen=True, kw_only=True)
class TimeShift(Transform):
    """Shift the record later or earlier by up to `up_to` of its length, in whole samples.

    The gap is filled with 0, the baseline of a centred signal. Drawn: samples later, (records,).
    """

    up_to: float = 0.03

    def __post_init__(self) -> None:
        check_range(0, 1, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        most = round(self.up_to * shape[2])
        device = generator.device
        return torch.randint(-most, most + 1, shape[:1], generator=generator, device=device)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        samples = signal.shape[2]
        source = torch.arange(samples, device=signal.device) - drawn[:, None]  # (changed, time)
        inside = (source >= 0) & (source < samples)
        source = source.clamp(0, samples - 1)[:, None].expand(-1, signal.shape[1], -1)
        signal[rows] = signal[rows].gather(2, source).mul_(inside[:, None])


@dataclass(frozen=True, kw_only=True)
class AmplitudeScale(Transform):
    """Multiply all leads by one factor within 1 ± `up_to`. Drawn: the factor, (records,)."""

    up_to: float = 0.2

    def __post_init__(self) -> None:
        check_range(0, 1, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return _uniform(shape[:1], 1 - self.up_to, 1 + self.up_to, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        _scale_(signal, rows, drawn[:, None])


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Transform):
    """Add white noise of this variance, independent per lead. Drawn: noise shaped as the signal."""

    variance: float = 0.001

    def __post_init__(self) -> None:
        check_range(0, 10, variance=self.variance)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return _gaussian(shape, math.sqrt(self.variance), generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        _add_(signal, rows, drawn)


@dataclass(frozen=True, kw_only=True)
class MainsHum(Transform):
    """Add mains hum: one sine in all leads, with an amplitude up to `up_to`.

    Drawn: amplitude, cycles per sample, phase in radians, (records, 3). At a rate of exactly
    2 · mains_hz the sine alternates between samples, with an amplitude that depends on its phase.
    Raises ValueError if `mains_hz` exceeds half the rate (Nyquist).
    """

    rate_hz: float
    mains_hz: int = 50
    up_to: float = 0.2

    def __post_init__(self) -> None:
        check_range(1, 1e6, rate_hz=self.rate_hz)
        check_range(0, 10, up_to=self.up_to)
        if self.mains_hz not in (50, 60):
            raise ValueError(f"mains_hz is {self.mains_hz!r}; expected 50 or 60.")
        if self.rate_hz < 2 * self.mains_hz:
            raise ValueError(
                f"mains hum of {self.mains_hz} Hz cannot be sampled at {self.rate_hz} Hz; "
                f"expected a rate_hz of at least {2 * self.mains_hz}."
            )

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        frequency = self.mains_hz / self.rate_hz
        return _draw_sine(shape[0], self.up_to, frequency, frequency, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        _add_sine_(signal, rows, drawn)


@dataclass(frozen=True, kw_only=True)
class Respiration(Transform):
    """Add breathing: one sine in all leads, 12 to 18 per minute, with an amplitude up to `up_to`.

    Drawn: amplitude, cycles per sample, phase in radians, (records, 3).
    """

    rate_hz: float
    up_to: float = 0.2

    def __post_init__(self) -> None:
        check_range(1, 1e6, rate_hz=self.rate_hz)
        check_range(0, 10, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        slow, fast = (breaths / 60 / self.rate_hz for breaths in BREATHS_PER_MINUTE)
        return _draw_sine(shape[0], self.up_to, slow, fast, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        _add_sine_(signal, rows, drawn)


@dataclass(frozen=True, kw_only=True)
class TimeWarp(Transform):
    """Play the record smoothly faster and slower, at a speed within 1 ± `up_to`; both ends stay.

    At x in [0, 1] of its length the new signal takes the value of the old signal at
    w(x) = x + Σ_k a_k sin(π k x), by linear interpolation between samples.
    Drawn: a, (records, waves). |a_k| <= up_to / (π k waves), so |dw/dx - 1| <= up_to < 1, and
    time never runs backwards.
    """

    up_to: float = 0.1
    waves: int = 3

    def __post_init__(self) -> None:
        check_range(0, 0.9, up_to=self.up_to)
        if self.waves not in range(1, 11):
            raise ValueError(f"waves is {self.waves!r}; expected a whole number from 1 to 10.")

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        shape = Size((shape[0], self.waves))
        speed = _uniform(shape, -self.up_to, self.up_to, generator=generator)
        k = torch.arange(1, self.waves + 1, device=speed.device)
        return speed / (math.pi * k * self.waves)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        old = signal[rows]
        last = signal.shape[2] - 1
        position = warped_time(drawn, samples=last + 1) * last  # (changed, time)
        before = position.long().clamp(0, max(last - 1, 0))
        fraction = (position - before)[:, None].to(old.dtype)
        before = before[:, None].expand(old.shape)
        after = (before + 1).clamp(max=last)
        signal[rows] = torch.lerp(old.gather(2, before), old.gather(2, after), fraction)


@dataclass(frozen=True, kw_only=True)
class LeadDropout(Transform):
    """Set each lead to 0 with `lead_probability`. Drawn: True for such leads, (records, leads)."""

    lead_probability: float = 0.1

    def __post_init__(self) -> None:
        check_range(0, 1, lead_probability=self.lead_probability)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return _uniform(shape[:2], 0, 1, generator=generator) < self.lead_probability

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        _scale_(signal, rows, ~drawn)


@dataclass(frozen=True, kw_only=True)
class LeadMix(Transform):
    """Add a small random multiple of every lead to every lead, as if electrodes were displaced.

    Drawn: normal weights with this standard deviation, (records, leads to, leads from).
    """

    deviation: float = 0.04

    def __post_init__(self) -> None:
        check_range(0, 1, deviation=self.deviation)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return _gaussian(Size((*shape[:2], shape[1])), self.deviation, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        with torch.autocast(signal.device.type, enabled=False):  # the same result in bf16 runs
            added = torch.bmm(drawn, signal[rows].to(drawn.dtype))
        _add_(signal, rows, added)


def warped_time(waves: Tensor, *, samples: int) -> Tensor:
    """Compute w(x) of TimeWarp at `samples` equidistant points from 0 to 1.

    waves: (records, waves), the a_k. Returns (records, samples).
    """
    x = torch.linspace(0, 1, samples, device=waves.device)
    k = torch.arange(1, waves.shape[1] + 1, device=waves.device)
    return x + waves @ torch.sin(math.pi * k[:, None] * x)


def check_range(low: float, high: float, **values: object) -> None:
    """Raise ValueError for the first named value that is no number from low to high."""
    for name, value in values.items():
        valid = isinstance(value, int | float) and low <= value <= high  # False for NaN
        if not valid or isinstance(value, bool):
            raise ValueError(f"{name} is {value!r}; expected a number from {low:g} to {high:g}.")


def _uniform(shape: Size, low: float, high: float, *, generator: torch.Generator) -> Tensor:
    drawn = torch.empty(shape, dtype=torch.float32, device=generator.device)
    return drawn.uniform_(low, high, generator=generator)


def _gaussian(shape: Size, deviation: float, *, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device).mul_(deviation)


def _draw_sine(
    records: int, up_to: float, slow: float, fast: float, *, generator: torch.Generator
) -> Tensor:
    """Draw one sine per record: amplitude, cycles per sample, phase in radians, (records, 3)."""
    shape = Size((records,))
    amplitude = _uniform(shape, 0, up_to, generator=generator)
    frequency = _uniform(shape, slow, fast, generator=generator)
    phase = _uniform(shape, 0, 2 * math.pi, generator=generator)
    return torch.stack((amplitude, frequency, phase), dim=1)


def _add_sine_(signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
    amplitude, frequency, phase = drawn[:, :, None].unbind(1)  # (changed, 1) each
    sample = torch.arange(signal.shape[2], device=signal.device)
    cycles = (frequency * sample).frac()  # small angles keep their digits in float32
    sine = amplitude * torch.sin(2 * math.pi * cycles + phase)
    _add_(signal, rows, sine[:, None].repeat(1, signal.shape[1], 1))


def _add_(signal: Tensor, rows: Tensor, added: Tensor) -> None:
    signal.index_add_(0, rows, added.to(signal.dtype))


def _scale_(signal: Tensor, rows: Tensor, factor: Tensor) -> None:
    """Multiply these rows by factor (changed, leads or 1), in place; all other rows by 1."""
    factors = factor.new_ones(len(signal), factor.shape[1]).index_copy_(0, rows, factor)
    signal.mul_(factors[:, :, None])
