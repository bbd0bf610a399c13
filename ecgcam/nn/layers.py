"""Layers that the backbones share.

Signals are processed as images one pixel high, (batch, channels, 1, time), with channels last in
memory. On a CPU, torch's convolutions and their gradients are then 1.3 times as fast as in one
dimension (docs/performance.md). The arithmetic is the same.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

# Convolutions, and the norm that follows their concatenated outputs, to be fused for inference
# (fuse.py). Nothing else may use these outputs.
FusibleNorm = tuple[tuple[nn.Conv2d, ...], nn.BatchNorm2d]


def as_image(signal: Tensor) -> Tensor:
    """Reshape (batch, leads, time) to an image (batch, leads, 1, time), channels last."""
    return signal.unsqueeze(2).contiguous(memory_format=torch.channels_last)


def conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, bias: bool = True, groups: int = 1
) -> nn.Conv2d:
    """Make a convolution over time of an image; with stride 1 it keeps the length."""
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a kernel must be odd, so that padding keeps the length; got {kernel}")
    return nn.Conv2d(
        inputs, outputs, (1, kernel), (1, stride), (0, kernel // 2), groups=groups, bias=bias
    )


def valid_conv(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Make a convolution over time without padding or bias: (time - kernel) // stride + 1 long."""
    if kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"a kernel must be odd, so that it has a middle; got {kernel}")
    return nn.Conv2d(inputs, outputs, (1, kernel), (1, stride), groups=groups, bias=False)


def halve_time(image: Tensor) -> Tensor:
    """Keep the larger of every two samples: (batch, channels, 1, time) to (…, time // 2)."""
    return max_pool2d(image, (1, 2))


def run_halving_blocks(blocks: nn.ModuleList, image: Tensor) -> Tensor:
    """Run the blocks in turn, halving time after each but the last two."""
    for place, block in enumerate(blocks):
        image = block(image)
        if place < len(blocks) - 2:
            image = halve_time(image)
    return image


class Stem(nn.Sequential):
    """First layer: a convolution without bias that halves time, its norm and an activation."""

    def __init__(self, first: nn.Conv2d, activation: nn.Module) -> None:
        super().__init__(first, nn.BatchNorm2d(first.out_channels), activation)

    def norms_to_fuse(self) -> list[FusibleNorm]:
        """List the norms that fuse.py can fuse into convolutions."""
        return [((cast(nn.Conv2d, self[0]),), cast(nn.BatchNorm2d, self[1]))]


def check_widths(widths: tuple[int, ...], *, name: str = "widths") -> None:
    """Raise ValueError unless there are sizes and all are positive whole numbers."""
    if not widths or any(not isinstance(width, int) or width < 1 for width in widths):
        raise ValueError(f"{name} must be one or more positive whole numbers, got {widths}")
