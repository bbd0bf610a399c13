"""Random masks over time: which stretches of a record are kept, and which are flat."""

import math

import torch
from torch import Tensor

STRETCHES = (8, 128)  # the shortest and the longest stretch, in samples


def draw_masks(
    records: int,
    parts: int,
    samples: int,
    generator: torch.Generator,
    *,
    stretches: tuple[int, int] = STRETCHES,
) -> Tensor:
    """Draw random masks (records, parts, samples), 0 or 1.

    Each record has a length of stretch, log-uniform between `stretches`, and a fraction to keep,
    uniform from 0 to 1; each of its stretches is kept with that probability.
    """
    device = generator.device
    shortest, longest = stretches
    length, fraction, offset = torch.rand(3, records, 1, 1, generator=generator, device=device)
    length = shortest * torch.exp(length * math.log(longest / shortest))
    stretch = (torch.arange(samples, device=device) / length + offset).long()
    most = samples // shortest + 2
    kept = torch.rand(records, parts, most, generator=generator, device=device) < fraction
    return kept.float().gather(2, stretch.expand(-1, parts, -1))
