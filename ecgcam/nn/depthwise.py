"""DepthwiseNet: a very small net of depthwise separable convolutions."""

from torch import Tensor, nn

from .layers import FusibleNorm, Stem, as_image, check_widths, conv, run_halving_blocks


class DepthwiseBlock(nn.Module):
    """A convolution of each channel over time, then one across channels, beside a shortcut.

    Maps (batch, inputs, 1, time) to (batch, outputs, 1, time). A convolution with kernel 1 first
    changes the number of channels where it differs. Howard et al. 2017 (MobileNets); the shortcut
    is from Sandler et al. 2018 (MobileNetV2).
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int) -> None:
        super().__init__()
        self.fit = nn.Identity() if inputs == outputs else conv(inputs, outputs, 1)
        self.along = conv(outputs, outputs, kernel, bias=False, groups=outputs)
        self.along_norm = nn.BatchNorm2d(outputs)
        self.across = conv(outputs, outputs, 1, bias=False)
        self.across_norm = nn.BatchNorm2d(outputs)
        self.activation = nn.LeakyReLU(0.1)

    def forward(self, image: Tensor) -> Tensor:
        image = self.fit(image)
        inner = self.along_norm(self.along(image))
        inner = self.across_norm(self.across(inner))
        return self.activation(image + inner)

    def norms_to_fuse(self) -> list[FusibleNorm]:
        """List the norms that fuse.py can fuse into convolutions."""
        return [((self.along,), self.along_norm), ((self.across,), self.across_norm)]


class DepthwiseNet(nn.Module):
    """A stem that halves time, then depthwise blocks; time is halved after each but the last two.

    Maps (batch, leads, time) to (batch, widths[-1], frames): 125 frames for 1000 samples with the
    default widths, and 8,672 parameters with 12 leads.
    """

    def __init__(
        self,
        *,
        leads: int = 12,
        widths: tuple[int, ...] = (24, 24, 32, 32),
        first_kernel: int = 11,
        kernel: int = 9,
    ) -> None:
        super().__init__()
        check_widths(widths)
        first = conv(leads, widths[0], first_kernel, stride=2, bias=False)
        self.stem = Stem(first, nn.LeakyReLU(0.1))
        inputs = (widths[0], *widths[:-1])
        self.blocks = nn.ModuleList(
            DepthwiseBlock(before, after, kernel=kernel)
            for before, after in zip(inputs, widths, strict=True)
        )
        self.channels = widths[-1]

    def forward(self, signal: Tensor) -> Tensor:
        return run_halving_blocks(self.blocks, self.stem(as_image(signal))).squeeze(2)
