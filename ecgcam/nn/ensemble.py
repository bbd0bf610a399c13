"""Ensemble: several backbones side by side in one network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """Concatenates the features of several backbones, (batch, channels of all, frames).

    With a head that holds each member's own weights divided by the number of members, the logit
    is the mean of the members' logits, and the evidence is that of the ensemble.
    """

    def __init__(self, members: Sequence[nn.Module], *, channels: int) -> None:
        """channels: the number of channels of all members together."""
        super().__init__()
        if not members:
            raise ValueError("an ensemble has no members; expected at least one backbone.")
        self.members = nn.ModuleList(members)
        self.channels = channels
        self.first_center, self.stride = _place_of_frames(members)

    def forward(self, signal: Tensor) -> Tensor:
        features = [member(signal) for member in self.members]
        frames = max(each.shape[-1] for each in features)
        return torch.cat([resize_frames(each, frames) for each in features], dim=1)


def _place_of_frames(members: Sequence[nn.Module]) -> tuple[float | None, int | None]:
    """Return the `first_center` and `stride` of all members, for frame_grid; None if they pad.

    Raises ValueError if their frames lie at different times.
    """
    places = {(getattr(m, "first_center", None), getattr(m, "stride", None)) for m in members}
    if len(places) == 1:
        return places.pop()
    if any(first is not None for first, _ in places):
        raise ValueError(
            "the frames of the members lie at different times; expected networks that all pad, or "
            "that all see as much and have the same stride."
        )
    return None, None


def resize_frames(features: Tensor, frames: int) -> Tensor:
    """Resize (batch, channels, any frames) to (batch, channels, frames) and keep the mean.

    A new frame is the mean of the old frames that it overlaps in time, weighted by the overlap.
    """
    before = features.shape[-1]
    if before == frames:
        return features
    return features @ _overlap(before, frames).to(features)


def _overlap(before: int, after: int) -> Tensor:
    """Return the fraction of each new frame covered by each old one: (before, after).

    Columns sum to 1.
    """
    old, new = (torch.arange(n + 1, dtype=torch.float64) / n for n in (before, after))
    start = torch.maximum(old[:-1, None], new[:-1])
    end = torch.minimum(old[1:, None], new[1:])
    return (end - start).clamp(min=0) * after
