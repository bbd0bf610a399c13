"""SignalCNN: the paper's network."""

from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu

from .layers import FusibleNorm, as_image, check_widths, conv, halve_time


class ConvBlock(nn.Module):
    """A convolution, a batch norm, with `halve` a max-pool that halves time, and LeakyReLU(0.1).

    Maps (batch, inputs, 1, time) to (batch, outputs, 1, time or time // 2). The paper activates
    before the pool; the result is the same, since the activation is monotonic, for half the work.
    """

    def __init__(self, inputs: int, outputs: int, *, kernel: int, halve: bool) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, kernel)
        self.norm = nn.BatchNorm2d(outputs)
        self.halve = halve

    def forward(self, image: Tensor) -> Tensor:
        image = self.norm(self._convolve(image))
        if self.halve:
            image = halve_time(image)
        return leaky_relu(image, 0.1, inplace=True)

    def _convolve(self, image: Tensor) -> Tensor:
        """Convolve; while the norm is trained, without a gradient for the bias.

        The norm subtracts the batch mean and so the bias, whose gradient is therefore zero. Its sum
        over batch and time would take a tenth of the convolution's time.
        """
        bias = self.conv.bias
        if not self.norm.training or bias is None:
            return self.conv(image)
        return conv2d(image, self.conv.weight, bias.detach(), padding=self.conv.padding)

    def norms_to_fuse(self) -> list[FusibleNorm]:
        """List the norms that fuse.py can fuse into convolutions."""
        return [((self.conv,), self.norm)]


class SignalCNN(nn.Module):
    """The paper's network: four blocks; time is halved after each but the last.

    "Lightweight Data-driven ECG Classification Approach with Explainable CAM Output" (EMBC 2025).
    Maps (batch, leads, time) to (batch, widths[-1], frames): 125 frames for 1000 samples with the
    default widths. With 12 leads and one logit the network has 22,273 parameters, including 65 of
    the head.
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
