"""InceptionNet: short and long kernels side by side."""

import torch
from torch import Tensor, nn

from .layers import FusibleNorm, Stem, as_image, check_widths, conv, run_halving_blocks


class InceptionBlock(nn.Module):
    """Convolutions with several kernels on narrowed channels, beside a max-pool.

    Maps (batch, inputs, 1, time) to (batch, width * (kernels + 1), 1, time); one norm and one
    activation follow all branches. Ismail Fawaz et al. 2020 (InceptionTime), figure 1.
    """

    def __init__(self, inputs: int, width: int, *, kernels: tuple[int, ...]) -> None:
        super().__init__()
        self.narrow = conv(inputs, width, 1, bias=False)
        self.branches = nn.ModuleList(conv(width, width, size, bias=False) for size in kernels)
        self.highest = nn.MaxPool2d((1, 3), stride=1, padding=(0, 1))
        self.after_highest = conv(inputs, width, 1, bias=False)
        self.channels = width * (len(kernels) + 1)
        self.norm = nn.BatchNorm2d(self.channels)
        self.activation = nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        narrow = self.narrow(image)
        outputs = [branch(narrow) for branch in self.branches]
        outputs.append(self.after_highest(self.highest(image)))
        return self.activation(self.norm(torch.cat(outputs, dim=1)))

    def norms_to_fuse(self) -> list[FusibleNorm]:
        """List the norms that fuse.py can fuse into convolutions."""
        return [((*self.branches, self.after_highest), self.norm)]


class InceptionNet(nn.Module):
    """A stem that halves time, then inception blocks; time is halved after each but the last two.

    Maps (batch, leads, time) to (batch, widths[-1] * (kernels + 1), frames): 125 frames for 1000
    samples with the default widths.
    """

    def __init__(
        self,
        *,
        leads: int = 12,
        widths: tuple[int, ...] = (8, 8, 10, 12),
        first_kernel: int = 11,
        kernels: tuple[int, ...] = (5, 11, 23),
    ) -> None:
        super().__init__()
        check_widths(widths)
        check_widths(kernels, name="kernels")
        stem = 2 * widths[0]
        self.stem = Stem(conv(leads, stem, first_kernel, stride=2, bias=False), nn.ReLU())
        blocks: list[InceptionBlock] = []
        for width in widths:
            inputs = blocks[-1].channels if blocks else stem
            blocks.append(InceptionBlock(inputs, width, kernels=kernels))
        self.blocks = nn.ModuleList(blocks)
        self.channels = blocks[-1].channels

    def forward(self, signal: Tensor) -> Tensor:
        return run_halving_blocks(self.blocks, self.stem(as_image(signal))).squeeze(2)
