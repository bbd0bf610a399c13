"""Small network that finds P waves, QRS complexes and T waves in single leads, in NumPy."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .beats import moving_mean

RATE_HZ = 100.0  # of its input
OUTPUTS = ("rest", "P", "QRS", "T")
MIDDLE = ("middle_1", "middle_2", "middle_3")  # layers at an eighth of the rate
SMALLEST_MV = 0.05  # a lead whose beats are smaller does not count

_WEIGHTS = Path(__file__).with_name("wave_weights.npz")
_STEPS = 8  # the samples are padded to a multiple of it
_BASELINE_S, _BLOCK_S = 1.0, 2.0

Weights = Mapping[str, NDArray[np.float32]]


def wave_logits(
    signal_mv: NDArray[np.floating], weights: Weights | None = None
) -> NDArray[np.float32]:
    """Return the logits of OUTPUTS for each sample of leads (leads, time) at 100 Hz.

    The shape is (leads, outputs, time). Leads whose beats are below 0.05 mV have logits of zero.
    """
    weights = shipped_weights() if weights is None else weights
    prepared, scale = prepare_leads(signal_mv)
    logits = _forward(prepared[:, None], weights)
    logits[scale < SMALLEST_MV] = 0
    return logits


def prepare_leads(
    signal_mv: NDArray[np.floating],
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return leads (leads, time) without baseline, divided by their size, and the sizes in mV.

    The baseline is a moving mean over 1 s, taken twice. The size of a lead (leads,) is that of its
    beats: the median over blocks of 2 s of the largest excursion.
    """
    signal = np.asarray(signal_mv, np.float64)
    width = round(_BASELINE_S * RATE_HZ)
    level = signal - moving_mean(moving_mean(signal, width), width)
    block = min(round(_BLOCK_S * RATE_HZ), level.shape[1])
    whole = level[:, : level.shape[1] // block * block].reshape(len(level), -1, block)
    scale = np.median(np.abs(whole).max(axis=2), axis=1)
    return (level / np.maximum(scale, SMALLEST_MV)[:, None]).astype(np.float32), scale


@cache
def shipped_weights() -> Weights:
    """Return the weights that benchmarks/fit_waves.py fitted on LUDB."""
    with np.load(_WEIGHTS, allow_pickle=False) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def _forward(leads: NDArray[np.float32], weights: Weights) -> NDArray[np.float32]:
    """Map (leads, 1, time) to (leads, outputs, time): a U-Net that halves time three times."""
    samples = leads.shape[2]
    full = _conv(np.pad(leads, ((0, 0), (0, 0), (0, -samples % _STEPS))), weights, "encode_1")
    half = _conv(full, weights, "encode_2", stride=2)
    quarter = _conv(half, weights, "encode_4", stride=2)
    middle = _conv(quarter, weights, "encode_8", stride=2)
    for name in MIDDLE:
        middle = middle + _conv(middle, weights, name)
    quarter = quarter + _conv(middle.repeat(2, axis=2), weights, "decode_4")
    half = half + _conv(quarter.repeat(2, axis=2), weights, "decode_2")
    full = full + _conv(half.repeat(2, axis=2), weights, "decode_1")
    return _conv(full, weights, "output", rectify=False)[..., :samples]


def _conv(
    image: NDArray[np.float32],
    weights: Weights,
    name: str,
    *,
    stride: int = 1,
    rectify: bool = True,
) -> NDArray[np.float32]:
    """Convolve (leads, channels, time) with zeros beyond its ends, as torch's Conv1d does."""
    kernel = weights[f"{name}.weight"]  # (outputs, channels, width)
    width = kernel.shape[2]
    outputs = image.shape[2] // stride
    padded = np.pad(image, ((0, 0), (0, 0), (width // 2, width // 2)))
    parts = [padded[..., k : k + outputs * stride : stride] for k in range(width)]
    columns = np.concatenate(parts, axis=1)  # (leads, width · channels, outputs)
    flat = kernel.transpose(0, 2, 1).reshape(len(kernel), -1)
    result = flat @ columns + weights[f"{name}.bias"][:, None]
    return np.maximum(result, 0, out=result) if rectify else result
