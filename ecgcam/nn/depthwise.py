"""DepthwiseNet: a tiny net whose convolutions look along time and across channels in turn."""

from torch import Tensor, nn

from .layers import Normed, Stem, as_image, check_widths, conv, run_halving_between


class DepthwiseBlock(nn.Module):
    """A convolution of each channel by itself, one across channels, added to what came in.

    A convolution of kernel 1 fits the channels first where their number changes. (Howard et al.
    2017, MobileNets; the shortcut is that of Sandler et al. 2018, MobileNetV2.)
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

    def norms_to_fuse(self) -> list[Normed]:
        """For folded.py."""
        return [((self.along,), self.along_norm), ((self.across,), self.across_norm)]


class DepthwiseNet(nn.Module):
    """A stem that halves time, then blocks; time is halved after each but the last two.

    With 12 leads and the default widths it has 8,672 parameters, and 125 frames of 1000 samples.
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
        self.stem = Stem(leads, widths[0], kernel=first_kernel, activation=nn.LeakyReLU(0.1))
        inputs = (widths[0], *widths[:-1])
        self.blocks = nn.ModuleList(
            DepthwiseBlock(before, after, kernel=kernel)
            for before, after in zip(inputs, widths, strict=True)
        )
        self.channels = widths[-1]

    def forward(self, signal: Tensor) -> Tensor:
        return run_halving_between(self.blocks, self.stem(as_image(signal))).squeeze(2)
