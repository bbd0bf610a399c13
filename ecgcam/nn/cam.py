"""Class activation maps: the evidence of each class over time, and how it is shown."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def activation_map(features: Tensor, weight: Tensor) -> Tensor:
    """Evidence for each class at each frame, in logits.

        evidence[b, k, f] = sum over c of weight[k, c] * features[b, c, f]

    features: (batch, channels, frames), exactly the tensor that is averaged for the head.
    weight:   (classes, channels), the weights of the head.
    Returns (batch, classes, frames). Its mean over frames plus the bias of the head is the
    logit: the map adds up to the decision (Zhou et al. 2016, section 2).
    """
    return torch.bmm(weight.expand(len(features), -1, -1), features)


def heatmap(evidence: Tensor, *, samples: int) -> Tensor:
    """The evidence as it is shown: stretched to `samples`, scaled to [0, 1] per record and class.

    evidence: (batch, classes, frames). Returns (batch, classes, samples); a constant map, which
    singles out no moment, becomes zeros.
    """
    return scale_for_display(stretch(evidence, samples=samples))


def stretch(evidence: Tensor, *, samples: int) -> Tensor:
    """(batch, classes, frames) to (batch, classes, samples), linear between the frames' centres."""
    return interpolate(evidence, size=samples, mode="linear", align_corners=False)


def scale_for_display(stretched: Tensor) -> Tensor:
    """From its lowest value, 0, to its highest, 1, each record and class by itself."""
    low, high = torch.aminmax(stretched, dim=-1, keepdim=True)
    spread = high - low
    flat = spread <= 1e-6 * torch.maximum(low.abs(), high.abs())  # what float32 rounding leaves
    return torch.where(flat, 0.0, (stretched - low) / torch.where(flat, 1.0, spread))
