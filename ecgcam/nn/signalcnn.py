"""SignalCNN: the paper's network."""

from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu

from .layers import Normed, as_image, check_widths, conv, halve_time


class ConvBlock(nn.Module):
    """Convolution that keeps the length, batch norm, a max-pool that may halve it, LeakyReLU(0.1).

    The activation rises, so that after the pool it gives the same as before it, for half the work.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, halve: bool) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, kernel)
        self.norm = nn.BatchNorm2d(outputs)
        self.halve = halve

    def forward(self, image: Tensor) -> Tensor:
        image = self.norm(self.convolved(image))
        if self.halve:
            image = halve_time(image)
        return leaky_relu(image, 0.1, inplace=True)

    def convolved(self, image: Tensor) -> Tensor:
        """The convolution alone, for a norm that is trained without the bias's gradient.

        Such a norm takes the bias off again with the batch's mean: the gradient is zero, and adding
        it up over batch and time would take a tenth of the convolution's.
        """
        bias = self.conv.bias
        if not self.norm.training or bias is None:
            return self.conv(image)
        return conv2d(image, self.conv.weight, bias.detach(), padding=self.conv.padding)

    def norms_to_fuse(self) -> list[Normed]:
        """For folded.py."""
        return [((self.conv,), self.norm)]


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
        check_widths(widths)
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
        image = as_image(signal)
        for block in (*self.blocks, self.last):
            image = block(image)
        return image.squeeze(2)
