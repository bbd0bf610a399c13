"""Class activation map: the evidence for each class over time."""

import torch
from torch import Tensor


def activation_map(features: Tensor, weight: Tensor) -> Tensor:
    """Compute the evidence for each class at each frame, in logits.

        evidence[b, k, f] = sum over c of weight[k, c] * features[b, c, f]

    features: (batch, channels, frames), exactly the tensor that is averaged for the head.
    weight:   (classes, channels), the weights of the head.
    Returns (batch, classes, frames). Its mean over frames plus the bias of the head is the
    logit: the map adds up to the decision (Zhou et al. 2016, section 2).
    """
    return torch.bmm(weight.expand(len(features), -1, -1), features)
