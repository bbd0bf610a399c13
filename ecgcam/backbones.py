"""Backbones: a signal (batch, leads, time) to features (batch, channels, frames).

Any nn.Module will do that maps so, takes `leads` and its configuration as keyword arguments, and
has the attribute `channels`, the number of channels it gives. The head averages its features
over the frames, so each backbone here explains itself.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from .errors import ModelError


def as_image(signal: Tensor) -> Tensor:
    """(batch, leads, time) as an image one pixel high, (batch, leads, 1, time), channels last.

    In this layout torch's convolutions and their gradients are faster on a CPU than in one
    dimension, 1.3 times here (docs/performance.md); the arithmetic is the same.
    """
    return signal.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, bias: bool = True
) -> nn.Conv2d:
    """A convolution over time of such an image; with stride 1 it keeps the length."""
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a kernel must be odd, so that padding keeps the length; got {kernel}")
    return nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), (0, kernel // 2), bias=bias)


class ConvBlock(nn.Module):
    """Convolution that keeps the length, batch norm, a max-pool that may halve it, LeakyReLU(0.1).

    The activation rises, so that after the pool it gives the same as before it, for half the work.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, halve: bool) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, kernel)
        self.norm = nn.BatchNorm2d(outputs)
        self.pool = nn.MaxPool2d((1, 2)) if halve else nn.Identity()
        self.activation = nn.LeakyReLU(0.1, inplace=True)

    def forward(self, image: Tensor) -> Tensor:
        return self.activation(self.pool(self.norm(self.convolved(image))))

    def convolved(self, image: Tensor) -> Tensor:
        """The convolution alone, for a norm that is trained without the bias's gradient.

        Such a norm takes the bias off again with the batch's mean: the gradient is zero, and adding
        it up over batch and time would take a tenth of the convolution's.
        """
        bias = self.conv.bias
        if self.norm.training and bias is not None:
            bias = bias.detach()
        return conv2d(image, self.conv.weight, bias, padding=self.conv.padding)


class SignalCNN(nn.Module):
    """The paper's network: four blocks, time halved by a max-pool after each but the last.

    With 12 leads and one logit it has 22,273 parameters, the head's 65 among them.
    """

    def __init__(
        self,
        *,
        leads: int = 12,
        widths: tuple[int, ...] = (16, 16, 32, 64),
        first_kernel: int = 11,
        kernel: int = 7,
    ) -> None:
        super().__init__()
        _check_widths(widths)
        inputs = (leads, *widths[:-1])
        kernels = (first_kernel, *[kernel] * (len(widths) - 1))
        *halving, self.last = (
            ConvBlock(before, after, kernel=size, halve=place < len(widths))
            for place, (before, after, size) in enumerate(
                zip(inputs, widths, kernels, strict=True), start=1
            )
        )
        self.blocks = nn.ModuleList(halving)
        self.channels = widths[-1]

    def forward(self, signal: Tensor) -> Tensor:
        return self.last(self._before_last(signal)).squeeze(2)

    def before_norm(self, signal: Tensor) -> Tensor:
        """The last convolution's output, which the paper's maps are drawn from (source "conv")."""
        return self.last.conv(self._before_last(signal)).squeeze(2)

    def _before_last(self, signal: Tensor) -> Tensor:
        image = as_image(signal)
        for block in self.blocks:
            image = block(image)
        return image


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, then their sum's activation (He et al. 2016, figure 2).

    Time is halved in the first convolution where `halve` is set; the shortcut then averages pairs
    of samples, and a convolution of kernel 1 fits its channels where their number changes.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, halve: bool) -> None:
        super().__init__()
        self.first = conv(inputs, outputs, kernel, stride=2 if halve else 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = conv(outputs, outputs, kernel, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU()
        self.shorten = nn.AvgPool2d((1, 2), ceil_mode=True) if halve else nn.Identity()
        self.fit = nn.Identity() if inputs == outputs else conv(inputs, outputs, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        inner = self.activation(self.first_norm(self.first(image)))
        inner = self.second_norm(self.second(inner))
        return self.activation(inner + self.fit(self.shorten(image)))


class ResNet(nn.Module):
    """A residual net: a stem that halves time, then stages of residual blocks.

    Each stage after the first halves time once more; a signal of 1000 samples leaves 125 frames
    with the default three stages.
    """

    def __init__(
        self,
        *,
        leads: int = 12,
        widths: tuple[int, ...] = (32, 64, 96),
        blocks: int = 2,
        first_kernel: int = 11,
        kernel: int = 7,
    ) -> None:
        super().__init__()
        _check_widths(widths)
        if blocks < 1:
            raise ValueError(f"blocks must be at least 1, got {blocks}")
        self.stem = nn.Sequential(
            conv(leads, widths[0], first_kernel, stride=2, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        stages: list[nn.Module] = []
        for stage, width in enumerate(widths):
            for block in range(blocks):
                before = widths[max(stage - 1, 0)] if block == 0 else width
                halve = stage > 0 and block == 0
                stages.append(ResidualBlock(before, width, kernel=kernel, halve=halve))
        self.stages = nn.Sequential(*stages)
        self.channels = widths[-1]

    def forward(self, signal: Tensor) -> Tensor:
        return self.stages(self.stem(as_image(signal))).squeeze(2)


BACKBONES: dict[str, Callable[..., nn.Module]] = {"signalcnn": SignalCNN, "resnet": ResNet}


def build_backbone(name: str, *, leads: int, config: Mapping[str, Any]) -> nn.Module:
    """The backbone of that name, or the class that `module:Class` names, with its configuration.

    `module:Class` imports and runs that module: give only names that you trust. Raises
    ModelError if there is no such backbone or it does not take the configuration.
    """
    make = BACKBONES.get(name) or _import_backbone(name)
    settings = {key: tuple(x) if isinstance(x, list) else x for key, x in config.items()}
    try:
        return make(leads=leads, **settings)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the backbone {name!r} cannot be built: {error}") from None


def feature_channels(backbone: nn.Module) -> int:
    """How many channels its features have; ModelError if it does not say."""
    channels = getattr(backbone, "channels", None)
    if not isinstance(channels, int):
        raise ModelError(f"{type(backbone).__name__} needs an attribute `channels`, an int.")
    return channels


def _import_backbone(name: str) -> Callable[..., nn.Module]:
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ModelError(
            f"there is no backbone {name!r}; there are {', '.join(BACKBONES)}, and any "
            "module:Class of your own."
        )
    try:
        found: Callable[..., nn.Module] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"the backbone {name!r} cannot be imported: {error}") from None
    return found


def _check_widths(widths: tuple[int, ...]) -> None:
    if not widths or any(not isinstance(width, int) or width < 1 for width in widths):
        raise ValueError(f"widths must be one or more positive whole numbers, got {widths}")
