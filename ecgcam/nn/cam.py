"""Class activation map: the evidence for each class over time."""

import torch
from torch import Tensor


def activation_map(features: Tensor, weight: Tensor) -> Tensor:
    """Compute the evidence for each class at each frame, in logits.

    features: (batch, channels, frames), exactly the tensor that is averaged for the head.
    weight:   (classes, channels), the weights of the head.
    Returns (batch, classes, frames). Its mean over frames plus the head's bias is the logit
    (Zhou et al. 2016, section 2).
    """
    # Unlike weight @ features, this does not copy the features.
    return torch.bmm(weight.expand(len(features), -1, -1), features)
