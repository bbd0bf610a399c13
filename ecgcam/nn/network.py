"""Network: raw millivolts through preprocessing, backbone and head to logits and evidence."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..signals.leads import LEADS
from .backbones import build_backbone, feature_channels
from .cam import activation_map, lead_activation_map
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


class Output(NamedTuple):
    """The answer of a network to a batch.

    logits:        (batch, classes).
    evidence:      (batch, classes, frames). evidence.mean(-1) + bias == logits.
    lead_evidence: (batch, classes, leads, frames), whose sum over leads is the evidence; None
                   where the backbone mixes leads.
    """

    logits: Tensor
    evidence: Tensor
    lead_evidence: Tensor | None


class Network(nn.Module):
    """Maps signal_mv (batch, leads, time) to logits and evidence.

    Evidence is relative to a flat record, whose evidence is 0 in every frame. What the network
    says of a flat record is the bias: `bias()`, (classes,).
    """

    _flat: Tensor | None  # evidence of a flat record, once fixed

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.preprocess = Preprocess(config.preprocess, samples=config.samples)
        self.backbone = build_backbone(
            config.backbone, leads=len(config.leads), config=config.backbone_config
        )
        self.head = nn.Linear(feature_channels(self.backbone), config.classes)
        self.register_buffer("_flat", None, persistent=False)

    @property
    def leads_apart(self) -> bool:
        """Whether the backbone keeps leads apart, so that there is evidence for each lead."""
        return bool(getattr(self.backbone, "leads_apart", False))

    def forward(self, signal_mv: Tensor) -> Output:
        return self.forward_preprocessed(self.preprocess(signal_mv))

    def forward_preprocessed(self, prepared: Tensor) -> Output:
        """Map a preprocessed signal (batch, leads, time) to logits and evidence.

        The logits are the mean of the evidence plus the bias, which costs less than the head.
        """
        return self.explain_features(self.backbone(prepared))

    def explain_features(self, features: Tensor) -> Output:
        """Map features (batch, channels, frames) to logits and evidence."""
        by_part = self.evidence(features).sub_(self.flat_evidence())  # in place: it may be large
        if not self.leads_apart:
            evidence = by_part[:, :, 0]
            return Output(evidence.mean(dim=-1) + self.bias(), evidence, None)
        evidence = by_part.sum(dim=2)
        return Output(evidence.mean(dim=-1) + self.bias(), evidence, by_part)

    def evidence(self, features: Tensor) -> Tensor:
        """Return the evidence of each part, before that of a flat record is subtracted.

        features: (batch, channels, frames). Returns (batch, classes, parts, frames). The parts are
        the leads, or one part for all leads together.
        """
        if self.leads_apart:
            leads = len(self.config.leads)
            return lead_activation_map(features, self.head.weight, leads=leads)
        return activation_map(features, self.head.weight).unsqueeze(2)

    def flat_evidence(self) -> Tensor:
        """Return the evidence of a flat record, (1, classes, parts, frames).

        Preprocessing maps a flat record to zeros. Gradients do not pass through it.
        """
        if self._flat is not None:
            return self._flat
        shape = (1, len(self.config.leads), self.config.samples)
        with torch.no_grad(), in_evaluation_mode(self):
            return self.evidence(self.backbone(self.head.weight.new_zeros(shape)))

    def bias(self) -> Tensor:
        """Return the logits of a flat record, (classes,)."""
        return self.head.bias + self.flat_evidence().mean(dim=-1).sum(dim=-1)[0]

    def fix_flat_evidence(self) -> None:
        """Compute the evidence of a flat record once; later changes of the weights miss it."""
        self._flat = self.flat_evidence()

    def logits(self, prepared: Tensor) -> Tensor:
        """Map a preprocessed signal to logits alone, for training."""
        logits: Tensor = self.head(self.mean_features(prepared))
        return logits

    def mean_features(self, prepared: Tensor) -> Tensor:
        """Map a preprocessed signal to the input of the head, (batch, channels)."""
        return mean_over_time(self.backbone(prepared))

    @property
    def parameters_count(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def mean_over_time(features: Tensor) -> Tensor:
    """Average (batch, channels, frames) to (batch, channels).

    The transpose makes the gradient channels last, as the features are, which saves a copy.
    """
    return features.transpose(1, 2).mean(dim=1)


@contextmanager
def in_evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Run a block in evaluation mode, then restore the mode of each module."""
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Run a block in evaluation mode without gradients, then restore the mode of each module."""
    with in_evaluation_mode(network), torch.inference_mode():
        yield
