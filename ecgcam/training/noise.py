"""Noise and sines for a batch: drawn from a generator, then added to some of its records."""

import math
from functools import cache

import torch
from torch import Size, Tensor


def uniform(shape: Size, low: float, high: float, *, generator: torch.Generator) -> Tensor:
    """Numbers of this shape, each from low to high alike."""
    drawn = torch.empty(shape, dtype=torch.float32, device=generator.device)
    return drawn.uniform_(low, high, generator=generator)


def gaussian(shape: Size, deviation: float, *, generator: torch.Generator) -> Tensor:
    """Normal numbers about 0, two from 16 bits of chance, so that none is beyond 4.4 deviations."""
    count = shape.numel()
    pairs = -(-count // 2)
    words = torch.empty(-(-pairs // 4), dtype=torch.int64, device=generator.device)
    bits = words.random_(-(2**63), None, generator=generator).view(torch.uint16)[:pairs]
    normal = (_normal_pairs(generator.device) * deviation).index_select(0, bits.int())
    return torch.view_as_real(normal).view(-1)[:count].view(shape)


@cache
def _normal_pairs(device: torch.device) -> Tensor:
    """2¹⁶ pairs of normal numbers, (65536,) complex, each as likely as any other.

    √2 erf⁻¹(u) is normal for even steps u within (-1, 1). The second of a pair is as good as
    independent of the first: the same numbers, shuffled once for all. Read from here a batch's
    noise takes half the time that computing it takes.
    """
    normal = torch.arange(-(2**15) + 0.5, 2**15).div_(2**15).erfinv_().mul_(math.sqrt(2))
    other = normal[torch.randperm(2**16, generator=torch.Generator().manual_seed(0))]
    return torch.complex(normal, other).to(device)


def draw_sine(
    records: int, up_to: float, slow: float, fast: float, *, generator: torch.Generator
) -> Tensor:
    """Amplitude, cycles a sample and phase in radians of one sine a record: (records, 3)."""
    one_each = Size((records,))
    amplitude = uniform(one_each, 0, up_to, generator=generator)
    frequency = uniform(one_each, slow, fast, generator=generator)
    phase = uniform(one_each, 0, 2 * math.pi, generator=generator)
    return torch.stack((amplitude, frequency, phase), dim=1)


def add_sine_(signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
    """Add to all leads of those rows (changed,) of a batch their sine, as draw_sine drew it."""
    amplitude, frequency, phase = drawn[:, :, None].unbind(1)  # (changed, 1) each
    sample = torch.arange(signal.shape[2], device=signal.device)
    cycles = (frequency * sample).frac()  # a small angle keeps its digits in float32
    sine = amplitude * torch.sin(2 * math.pi * cycles + phase)
    add_(signal, rows, sine[:, None].repeat(1, signal.shape[1], 1))


def add_(signal: Tensor, rows: Tensor, added: Tensor) -> None:
    """Add (changed, leads, time) to those rows of a batch (batch, leads, time), in place."""
    signal.index_add_(0, rows, added.to(signal.dtype))
