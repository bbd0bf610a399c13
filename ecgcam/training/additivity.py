"""Additive training: the evidence of a stretch becomes what the stretch alone is worth.

With f the logit, e(x) the evidence for each frame, 0 a flat record, m a random mask over time, and
m̄ the fraction of each frame's own time that the mask keeps, training adds

    weight · smooth_l1(f(x · m) - f(0), mean over frames of m̄ · (e(x) - e(0)))
    + flat_weight · binary cross-entropy of f(0) against the flat record's target

on a part of each batch. The first term vanishes for a network whose logit for a masked record is
the sum of the evidence that the mask kept; the second keeps the answer to a flat record low. Where
the backbone keeps leads apart, half of the masks are drawn for each lead by itself.
"""

from dataclasses import dataclass

import torch
from torch import Size, Tensor
from torch.nn import functional

from ..explanation.masks import draw_masks
from ..nn.frames import frame_grid, mean_in_frames
from ..nn.network import Network
from .config import AdditivitySettings

FLAT_PROBABILITY = 0.4  # a flat record's target: this, or how frequent the class is


@dataclass(frozen=True, eq=False)
class AdditivityLoss:
    """The additivity loss of a network.

    flat_target: (classes,), the target of a flat record.
    """

    settings: AdditivitySettings
    flat_target: Tensor

    def extend(self, signal: Tensor, masks: Tensor) -> Tensor:
        """Append the masked records and a flat one to a batch (batch, leads, time)."""
        masked = signal[: len(masks)] * masks
        return torch.cat([signal, masked, torch.zeros_like(signal[:1])])

    def masks(self, shape: Size, network: Network, generator: torch.Generator) -> Tensor:
        """Draw a mask for each of the first records of a batch of this shape.

        Returns (records, 1 or leads, time), 0 or 1.
        """
        batch, leads, samples = shape
        records = round(self.settings.fraction * batch)
        parts = leads if network.leads_apart else 1
        shortest, longest = self.settings.stretches
        masks = draw_masks(records, parts, samples, generator, stretches=(shortest, longest))
        if network.leads_apart:
            masks[: records // 2] = masks[: records // 2, :1]  # the same for all leads
        return masks

    def __call__(self, network: Network, features: Tensor, masks: Tensor) -> Tensor:
        """Return the loss of the features (extended batch, channels, frames) of `extend`."""
        masked = len(masks)
        with torch.autocast(features.device.type, enabled=False):  # differences of small numbers
            sizes = [len(features) - masked - 1, masked, 1]
            whole, flattened, flat = torch.split(features.float(), sizes)
            gap = additivity_gap(network, whole[:masked], flattened, flat, masks)
            flat_features = flat.mean(dim=-1)
            return self.of_head(network.head.weight, network.head.bias, gap, flat_features)

    def of_head(self, weight: Tensor, bias: Tensor, gap: Tensor, flat: Tensor) -> Tensor:
        """Return the loss of a head: weight (classes, channels), bias (classes,).

        gap: (records, channels), of `additivity_gap`. flat: (1, channels), of a flat record.
        """
        gap_of_logits = gap @ weight.T
        additive = functional.smooth_l1_loss(gap_of_logits, torch.zeros_like(gap_of_logits))
        target = self.flat_target.to(flat).expand(1, -1)
        answer = functional.binary_cross_entropy_with_logits(flat @ weight.T + bias, target)
        return self.settings.weight * additive + self.settings.flat_weight * answer


def additivity_gap(
    network: Network, whole: Tensor, masked: Tensor, flat: Tensor, masks: Tensor
) -> Tensor:
    """Return by how much masked records differ from what the masks kept: (records, channels).

    It is the difference of each feature's mean over time; the head's weights turn it into that of
    the logits. whole, masked, flat: features (records or 1, channels, frames) of the records, the
    masked records and a flat one. masks: (records, 1 or leads, time).
    """
    frames, samples = whole.shape[-1], masks.shape[-1]
    grid = frame_grid(network.backbone, samples=samples, frames=frames)
    kept = mean_in_frames(masks, grid, frames=frames)  # (records, 1 or leads, frames)
    kept = kept.repeat_interleave(whole.shape[1] // kept.shape[1], dim=1)
    expected = (kept * (whole - flat)).mean(dim=-1)
    return (masked - flat).mean(dim=-1) - expected
