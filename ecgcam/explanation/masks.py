"""Random masks over time: which stretches of a record are kept, and which are flat."""

import math

import torch
from torch import Tensor

SHORTEST, LONGEST = 8, 128  # of the stretches, in samples


def draw_masks(records: int, parts: int, samples: int, generator: torch.Generator) -> Tensor:
    """Draw random masks (records, parts, samples), 0 or 1.

    Each record has a length of stretch, log-uniform from 8 to 128 samples, and a fraction to keep,
    uniform from 0 to 1; each of its stretches is kept with that probability.
    """
    device = generator.device
    length, fraction, offset = torch.rand(3, records, 1, 1, generator=generator, device=device)
    length = SHORTEST * torch.exp(length * math.log(LONGEST / SHORTEST))
    stretch = (torch.arange(samples, device=device) / length + offset).long()
    most = samples // SHORTEST + 2
    kept = torch.rand(records, parts, most, generator=generator, device=device) < fraction
    return kept.float().gather(2, stretch.expand(-1, parts, -1))
