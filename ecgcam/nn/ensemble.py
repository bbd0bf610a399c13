"""Several: backbones side by side on one signal, so that one network holds an ensemble."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """The features of several backbones in a pile, (batch, channels of all, frames).

    A head over the pile that gives each backbone the weights of its own head, divided by their
    number, gives the mean of their logits; the evidence of the pile is that of the ensemble.
    """

    def __init__(self, members: Sequence[nn.Module], *, channels: int) -> None:
        """channels: how many the members' features have, all together."""
        super().__init__()
        if not members:
            raise ValueError("members are missing; needed: at least one backbone.")
        self.members = nn.ModuleList(members)
        self.channels = channels

    def forward(self, signal: Tensor) -> Tensor:
        features = [member(signal) for member in self.members]
        frames = max(found.shape[-1] for found in features)
        return torch.cat([in_frames(found, frames) for found in features], dim=1)


def in_frames(features: Tensor, frames: int) -> Tensor:
    """(batch, channels, any frames) to (batch, channels, frames), of the same mean.

    Each frame stands for its share of the time; a new one has the mean of those it overlaps,
    weighed by how much of it they cover.
    """
    before = features.shape[-1]
    if before == frames:
        return features
    return features @ _overlap(before, frames).to(features)


def _overlap(before: int, after: int) -> Tensor:
    """(before, after): which share of each new frame each old one covers; columns add up to 1."""
    old, new = (torch.arange(n + 1, dtype=torch.float64) / n for n in (before, after))
    start = torch.maximum(old[:-1, None], new[:-1])
    end = torch.minimum(old[1:, None], new[1:])
    return (end - start).clamp(min=0) * after
