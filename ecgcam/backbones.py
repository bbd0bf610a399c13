"""Backbones: a signal (batch, leads, time) to features (batch, channels, frames).

Any nn.Module will do that maps so, takes `leads` and its configuration as keyword arguments, and
has the attribute `channels`, the number of channels it gives. The head averages its features
over the frames, so each backbone here explains itself.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from .errors import ModelError


class ConvBlock(nn.Module):
    """Convolution that keeps the length, batch norm, LeakyReLU(0.1)."""

    def __init__(self, inputs: int, outputs: int, *, kernel: int) -> None:
        super().__init__()
        _check_odd(kernel)
        self.conv = nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = nn.BatchNorm1d(outputs)
        self.activation = nn.LeakyReLU(0.1)

    def forward(self, signal: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(signal)))


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
            ConvBlock(before, after, kernel=size)
            for before, after, size in zip(inputs, widths, kernels, strict=True)
        )
        self.blocks = nn.ModuleList(halving)
        self.pool = nn.MaxPool1d(2)
        self.channels = widths[-1]

    def forward(self, signal: Tensor) -> Tensor:
        return self.last(self._before_last(signal))

    def before_norm(self, signal: Tensor) -> Tensor:
        """The last convolution's output, which the paper's maps are drawn from (source "conv")."""
        return self.last.conv(self._before_last(signal))

    def _before_last(self, signal: Tensor) -> Tensor:
        for block in self.blocks:
            signal = self.pool(block(signal))
        return signal


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, then their sum's activation (He et al. 2016, figure 2).

    Time is halved in the first convolution where `halve` is set; the shortcut then averages pairs
    of samples, and a convolution of kernel 1 fits its channels where their number changes.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, halve: bool) -> None:
        super().__init__()
        _check_odd(kernel)
        stride = 2 if halve else 1
        self.first = nn.Conv1d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.first_norm = nn.BatchNorm1d(outputs)
        self.second = nn.Conv1d(outputs, outputs, kernel, padding=kernel // 2, bias=False)
        self.second_norm = nn.BatchNorm1d(outputs)
        self.activation = nn.ReLU()
        self.shorten = nn.AvgPool1d(2, ceil_mode=True) if halve else nn.Identity()
        same = inputs == outputs
        self.fit = nn.Identity() if same else nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, signal: Tensor) -> Tensor:
        inner = self.activation(self.first_norm(self.first(signal)))
        inner = self.second_norm(self.second(inner))
        return self.activation(inner + self.fit(self.shorten(signal)))


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
        stem_kernel: int = 11,
        kernel: int = 7,
    ) -> None:
        super().__init__()
        _check_widths(widths)
        _check_odd(stem_kernel)
        self.stem = nn.Sequential(
            nn.Conv1d(leads, widths[0], stem_kernel, 2, stem_kernel // 2, bias=False),
            nn.BatchNorm1d(widths[0]),
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
        return self.stages(self.stem(signal))


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
    except (ImportError, AttributeError) as error:
        raise ModelError(f"the backbone {name!r} cannot be imported: {error}") from None
    return found


def _check_odd(kernel: int) -> None:
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a kernel must be odd, so that padding keeps the length; got {kernel}")


def _check_widths(widths: tuple[int, ...]) -> None:
    if not widths or any(not isinstance(width, int) or width < 1 for width in widths):
        raise ValueError(f"widths must be one or more positive whole numbers, got {widths}")
