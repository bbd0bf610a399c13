"""A network made ready to judge: batch norms folded into the convolutions before them.

In evaluation a norm multiplies each channel by a number and adds another, which the convolution's
weights and bias can do. It gives the same but for float rounding.
"""

from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn

from .layers import Normed
from .network import Network


def fuse_norms(network: Network) -> Network:
    """A copy in evaluation mode without the norms that its backbone says can be folded.

    A module says so by a method `norms_to_fuse`; what has none, such as a backbone of one's own,
    is copied as it is.
    """
    ready = deepcopy(network)
    gone = {norm for each in ready.modules() for norm in _fold_norms(each)}
    for parent in ready.modules():
        parent.training = False  # each by itself: a backbone of one's own may have its own `eval`
        for name, child in parent.named_children():
            if child in gone:
                setattr(parent, name, nn.Identity())
    return ready


def _fold_norms(module: nn.Module) -> list[nn.Module]:
    """Fold the norms that it names; which they are."""
    to_fold: list[Normed] = getattr(module, "norms_to_fuse", list)()
    for convolutions, norm in to_fold:
        _fold(convolutions, norm)
    return [norm for _, norm in to_fold]


@torch.no_grad()
def _fold(convolutions: tuple[nn.Conv2d, ...], norm: nn.BatchNorm2d) -> None:
    """norm(x) = x * scale + shift for each channel; each convolution gets those of its own.

    scale = weight / sqrt(variance + eps), shift = bias - mean * scale (Ioffe and Szegedy 2015).
    The weights are laid out as the kernel wants them, which so need not be copied for each ECG.
    """
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight / (variance + norm.eps).sqrt()
    shift = norm.bias - mean * scale
    widths = [convolution.out_channels for convolution in convolutions]
    for convolution, factor, more in zip(
        convolutions, torch.split(scale, widths), torch.split(shift, widths), strict=True
    ):
        bias = more if convolution.bias is None else convolution.bias * factor + more
        convolution.bias = nn.Parameter(bias)
        weight = convolution.weight * factor.view(-1, 1, 1, 1)
        convolution.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
