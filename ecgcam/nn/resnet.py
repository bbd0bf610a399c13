"""ResNet: a residual net."""

from torch import Tensor, nn

from .layers import FusibleNorm, Stem, as_image, check_widths, conv


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut, and an activation of their sum.

    Maps (batch, inputs, 1, time) to (batch, outputs, 1, time). With `halve` the first convolution
    halves time, and the shortcut averages pairs of samples; a convolution with kernel 1 changes
    its channels where their number differs. He et al. 2016, figure 2.
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

    def norms_to_fuse(self) -> list[FusibleNorm]:
        """List the norms that fuse.py can fuse into convolutions."""
        return [((self.first,), self.first_norm), ((self.second,), self.second_norm)]


class ResNet(nn.Module):
    """A stem that halves time, then stages of residual blocks; each but the first halves time.

    Maps (batch, leads, time) to (batch, widths[-1], frames): 125 frames for 1000 samples with the
    default three stages.
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
        check_widths(widths)
        if blocks < 1:
            raise ValueError(f"blocks must be at least 1, got {blocks}")
        self.stem = Stem(conv(leads, widths[0], first_kernel, stride=2, bias=False), nn.ReLU())
        stages: list[nn.Module] = []
        for stage, width in enumerate(widths):
            for block in range(blocks):
                inputs = widths[max(stage - 1, 0)] if block == 0 else width
                halve = stage > 0 and block == 0
                stages.append(ResidualBlock(inputs, width, kernel=kernel, halve=halve))
        self.stages = nn.Sequential(*stages)
        self.channels = widths[-1]

    def forward(self, signal: Tensor) -> Tensor:
        return self.stages(self.stem(as_image(signal))).squeeze(2)
