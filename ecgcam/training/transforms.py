"""Transforms for augmentation: random changes to a batch of ECGs, each a small frozen dataclass.

noise_transforms.py holds those that add noise or filter.

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

from ..explanation.masks import draw_masks


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

    The gap is filled with 0, the baseline of a centered signal. Drawn: samples later, (records,).
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
        return uniform(shape[:1], 1 - self.up_to, 1 + self.up_to, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        scale_(signal, rows, drawn[:, None])


@dataclass(frozen=True, kw_only=True)
class LeadGain(Transform):
    """Multiply each lead by its own factor within 1 ± `up_to`. Drawn: factors, (records, leads)."""

    up_to: float = 0.05

    def __post_init__(self) -> None:
        check_range(0, 1, up_to=self.up_to)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return uniform(shape[:2], 1 - self.up_to, 1 + self.up_to, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        scale_(signal, rows, drawn)


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
        speed = uniform(shape, -self.up_to, self.up_to, generator=generator)
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
        return uniform(shape[:2], 0, 1, generator=generator) < self.lead_probability

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        scale_(signal, rows, ~drawn)


@dataclass(frozen=True, kw_only=True)
class TimeDropout(Transform):
    """Set random stretches of 8 to 128 samples to 0 in all leads; 0 to 1 of the record is kept.

    Drawn: masks (explanation/masks.py), 1 where the record is kept, (records, 1, time).
    """

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return draw_masks(shape[0], 1, shape[2], generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        signal[rows] = signal[rows].mul_(drawn)


@dataclass(frozen=True, kw_only=True)
class LeadMix(Transform):
    """Add a small random multiple of every lead to every lead, as if electrodes were displaced.

    Drawn: normal weights with this standard deviation, (records, leads to, leads from).
    """

    deviation: float = 0.04

    def __post_init__(self) -> None:
        check_range(0, 1, deviation=self.deviation)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return gaussian(Size((*shape[:2], shape[1])), self.deviation, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        with torch.autocast(signal.device.type, enabled=False):  # the same result in bf16 runs
            added = torch.bmm(drawn, signal[rows].to(drawn.dtype))
        add_(signal, rows, added)


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


def uniform(shape: Size, low: float, high: float, *, generator: torch.Generator) -> Tensor:
    drawn = torch.empty(shape, dtype=torch.float32, device=generator.device)
    return drawn.uniform_(low, high, generator=generator)


def gaussian(shape: Size, deviation: float, *, generator: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=generator, device=generator.device).mul_(deviation)


def add_(signal: Tensor, rows: Tensor, added: Tensor) -> None:
    signal.index_add_(0, rows, added.to(signal.dtype))


def scale_(signal: Tensor, rows: Tensor, factor: Tensor) -> None:
    """Multiply these rows by factor (changed, leads or 1), in place; all other rows by 1."""
    factors = factor.new_ones(len(signal), factor.shape[1]).index_copy_(0, rows, factor)
    signal.mul_(factors[:, :, None])
