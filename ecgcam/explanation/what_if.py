"""What if part of the record were flat: does the evidence predict the logit of a masked record?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..nn.frames import frame_grid, mean_in_frames
from ..nn.network import Network


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """How well the kept evidence predicts the logits of masked records.

    r2: explained fraction of the variance that "fraction kept · logit" leaves; 1 is exact.
    median_error: in logits.
    """

    r2: float
    median_error: float


def what_if(network: Network, prepared: Tensor, k: int, masks: Tensor) -> WhatIf:
    """Measure on records (records, leads, samples) with a mask each, (records, 1, samples)."""
    with torch.inference_mode():
        logits, evidence, _ = network.forward_preprocessed(prepared)
        masked = network.forward_preprocessed(prepared * masks).logits[:, k]
        flat = network.bias()[k]
        frames = evidence.shape[-1]
        grid = frame_grid(network.backbone, samples=prepared.shape[-1], frames=frames)
        kept = mean_in_frames(masks[:, 0], grid, frames=frames)
        predicted = flat + (kept * evidence[:, k]).mean(dim=-1)
        by_fraction = flat + masks.mean(dim=(1, 2)) * (logits[:, k] - flat)
        left = ((masked - predicted) ** 2).sum() / ((masked - by_fraction) ** 2).sum()
    return WhatIf(r2=float(1 - left), median_error=float((masked - predicted).abs().median()))
