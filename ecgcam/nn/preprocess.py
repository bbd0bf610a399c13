"""Preprocessing as the first module of the network: detrending, centering and scaling.

It has no parameters and takes raw millivolts, so training, evaluation and every export run the
same arithmetic. Signals are (batch, leads, time), float32.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

# A tenth of the smallest stored step. A lead that spans less is flat: after detrending only
# rounding errors are left, which must not be scaled up.
FLAT_MV = 1e-4


@dataclass(frozen=True, kw_only=True)
class PreprocessConfig:
    """Settings of the preprocessing.

    detrend_order: degree of the polynomial that is subtracted from each lead, or None.
    scale:         a name in SCALES.
    """

    detrend_order: int | None = 10
    scale: str = "unit"

    def __post_init__(self) -> None:
        order = self.detrend_order
        if order is not None and not (isinstance(order, int) and order >= 0):
            raise ValueError(f"detrend_order must be a whole number, 0 or more, got {order!r}")
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {self.scale!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the model card."""
        return asdict(self)


class Preprocess(nn.Module):
    """Detrends and scales signals of `samples` samples."""

    def __init__(self, config: PreprocessConfig, *, samples: int) -> None:
        super().__init__()
        self.config = config
        order = config.detrend_order
        self.detrend = nn.Identity() if order is None else Detrend(order, samples=samples)
        self.scale = SCALES[config.scale]

    def forward(self, signal_mv: Tensor) -> Tensor:
        return self.scale(self.detrend(signal_mv))


class Detrend(nn.Module):
    """Subtracts from each lead its least-squares polynomial of a degree.

    With Q (time, order + 1) an orthonormal basis of the polynomials, x - Q Qᵀ x is the residual
    of the fit: one projection for all leads of all records. Each lead's mean is subtracted first,
    since an offset larger than the ECG would cost digits. Q is not in the state dict, since order
    and length determine it.
    """

    basis: Tensor

    def __init__(self, order: int, *, samples: int) -> None:
        super().__init__()
        basis = torch.from_numpy(polynomial_basis(order, samples=samples).astype(np.float32))
        self.register_buffer("basis", basis, persistent=False)

    def forward(self, signal: Tensor) -> Tensor:
        if signal.shape[-1] != self.basis.shape[0]:
            raise ValueError(
                f"the signal has {signal.shape[-1]} samples; expected {self.basis.shape[0]}"
            )
        rows = signal.reshape(-1, signal.shape[-1])  # one product for all leads of all records
        rows = rows - rows.mean(dim=-1, keepdim=True)
        weights = (self.basis.T @ rows.T).T  # faster than rows @ basis
        return torch.addmm(rows, weights, self.basis.T, alpha=-1).view_as(signal)


def polynomial_basis(order: int, *, samples: int) -> NDArray[np.float64]:
    """Return orthonormal columns that span the polynomials up to `order`: (samples, order + 1).

    They come from a QR decomposition of Legendre polynomials, which are nearly orthogonal; powers
    of time would lose all digits at order 10.
    """
    if order >= samples:
        raise ValueError(f"order {order} needs more than {order} samples, got {samples}")
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
    """Subtract each lead's median, divide by its largest deviation: within [-1, 1].

    This is the paper's scale.
    """
    centered = signal_mv - median(signal_mv)
    return _divide(centered, centered.abs().amax(dim=-1, keepdim=True))


def scale_record(signal_mv: Tensor) -> Tensor:
    """Subtract each lead's median, divide by the record's largest deviation.

    One scale for all leads keeps the ratios of voltages between leads.
    """
    centered = signal_mv - median(signal_mv)
    return _divide(centered, centered.abs().amax(dim=(-2, -1), keepdim=True))


def scale_zscore(signal_mv: Tensor) -> Tensor:
    """Subtract each lead's mean, divide by its (population) standard deviation."""
    deviation, mean = torch.std_mean(signal_mv, dim=-1, keepdim=True, correction=0)
    return _divide(signal_mv - mean, deviation)


def scale_robust(signal_mv: Tensor) -> Tensor:
    """Subtract each lead's median, divide by its interquartile range (linear interpolation).

    A lead that is constant for half of the time counts as flat and becomes zeros.
    """
    ordered = signal_mv.sort(dim=-1).values
    low, middle, high = (_quantile(ordered, fraction) for fraction in (0.25, 0.5, 0.75))
    return _divide(signal_mv - middle, high - low)


def scale_min_max(signal_mv: Tensor) -> Tensor:
    """Scale each lead from its lowest value, 0, to its highest, 1."""
    low, high = torch.aminmax(signal_mv, dim=-1, keepdim=True)
    return _divide(signal_mv - low, high - low)


def keep_millivolts(signal_mv: Tensor) -> Tensor:
    """Return the signal unchanged."""
    return signal_mv


def _quantile(ordered: Tensor, fraction: float) -> Tensor:
    """Return a quantile of sorted values; torch.quantile is limited to 16 million of them."""
    position = fraction * (ordered.shape[-1] - 1)
    below = int(position)
    above = min(below + 1, ordered.shape[-1] - 1)
    return torch.lerp(ordered[..., below], ordered[..., above], position - below).unsqueeze(-1)


def _divide(centered: Tensor, spread: Tensor) -> Tensor:
    """Return centered / spread, and zeros where the lead is flat."""
    return centered / spread.masked_fill(spread < FLAT_MV, math.inf)


SCALES: dict[str, Callable[[Tensor], Tensor]] = {
    "unit": scale_to_unit,
    "record": scale_record,
    "zscore": scale_zscore,
    "robust": scale_robust,
    "minmax": scale_min_max,
    "none": keep_millivolts,
}
