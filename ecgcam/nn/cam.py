"""Class activation map: the evidence for each class over time, and by lead."""

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


def lead_activation_map(features: Tensor, weight: Tensor, *, leads: int) -> Tensor:
    """Compute the evidence for each class from each lead at each frame, in logits.

    Like activation_map, for features that keep leads apart: of `leads` equal groups of consecutive
    channels, group k depends on lead k alone. Returns (batch, classes, leads, frames), whose sum
    over leads is the activation map.
    """
    batch, channels, frames = features.shape
    weights = weight.reshape(len(weight), leads, channels // leads).transpose(0, 1)
    evidence = weights @ features.reshape(batch, leads, channels // leads, frames)
    return evidence.transpose(1, 2)
