"""Preprocessing as the network's first module: detrend, then centre and scale each lead.

It has no parameters and takes raw millivolts, so that training, scoring and every export run
the very same arithmetic. Signals are (batch, leads, time), float32.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# A tenth of a microvolt, a tenth of the smallest step that is stored: a lead that moves less is
# flat, and what is left of it after detrending is rounding error, not to be blown up to full scale.
FLAT_MV = 1e-4


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """detrend_order: degree of the polynomial taken off each lead, or None; scale: see SCALES."""

    detrend_order: int | None = 10
    scale: str = "unit"

    def __post_init__(self) -> None:
        order = self.detrend_order
        if order is not None and not (isinstance(order, int) and order >= 0):
            raise ValueError(f"detrend_order must be a whole number, 0 or more, got {order!r}")
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {self.scale!r}")

    def to_dict(self) -> dict[str, Any]:
        """As a model card keeps it."""
        return asdict(self)


class Preprocess(nn.Module):
    """Detrend and scale a signal of `samples` samples a lead."""

    def __init__(self, config: PreprocessConfig, *, samples: int) -> None:
        super().__init__()
        self.config = config
        order = config.detrend_order
        self.detrend = nn.Identity() if order is None else Detrend(order, samples=samples)
        self.scale = SCALES[config.scale]

    def forward(self, signal_mv: Tensor) -> Tensor:
        return self.scale(self.detrend(signal_mv))


class Detrend(nn.Module):
    """Take the least-squares polynomial of a degree off each lead.

    With Q (time, order + 1) an orthonormal basis of the polynomials, x - Q Qᵀ x is what a fit of
    each lead leaves over: one projection serves every lead of every record. Q stays out of the
    state dict, since order and length determine it.
    """

    basis: Tensor

    def __init__(self, order: int, *, samples: int) -> None:
        super().__init__()
        basis = torch.from_numpy(polynomial_basis(order, samples=samples).astype(np.float32))
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, signal: Tensor) -> Tensor:
        if signal.shape[-1] != self.basis.shape[0]:
            raise ValueError(
                f"the signal has {signal.shape[-1]} samples; it is made for {self.basis.shape[0]}"
            )
        rows = signal.reshape(-1, signal.shape[-1])  # one product for all leads of all records
        shares = (self.basis.T @ rows.T).T  # in this order, for the faster kernel
        return torch.addmm(rows, shares, self.basis.T, alpha=-1).view_as(signal)


def polynomial_basis(order: int, *, samples: int) -> NDArray[np.float64]:
    """(samples, order + 1): orthonormal columns that span the polynomials up to `order`.

    The QR decomposition of Legendre polynomials, which are nearly orthogonal already; powers of
    time would lose all digits at order 10.
    """
    if order >= samples:
        raise ValueError(f"order {order} needs more than {samples} samples")
    time = np.linspace(-1, 1, samples)
    return np.linalg.qr(np.polynomial.legendre.legvander(time, order))[0]


def median(signal: Tensor) -> Tensor:
    """Return the median over time, (..., time) to (..., 1).

    For an even length it is the mean of the two middle values (torch.median gives the lower one).
    Only top-k selects values here: ONNX has it, and it is faster than sorting.
    """
    time = signal.shape[-1]
    upper_half = signal.topk(time // 2 + 1, dim=-1, sorted=False).values
    middle = upper_half.topk(2 - time % 2, dim=-1, largest=False, sorted=False).values
    return middle.mean(dim=-1, keepdim=True)


def scale_to_unit(signal_mv: Tensor) -> Tensor:
    """Each lead less its median, over its largest excursion: within [-1, 1] (the paper's)."""
    centred = signal_mv - median(signal_mv)
    return _divide(centred, centred.abs().amax(dim=-1, keepdim=True))


def scale_record(signal_mv: Tensor) -> Tensor:
    """Each lead less its median, over the record's largest excursion.

    One scale for all leads: the voltages keep their proportions between the leads.
    """
    centred = signal_mv - median(signal_mv)
    return _divide(centred, centred.abs().amax(dim=(-2, -1), keepdim=True))


def scale_zscore(signal_mv: Tensor) -> Tensor:
    """Each lead less its mean, over its standard deviation (of the population)."""
    deviation, mean = torch.std_mean(signal_mv, dim=-1, keepdim=True, correction=0)
    return _divide(signal_mv - mean, deviation)


def scale_robust(signal_mv: Tensor) -> Tensor:
    """Each lead less its median, over the distance of its quartiles (by linear interpolation).

    A lead of which half stands still is flat to it, and becomes zeros whatever the rest does.
    """
    ordered = signal_mv.sort(dim=-1).values
    low, middle, high = (_quantile(ordered, share) for share in (0.25, 0.5, 0.75))
    return _divide(signal_mv - middle, high - low)


def scale_min_max(signal_mv: Tensor) -> Tensor:
    """Each lead from its lowest value, 0, to its highest, 1."""
    low, high = torch.aminmax(signal_mv, dim=-1, keepdim=True)
    return _divide(signal_mv - low, high - low)


def keep_millivolts(signal_mv: Tensor) -> Tensor:
    """As it is."""
    return signal_mv


def _quantile(ordered: Tensor, share: float) -> Tensor:
    """A quantile of values sorted over time; torch.quantile refuses batches of over 16 million."""
    place = share * (ordered.shape[-1] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[-1] - 1)
    return torch.lerp(ordered[..., below], ordered[..., above], place - below).unsqueeze(-1)


def _divide(centred: Tensor, spread: Tensor) -> Tensor:
    """centred / spread; zeros where the lead is flat."""
    return centred / spread.masked_fill(spread < FLAT_MV, math.inf)


SCALES: dict[str, Callable[[Tensor], Tensor]] = {
    "unit": scale_to_unit,
    "record": scale_record,
    "zscore": scale_zscore,
    "robust": scale_robust,
    "minmax": scale_min_max,
    "none": keep_millivolts,
}
