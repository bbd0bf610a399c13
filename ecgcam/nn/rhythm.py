"""Rhythm: a second, longer scale beside the frames of a Local net."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from .layers import FusibleNorm, conv


class RhythmBlock(nn.Module):
    """A convolution of each channel over a long time between two across channels, and a shortcut.

    Maps (batch, width, 1, time) to the same shape, with zeros beyond the ends. Sandler et al. 2018
    (MobileNetV2), without expansion.
    """

    def __init__(self, width: int, *, kernel: int) -> None:
        super().__init__()
        self.before = conv(width, width, 1, bias=False)
        self.before_norm = nn.BatchNorm2d(width)
        self.along = conv(width, width, kernel, bias=False, groups=width)
        self.along_norm = nn.BatchNorm2d(width)
        self.after = conv(width, width, 1, bias=False)
        self.after_norm = nn.BatchNorm2d(width)
        self.activation = nn.ReLU()

    def forward(self, image: Tensor) -> Tensor:
        inner = self.activation(self.before_norm(self.before(image)))
        inner = self.activation(self.along_norm(self.along(inner)))
        return self.activation(image + self.after_norm(self.after(inner)))

    def norms_to_fuse(self) -> list[FusibleNorm]:
        """List the norms that fuse.py can fuse into convolutions."""
        return [
            ((self.before,), self.before_norm),
            ((self.along,), self.along_norm),
            ((self.after,), self.after_norm),
        ]


class Rhythm(nn.Module):
    """Features of several beats at once: whether they come early, late or irregularly.

    A sinus arrhythmia shows only in the distances between many beats, which no frame of a few
    seconds holds. Maps an early stage (batch, inputs, 1, time) of a Local net to features (batch,
    width, 1, frames) around the same middle, each the mean over as many samples of that stage as a
    frame stands for.

    width:  its channels. blocks: the number of RhythmBlocks. kernel: of their long convolutions.
    pooled: samples of the stage for each frame.
    """

    def __init__(self, inputs: int, *, width: int, blocks: int, kernel: int, pooled: int) -> None:
        super().__init__()
        self.width, self.pooled = width, pooled
        self.fit = conv(inputs, width, 1)
        self.blocks = nn.Sequential(*(RhythmBlock(width, kernel=kernel) for _ in range(blocks)))

    def forward(self, image: Tensor, frames: int) -> Tensor:
        features = self.blocks(self.fit(image))
        used = frames * self.pooled
        middle = features.narrow(3, (features.shape[3] - used) // 2, used)
        return avg_pool2d(middle, (1, self.pooled))
