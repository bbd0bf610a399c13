"""Frames: the stretch of the record that each frame of the evidence stands for."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


class SampleGrid(NamedTuple):
    """Where the frames lie, in samples of the network's input (in seconds: signals/windows.py).

    first: center of the first frame, counted from the start of the first sample.
    step:  from one frame's center to the next; each frame stands for that long.
    """

    first: float
    step: float


def frame_grid(backbone: nn.Module, *, samples: int, frames: int) -> SampleGrid:
    """Return where a backbone's frames lie for an input of so many samples.

    A backbone that does not pad says so by `first_center` and `stride`; the frames of all others
    divide the input evenly.
    """
    first, step = getattr(backbone, "first_center", None), getattr(backbone, "stride", None)
    if isinstance(first, float) and isinstance(step, int):
        return SampleGrid(first, float(step))
    return SampleGrid(samples / frames / 2, samples / frames)


def mean_in_frames(values: Tensor, grid: SampleGrid, *, frames: int) -> Tensor:
    """Average values (…, samples) over the stretch that each frame stands for: (…, frames)."""
    sums = pad(values.cumsum(dim=-1), (1, 0))
    edges = grid.first + grid.step * (torch.arange(frames + 1, device=values.device) - 0.5)
    before = edges.floor().long().clamp(0, values.shape[-1] - 1)
    integral = torch.lerp(sums[..., before], sums[..., before + 1], (edges - before).to(values))
    return integral.diff(dim=-1) / grid.step


def interpolate_frames(frames: Tensor, grid: SampleGrid, *, samples: int) -> Tensor:
    """Interpolate (…, frames) at the middle of each sample: (…, samples).

    Linear between the centers of frames; beyond the first and the last their value continues.
    """
    middles = torch.arange(samples, device=frames.device) + 0.5
    position = ((middles - grid.first) / grid.step).clamp(0, frames.shape[-1] - 1)
    before = position.long().clamp(max=max(frames.shape[-1] - 2, 0))
    after = (before + 1).clamp(max=frames.shape[-1] - 1)
    return torch.lerp(frames[..., before], frames[..., after], (position - before).to(frames))
