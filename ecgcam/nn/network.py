"""Network: raw millivolts through preprocessing, backbone and head to logits and evidence."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..signals.leads import LEADS
from .backbones import build_backbone, feature_channels
from .cam import activation_map
from .preprocess import Preprocess, PreprocessConfig


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Everything that determines a network except its weights.

    backbone: a name in BACKBONES or `module:Class`; backbone_config: its keyword arguments.
    leads: the names of the rows of the input; duration_s: the duration of the input.
    """

    classes: int
    backbone: str = "signalcnn"
    backbone_config: Mapping[str, Any] = field(default_factory=dict)
    preprocess: PreprocessConfig = field(default_factory=PreprocessConfig)
    leads: tuple[str, ...] = LEADS
    rate_hz: float = 100.0
    duration_s: float = 10.0

    def __post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError(f"classes must be at least 1, got {self.classes}")
        if not self.leads or len(set(self.leads)) < len(self.leads):
            raise ValueError(f"leads must be one or more different names, got {self.leads}")
        if not (0 < self.rate_hz < math.inf and 0 < self.duration_s < math.inf):
            raise ValueError("rate_hz and duration_s must be above 0 and finite")
        if self.samples < 1:
            raise ValueError(
                f"duration_s times rate_hz must be a sample or more, got {self.duration_s:g} s at "
                f"{self.rate_hz:g} Hz"
            )

    @property
    def samples(self) -> int:
        """Length of the input in samples."""
        return round(self.duration_s * self.rate_hz)


class Network(nn.Module):
    """Maps signal_mv (batch, leads, time) to logits (batch, classes) and evidence.

    evidence: (batch, classes, frames). evidence.mean(-1) + head.bias == logits.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.preprocess = Preprocess(config.preprocess, samples=config.samples)
        self.backbone = build_backbone(
            config.backbone, leads=len(config.leads), config=config.backbone_config
        )
        self.head = nn.Linear(feature_channels(self.backbone), config.classes)

    def forward(self, signal_mv: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_preprocessed(self.preprocess(signal_mv))

    def forward_preprocessed(self, prepared: Tensor) -> tuple[Tensor, Tensor]:
        """Map a preprocessed signal (batch, leads, time) to logits and evidence.

        The logits are the mean of the evidence plus the bias, which costs less than the head.
        """
        evidence = activation_map(self.backbone(prepared), self.head.weight)
        return evidence.mean(dim=-1) + self.head.bias, evidence

    def logits(self, prepared: Tensor) -> Tensor:
        """Map a preprocessed signal to logits alone, for training."""
        logits: Tensor = self.head(self.mean_features(prepared))
        return logits

    def mean_features(self, prepared: Tensor) -> Tensor:
        """Map a preprocessed signal to the input of the head, (batch, channels)."""
        return _mean_over_time(self.backbone(prepared))

    @property
    def parameters_count(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def _mean_over_time(features: Tensor) -> Tensor:
    """Average (batch, channels, frames) to (batch, channels).

    The transpose makes the gradient channels last, as the features are, which saves a copy.
    """
    return features.transpose(1, 2).mean(dim=1)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Run a block in evaluation mode without gradients, then restore the mode of each module."""
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        with torch.inference_mode():
            yield
    finally:
        for module in training:
            module.training = True
