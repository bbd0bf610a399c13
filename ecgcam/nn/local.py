"""Local and LeadWise: residual nets whose frames see a short stretch of the ECG."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .layers import FusibleNorm, Stem, as_image, check_widths, valid_conv
from .rhythm import Rhythm


class LocalBlock(nn.Module):
    """Two convolutions without padding beside a shortcut, and an activation of their sum.

    Maps (batch, inputs, 1, time) to (batch, outputs, 1, shorter): every output depends on samples
    of the input alone. With `halve` the first convolution halves time, and the shortcut averages
    pairs of samples. With `groups` the channels stay in as many groups that never mix.
    """

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int, halve: bool, groups: int = 1
    ) -> None:
        super().__init__()
        stride = 2 if halve else 1
        self.first = valid_conv(inputs, outputs, kernel, stride=stride, groups=groups)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = valid_conv(outputs, outputs, kernel, groups=groups)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU()
        self.shorten = nn.AvgPool2d((1, 2)) if halve else nn.Identity()
        same = inputs == outputs
        self.fit = nn.Identity() if same else valid_conv(inputs, outputs, 1, groups=groups)
        # Output k of the convolutions is centered on input k + 2 (kernel // 2), or with `halve`
        # on input 2 k + 3 (kernel // 2), which lies in pair k + 3 (kernel // 2) // 2.
        reach = kernel // 2
        self.first_shortcut = 3 * reach // 2 if halve else 2 * reach

    def forward(self, image: Tensor) -> Tensor:
        inner = self.activation(self.first_norm(self.first(image)))
        inner = self.second_norm(self.second(inner))
        shortcut = self.shorten(image).narrow(3, self.first_shortcut, inner.shape[3])
        return self.activation(inner + self.fit(shortcut))

    def norms_to_fuse(self) -> list[FusibleNorm]:
        """List the norms that fuse.py can fuse into convolutions."""
        return [((self.first,), self.first_norm), ((self.second,), self.second_norm)]


class Local(nn.Module):
    """A stem that halves time, then stages of residual blocks; each but the first halves time.

    Maps (batch, leads, time) to (batch, channels, frames). No layer pads, so no frame sees beyond
    the record's ends: frame k sees the samples from k * stride to k * stride + field - 1. With the
    defaults a frame sees 59 samples, frames are 4 samples apart, and 1000 samples give 236 frames;
    with 12 leads and one logit the network has 21,499 parameters.

    widths, blocks: channels and number of blocks of each stage.
    square:         square the features, so that one unusual beat outweighs the mean of the others.
    rhythm:         arguments of a Rhythm, which sees more than `field`; its channels follow those
                    of the last stage.
    rhythm_stage:   number of stages before the Rhythm, from 1.
    field, stride:  in samples; `receptive_field` of nn/complexity.py measures the same field.
    """

    def __init__(
        self,
        *,
        leads: int = 12,
        widths: tuple[int, ...] = (20, 31),
        blocks: tuple[int, ...] = (1, 3),
        first_kernel: int = 7,
        kernel: int = 3,
        groups: int = 1,
        square: bool = False,
        rhythm: Mapping[str, int] | None = None,
        rhythm_stage: int = 1,
    ) -> None:
        super().__init__()
        self.square = square
        check_widths(widths)
        check_widths(blocks, name="blocks")
        if len(blocks) != len(widths):
            raise ValueError(f"blocks are {blocks}; expected one number for each width, {widths}")
        first = valid_conv(leads, widths[0], first_kernel, stride=2, groups=groups)
        self.stem = Stem(first, nn.ReLU())
        self.field, self.stride = first_kernel, 2
        stages: list[nn.Module] = []
        for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
            for block in range(count):
                inputs = widths[max(stage - 1, 0)] if block == 0 else width
                halve = stage > 0 and block == 0
                stages.append(LocalBlock(inputs, width, kernel=kernel, halve=halve, groups=groups))
                self.field += (kernel - 1) * self.stride
                self.stride *= 2 if halve else 1
                self.field += (kernel - 1) * self.stride
        self.stages = nn.Sequential(*stages)
        self.channels = widths[-1]
        self.rhythm: Rhythm | None = None
        if rhythm is not None:
            if not 1 <= rhythm_stage <= len(widths):
                raise ValueError(f"rhythm_stage is {rhythm_stage}; expected 1 to {len(widths)}")
            self.branch = sum(blocks[:rhythm_stage])
            pooled = 2 ** (len(widths) - rhythm_stage)
            self.rhythm = Rhythm(widths[rhythm_stage - 1], pooled=pooled, **rhythm)
            self.channels += self.rhythm.width

    @property
    def first_center(self) -> float:
        """The middle of what the first frame sees, in samples from the start of the record."""
        return self.field / 2

    def forward(self, signal: Tensor) -> Tensor:
        image: Tensor = self.stem(as_image(signal))
        if self.rhythm is None:
            features: Tensor = self.stages(image)
        else:
            image = self.stages[: self.branch](image)
            own = self.stages[self.branch :](image)
            features = torch.cat([own, self.rhythm(image, own.shape[3])], dim=1)
        features = features.squeeze(2)
        return features.float().square() if self.square else features


class LeadWise(Local):
    """A Local net in which each lead passes through its own filters; only the head adds leads up.

    The features of lead k are the channels from k * width to (k + 1) * width - 1, with the last of
    `widths`, which count the channels of one lead. With the defaults a frame sees 43 samples; with
    12 leads and one logit the network has 21,577 parameters.
    """

    def __init__(
        self,
        *,
        leads: int = 12,
        widths: tuple[int, ...] = (8, 10),
        blocks: tuple[int, ...] = (1, 2),
        first_kernel: int = 7,
        kernel: int = 3,
        square: bool = False,
    ) -> None:
        check_widths(widths)
        super().__init__(
            leads=leads,
            widths=tuple(leads * width for width in widths),
            blocks=blocks,
            first_kernel=first_kernel,
            kernel=kernel,
            groups=leads,
            square=square,
        )
        self.leads_apart = True
