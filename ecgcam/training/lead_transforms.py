"""The changes of augmentation that are of leads: some silent, or each with a little of all."""

from dataclasses import dataclass

import torch
from torch import Size, Tensor

from .noise import add_, gaussian, uniform
from .transforms import Transform, refuse_outside, scale_


@dataclass(frozen=True, kw_only=True)
class LeadDropout(Transform):
    """Each lead silenced with `lead_probability`. Drawn: True where silenced, (records, leads)."""

    lead_probability: float = 0.1

    def __post_init__(self) -> None:
        refuse_outside(0, 1, lead_probability=self.lead_probability)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return uniform(shape[:2], 0, 1, generator=generator) < self.lead_probability

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        scale_(signal, rows, ~drawn)


@dataclass(frozen=True, kw_only=True)
class LeadMix(Transform):
    """Each lead with a little of every lead added, its own too, as if electrodes lay elsewhere.

    Drawn: how much of each, normal with this deviation, (records, leads to, leads from).
    """

    deviation: float = 0.04

    def __post_init__(self) -> None:
        refuse_outside(0, 1, deviation=self.deviation)

    def draw(self, shape: Size, *, generator: torch.Generator) -> Tensor:
        return gaussian(Size((*shape[:2], shape[1])), self.deviation, generator=generator)

    def apply_(self, signal: Tensor, rows: Tensor, drawn: Tensor) -> None:
        with torch.autocast(signal.device.type, enabled=False):  # the same in every precision
            added = torch.bmm(drawn, signal[rows].to(drawn.dtype))
        add_(signal, rows, added)
