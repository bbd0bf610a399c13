"""What the calls of our networks are in NumPy, for in_numpy.py: in evaluation, in float32.

CALLS: for a function of torch what does the same; it takes the same arguments, arrays in place of
tensors. What of them is the same in all our networks, as the width of a pool, is not looked at:
in_numpy.py tries out what comes of it all.
MADE: for one whose weights are better prepared, what makes a function of the signal alone.
"""

from collections.abc import Callable, Mapping
from functools import partial
from operator import add, getitem, lt, sub, truediv
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .median import median, middle

Numbers = NDArray[np.float32]
Call = Callable[..., Any]
Layer = Callable[[Numbers], Numbers]


class Unknown(Exception):
    """A call that is not in the tables, or a convolution of another kind than ours."""


def numpy_call(
    function: Call, arguments: list[Any], keywords: Mapping[str, Any]
) -> tuple[Call, list[Any]]:
    """What does in NumPy what a call of torch does, and those of its arguments that it takes.

    arguments: arrays, whatever stands for arrays to come, settings. Raises Unknown.
    """
    if function in MADE:
        signal, *weights = arguments
        return MADE[function](*weights, **keywords), [signal]
    if function not in CALLS:
        raise Unknown(function)
    return partial(CALLS[function], **keywords) if keywords else CALLS[function], arguments


def _convolution(
    weight: Numbers,
    bias: Numbers | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Layer:
    """Over time, of one image one pixel high, (1, channels, 1, time).

    With channels last in memory the numbers of a window, `kernel` samples of all channels, lie in
    a row, and windows are views of the signal. None is copied.
    """
    outputs, _, high, kernel = weight.shape
    if high != 1 or padding[0] != 0 or dilation != (1, 1) or groups not in (1, outputs):
        raise Unknown(torch.conv2d)
    add_up = (_dense if groups == 1 else _depthwise)(weight[:, :, 0], stride[1])

    def run(image: Numbers) -> Numbers:
        signal = image[0, :, 0].T
        time, channels = signal.shape
        frames = (time + 2 * padding[1] - kernel) // stride[1] + 1
        padded = np.zeros((frames * stride[1] + 2 * kernel, channels), np.float32)
        padded[padding[1] : padding[1] + time] = signal
        found = add_up(padded, frames)
        if bias is not None:
            found += bias
        return found.T[None, :, None]

    return run


def _dense(weight: Numbers, stride: int) -> Callable[[Numbers, int], Numbers]:
    """(time, inputs) to (frames, outputs): each window times the weights, as one product.

    weight: (outputs, inputs, kernel). Windows that do not overlap are rows of a matrix, which BLAS
    takes as it lies. There are as many such matrices as windows that overlap.
    """
    outputs, _, kernel = weight.shape
    by_sample = np.ascontiguousarray(weight.transpose(2, 1, 0)).reshape(-1, outputs)
    matrices = -(-kernel // stride)

    def add_up(padded: Numbers, frames: int) -> Numbers:
        rows = -(-frames // matrices)
        sample, number = padded.strides
        windows = np.ndarray(
            (matrices, rows, len(by_sample)),
            np.float32,
            padded,
            strides=(stride * sample, matrices * stride * sample, number),
        )
        found = np.empty((rows, matrices, outputs), np.float32)
        np.matmul(windows, by_sample, out=found.transpose(1, 0, 2))
        return found.reshape(-1, outputs)[:frames]

    return add_up


def _depthwise(weight: Numbers, stride: int) -> Callable[[Numbers, int], Numbers]:
    """(time, channels) to (frames, channels): each channel by itself, by (channels, 1, kernel)."""
    by_sample = np.ascontiguousarray(weight[:, 0].T)  # (kernel, channels)

    def add_up(padded: Numbers, frames: int) -> Numbers:
        sample, number = padded.strides
        windows = np.ndarray(
            (frames, *by_sample.shape),
            np.float32,
            padded,
            strides=(stride * sample, sample, number),
        )
        return np.einsum("tkc,kc->tc", windows, by_sample)

    return add_up


def _average(image: Numbers, *settings: Any) -> Numbers:
    """Of each two neighbours in time; one that is left over stays as it is."""
    even = image.shape[-1] // 2 * 2
    means = (image[..., 0:even:2] + image[..., 1:even:2]) * np.float32(0.5)
    return np.concatenate([means, image[..., even:]], axis=-1)


def _highest(image: Numbers, *settings: Any, **more: Any) -> Numbers:
    """Of each sample and the one before and after it."""
    highest = image.copy(order="K")
    np.maximum(highest[..., 1:], image[..., :-1], out=highest[..., 1:])
    np.maximum(highest[..., :-1], image[..., 1:], out=highest[..., :-1])
    return highest


def _addmm(added: Numbers, left: Numbers, right: Numbers, *, alpha: float) -> Numbers:
    product = left @ right
    product *= np.float32(alpha)
    product += added
    return product


def _median(signal: Numbers) -> Numbers:
    rows = signal.reshape(-1, signal.shape[-1])
    return middle(rows).reshape(*signal.shape[:-1], 1)


def _leaky_relu(image: Numbers, *, negative_slope: float, inplace: bool) -> Numbers:
    """Of a slope from 0 to 1, as an activation that rises has it."""
    return np.maximum(image, image * np.float32(negative_slope))


MADE: Mapping[Call, Callable[..., Layer]] = {torch.conv2d: _convolution}

CALLS: Mapping[Call, Call] = {
    Tensor.T.__get__: np.transpose,  # type: ignore[attr-defined]
    Tensor.__getitem__: getitem,
    Tensor.abs: np.abs,
    Tensor.add: add,
    Tensor.amax: lambda array, dim, keepdim: array.max(axis=dim, keepdims=keepdim),
    Tensor.contiguous: lambda array, memory_format: array,
    Tensor.div: truediv,
    Tensor.lt: lt,
    Tensor.masked_fill: lambda array, mask, value: np.where(mask, np.float32(value), array),
    Tensor.matmul: np.matmul,
    Tensor.mean: lambda array, dim: array.mean(axis=dim),
    Tensor.reshape: np.ndarray.reshape,
    Tensor.squeeze: np.squeeze,
    Tensor.sub: sub,
    Tensor.unsqueeze: lambda array, dim: array[(slice(None),) * dim + (None,)],
    Tensor.view_as: lambda array, other: array.reshape(other.shape),
    functional.avg_pool2d: _average,
    functional.leaky_relu: _leaky_relu,
    functional.max_pool2d: _highest,
    functional.relu: lambda image, inplace: np.maximum(image, 0),
    median: _median,
    torch.addmm: _addmm,
    torch.bmm: np.matmul,
    torch.cat: lambda *arrays, dim: np.concatenate(arrays, axis=dim),
    torch.maximum: np.maximum,
}
