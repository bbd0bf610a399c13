"""Transforms that add noise or filter: what devices, electrodes and the body do to an ECG.

They act like those of transforms.py.
"""

import math
from dataclasses import dataclass

import torch
from torch import Size, Tensor

from ..signals.device_filters import KINDS, impulse_response
from .transforms import Transform, add_, check_range, gaussian, uniform

BREATHS_PER_MINUTE = (12, 18)  # an adult at rest


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Transform):
    """Add white noise of this variance, independent per lead. Drawn: noise shaped as the signal."""

    variance: float = 0.001

    def __post_init__(self) -> None:
        check_range(0, 10, variance=self.variance)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return gaussian(shape, math.sqrt(self.variance), generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        add_(signal, rows, drawn)


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
class Wander(Transform):
    """Add baseline wander: one sine in each lead, with an amplitude up to `up_to`.

    Its frequency, the same in all leads, is log-uniform from `slowest_hz` to `fastest_hz`.
    Drawn: amplitude, cycles per sample, phase in radians, (records, leads, 3).
    """

    rate_hz: float
    up_to: float = 0.2
    slowest_hz: float = 0.05
    fastest_hz: float = 0.7

    def __post_init__(self) -> None:
        check_range(1, 1e6, rate_hz=self.rate_hz)
        check_range(0, 10, up_to=self.up_to)
        check_range(0.001, self.rate_hz / 2, slowest_hz=self.slowest_hz)
        check_range(self.slowest_hz, self.rate_hz / 2, fastest_hz=self.fastest_hz)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        leads = shape[:2]
        amplitude = uniform(leads, 0, self.up_to, generator=generator)
        frequency = _log_uniform(shape[0], self.slowest_hz, self.fastest_hz, generator=generator)
        phase = uniform(leads, 0, 2 * math.pi, generator=generator)
        cycles = (frequency / self.rate_hz)[:, None].expand(leads)
        return torch.stack((amplitude, cycles, phase), dim=2)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        add_(signal, rows, _sines(drawn, signal.shape[2]))


@dataclass(frozen=True, kw_only=True)
class DeviceFilter(Transform):
    """Filter one way, as a monitor does while it records (signals/device_filters.py).

    kind: "high-pass" or "low-pass". The cutoff is log-uniform from `lowest_hz` to `highest_hz`, the
    order 1 or 2. The signal is taken to be 0 before its start, the baseline of a centered signal.
    Drawn: the cutoff in Hz and the order, (records, 2).
    """

    rate_hz: float
    kind: str = "high-pass"
    lowest_hz: float = 0.05
    highest_hz: float = 0.67

    def __post_init__(self) -> None:
        check_range(1, 1e6, rate_hz=self.rate_hz)
        check_range(0.001, self.rate_hz * 0.499, lowest_hz=self.lowest_hz)
        check_range(self.lowest_hz, self.rate_hz * 0.499, highest_hz=self.highest_hz)
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected {' or '.join(KINDS)}.")

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        cutoff = _log_uniform(shape[0], self.lowest_hz, self.highest_hz, generator=generator)
        order = torch.randint(1, 3, shape[:1], generator=generator, device=generator.device)
        return torch.stack((cutoff, order), dim=1)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        for order in (1, 2):
            some = drawn[:, 1] == order
            if some.any():
                self._filter_(signal, rows[some], drawn[some, 0], order)

    def _filter_(self, signal: Tensor, rows: Tensor, cutoff_hz: Tensor, order: int) -> None:
        samples = signal.shape[2]
        response = impulse_response(
            self.kind, order, cutoff_hz.cpu().numpy(), rate_hz=self.rate_hz, samples=samples
        )
        size = 2 * samples  # room for the linear convolution
        filters = torch.fft.rfft(torch.from_numpy(response).to(signal), size)[:, None]
        spectrum = torch.fft.rfft(signal[rows], size) * filters
        signal[rows] = torch.fft.irfft(spectrum, size)[..., :samples]


def _log_uniform(records: int, low: float, high: float, *, generator: torch.Generator) -> Tensor:
    logarithm = uniform(Size((records,)), math.log(low), math.log(high), generator=generator)
    return logarithm.exp().clamp(low, high)


def _draw_sine(
    records: int, up_to: float, slow: float, fast: float, *, generator: torch.Generator
) -> Tensor:
    """Draw one sine per record: amplitude, cycles per sample, phase in radians, (records, 3)."""
    shape = Size((records,))
    amplitude = uniform(shape, 0, up_to, generator=generator)
    frequency = uniform(shape, slow, fast, generator=generator)
    phase = uniform(shape, 0, 2 * math.pi, generator=generator)
    return torch.stack((amplitude, frequency, phase), dim=1)


def _add_sine_(signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
    sine = _sines(drawn[:, None], signal.shape[2])  # (changed, 1, time)
    add_(signal, rows, sine.repeat(1, signal.shape[1], 1))


def _sines(drawn: Tensor, samples: int) -> Tensor:
    """Return sines (…, samples) of an amplitude, cycles per sample and a phase each, (…, 3)."""
    amplitude, frequency, phase = drawn[..., None].unbind(-2)
    sample = torch.arange(samples, device=drawn.device)
    cycles = (frequency * sample).frac()  # small angles keep their digits in float32
    return amplitude * torch.sin(2 * math.pi * cycles + phase)
