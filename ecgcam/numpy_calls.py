"""What the calls of our networks are in NumPy, for in_numpy.py: in evaluation, in float32.

LAYERS: for a type of module, what makes a function of one. FUNCTIONS and METHODS: for a function of
torch or Python, and for a method of a tensor by its name, what does the same.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import add, floordiv, getitem, lt, mul, sub, truediv
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import leaky_relu

from .median import median, middle
from .preprocess import Detrend

Numbers = NDArray[np.float32]
Call = Callable[..., Any]
Layer = Callable[[Numbers], Numbers]


class Unknown(Exception):
    """A call that is not in the tables, or a layer of other settings than ours have."""


def look_up(table: Mapping[Any, Call], call: Any) -> Call:
    """What it is in NumPy by one of the tables; Unknown if it is not there."""
    if call not in table:
        raise Unknown(call)
    return table[call]


def _convolution(layer: nn.Conv2d) -> Layer:
    """Over time, of one image one pixel high, (1, channels, 1, time).

    With channels last in memory the numbers of a window, `kernel` samples of all channels, lie in
    a row, and windows are views of the signal. None is copied.
    """
    high, kernel = layer.kernel_size
    (_, stride), padding = layer.stride, layer.padding
    if high != 1 or layer.dilation != (1, 1) or isinstance(padding, str):
        raise Unknown(layer)
    add_up = _depthwise(layer) if layer.groups > 1 else _dense(layer)
    bias = None if layer.bias is None else layer.bias.detach().numpy()

    def run(image: Numbers) -> Numbers:
        signal = image[0, :, 0].T
        time, channels = signal.shape
        frames = (time + 2 * padding[1] - kernel) // stride + 1
        padded = np.zeros((frames * stride + 2 * kernel, channels), np.float32)
        padded[padding[1] : padding[1] + time] = signal
        found = add_up(padded, frames)
        if bias is not None:
            found += bias
        return found.T[None, :, None]

    return run


def _dense(layer: nn.Conv2d) -> Callable[[Numbers, int], Numbers]:
    """(time, inputs) to (frames, outputs), each window times the weights, as one product.

    Windows that do not overlap are rows of a matrix, which BLAS takes as it lies. There are as many
    such matrices as windows that overlap.
    """
    kernel, stride = layer.kernel_size[1], layer.stride[1]
    by_sample = layer.weight.detach()[:, :, 0].permute(2, 1, 0)  # (kernel, inputs, outputs)
    weight = by_sample.reshape(-1, layer.out_channels).numpy()
    matrices = -(-kernel // stride)

    def add_up(padded: Numbers, frames: int) -> Numbers:
        rows = -(-frames // matrices)
        sample, number = padded.strides
        windows = np.ndarray(
            (matrices, rows, len(weight)),
            np.float32,
            padded,
            strides=(stride * sample, matrices * stride * sample, number),
        )
        found = np.empty((rows, matrices, weight.shape[1]), np.float32)
        np.matmul(windows, weight, out=found.transpose(1, 0, 2))
        return found.reshape(-1, weight.shape[1])[:frames]

    return add_up


def _depthwise(layer: nn.Conv2d) -> Callable[[Numbers, int], Numbers]:
    """(time, channels) to (frames, channels), each channel by itself."""
    stride = layer.stride[1]
    if not layer.groups == layer.in_channels == layer.out_channels:
        raise Unknown(layer)
    weight = layer.weight.detach()[:, 0, 0].T.contiguous().numpy()  # (kernel, channels)

    def add_up(padded: Numbers, frames: int) -> Numbers:
        sample, number = padded.strides
        windows = np.ndarray(
            (frames, *weight.shape), np.float32, padded, strides=(stride * sample, sample, number)
        )
        return np.einsum("tkc,kc->tc", windows, weight)

    return add_up


def _average(layer: nn.AvgPool2d) -> Layer:
    """Of each two neighbours in time; one that is left over stays as it is."""
    pairs = layer.kernel_size == layer.stride == (1, 2) and layer.padding == 0 and layer.ceil_mode
    if not pairs:
        raise Unknown(layer)

    def run(image: Numbers) -> Numbers:
        even = image.shape[-1] // 2 * 2
        means = (image[..., 0:even:2] + image[..., 1:even:2]) * np.float32(0.5)
        return np.concatenate([means, image[..., even:]], axis=-1)

    return run


def _highest(layer: nn.MaxPool2d) -> Layer:
    """Of each sample and the one before and after it."""
    if (layer.kernel_size, layer.stride, layer.padding) != ((1, 3), 1, (0, 1)):
        raise Unknown(layer)

    def run(image: Numbers) -> Numbers:
        highest = image.copy(order="K")
        np.maximum(highest[..., 1:], image[..., :-1], out=highest[..., 1:])
        np.maximum(highest[..., :-1], image[..., 1:], out=highest[..., :-1])
        return highest

    return run


def _detrended(layer: Detrend) -> Layer:
    basis = layer.basis.numpy()
    return lambda signal_mv: signal_mv - signal_mv @ basis @ basis.T


def _medians(signal: Numbers) -> Numbers:
    rows = signal.reshape(-1, signal.shape[-1])
    return middle(rows).reshape(*signal.shape[:-1], 1)


def _leaky(image: Numbers, negative_slope: float, inplace: bool = False) -> Numbers:
    """Of a slope from 0 to 1, as an activation that rises has it."""
    return np.maximum(image, image * np.float32(negative_slope))


def _expand(array: Numbers, *sizes: int) -> Numbers:
    """-1 keeps a size; further ones come before it."""
    more = len(sizes) - array.ndim
    last = [
        own if size == -1 else size for size, own in zip(sizes[more:], array.shape, strict=True)
    ]
    return np.broadcast_to(array, (*sizes[:more], *last))


LAYERS: Mapping[type[nn.Module], Call] = {
    Detrend: _detrended,
    nn.AvgPool2d: _average,
    nn.Conv2d: _convolution,
    nn.Identity: lambda layer: lambda image: image,
    nn.LeakyReLU: lambda layer: partial(_leaky, negative_slope=layer.negative_slope),
    nn.MaxPool2d: _highest,
    nn.ReLU: lambda layer: lambda image: np.maximum(image, 0),
}

_OF_PYTHON = (add, floordiv, getattr, getitem, lt, mul, sub, truediv)
FUNCTIONS: Mapping[Call, Call] = {
    **{call: call for call in _OF_PYTHON},  # which do the same with arrays
    leaky_relu: _leaky,
    median: _medians,
    torch.bmm: np.matmul,
    torch.cat: lambda arrays, dim: np.concatenate(arrays, axis=dim),
    torch.maximum: np.maximum,
}

METHODS: Mapping[str, Call] = {
    "abs": np.abs,
    "amax": lambda array, dim, keepdim: array.max(axis=dim, keepdims=keepdim),
    "contiguous": lambda array, memory_format: array,
    "expand": _expand,
    "masked_fill": lambda array, mask, value: np.where(mask, np.float32(value), array),
    "mean": lambda array, dim: array.mean(axis=dim),
    "squeeze": np.squeeze,
    "unsqueeze": np.expand_dims,
}
