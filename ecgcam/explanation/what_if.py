"""What if part of the record were flat: does a map predict the logit of a masked record?"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..nn.frames import frame_grid, mean_in_frames
from ..nn.network import Network
from .attributions import integrated_gradients
from .figures import Floats, Statistic, mean_of, median_of


@dataclass(frozen=True, kw_only=True, eq=False)
class WhatIf:
    """The logits of masked records, (records,), and what was predicted of them.

    by_evidence, by_gradients: from the evidence, or the integrated gradients, of what is kept.
    by_fraction: as the kept fraction of the record times the logit.
    """

    masked: NDArray[np.float64]
    by_evidence: NDArray[np.float64]
    by_gradients: NDArray[np.float64]
    by_fraction: NDArray[np.float64]

    def r2(self, predicted: NDArray[np.float64]) -> Statistic:
        """Return the explained fraction of what "fraction kept · logit" leaves; 1 is exact."""
        error = mean_of((self.masked - predicted) ** 2)
        left = mean_of((self.masked - self.by_fraction) ** 2)

        def explained(counts: Floats) -> Floats:
            return 1 - error(counts) / left(counts)

        return explained

    def median_error(self, predicted: NDArray[np.float64]) -> Statistic:
        """Return the median size of the error, in logits."""
        return median_of(np.abs(self.masked - predicted))


def what_if(network: Network, prepared: Tensor, k: int, masks: Tensor) -> WhatIf:
    """Measure on records (records, leads, samples) with a mask each, (records, 1, samples)."""
    with torch.inference_mode():
        logits, evidence, _ = network.forward_preprocessed(prepared)
        masked = network.forward_preprocessed(prepared * masks).logits[:, k]
        flat = network.bias()[k]
        frames = evidence.shape[-1]
        grid = frame_grid(network.backbone, samples=prepared.shape[-1], frames=frames)
        kept = mean_in_frames(masks[:, 0], grid, frames=frames)
        by_evidence = flat + (kept * evidence[:, k]).mean(dim=-1)
        by_fraction = flat + masks.mean(dim=(1, 2)) * (logits[:, k] - flat)
    gradients = integrated_gradients(network, prepared, k)
    by_gradients = flat + (gradients * masks).sum(dim=(1, 2))
    return WhatIf(
        masked=masked.double().numpy(),
        by_evidence=by_evidence.double().numpy(),
        by_gradients=by_gradients.double().numpy(),
        by_fraction=by_fraction.double().numpy(),
    )
