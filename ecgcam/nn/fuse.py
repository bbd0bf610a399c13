"""Fusion of batch norms into the convolutions before them, for inference.

In evaluation mode a norm scales and shifts each channel, which the weights and the bias of the
convolution can do instead. The results are equal up to rounding.
"""

from copy import deepcopy
from typing import cast

import torch
from torch import Tensor, nn

from .layers import FusibleNorm
from .network import Network


def fuse_norms(network: Network) -> Network:
    """Return a copy in evaluation mode with its batch norms fused and its flat evidence fixed.

    A module lists its norms in a method `norms_to_fuse`; modules without it, such as a backbone of
    your own, are copied unchanged.
    """
    fused = deepcopy(network)
    norms = {norm for module in fused.modules() for norm in _fuse_module(module)}
    for parent in fused.modules():
        parent.training = False  # not by eval(), which a backbone of your own may override
        for name, child in parent.named_children():
            if child in norms:
                setattr(parent, name, nn.Identity())
    fused.fix_flat_evidence()
    return fused


def _fuse_module(module: nn.Module) -> list[nn.Module]:
    """Fuse the norms that the module lists, and return them."""
    to_fuse: list[FusibleNorm] = getattr(module, "norms_to_fuse", list)()
    for convolutions, norm in to_fuse:
        _fuse(convolutions, norm)
    return [norm for _, norm in to_fuse]


@torch.no_grad()
def _fuse(convolutions: tuple[nn.Conv2d, ...], norm: nn.BatchNorm2d) -> None:
    """Apply norm(x) = x * scale + shift to the weights and biases of the convolutions.

    scale = weight / sqrt(variance + eps), shift = bias - mean * scale (Ioffe and Szegedy 2015).
    Each convolution gets the part for its own channels. For onnx_backbones.py it also keeps the
    weights as they were (`unfused`) and the `scale`. The fused weights are channels last, as
    torch's kernel needs them: otherwise it copies them for every ECG.
    """
    mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
    scale = norm.weight / (variance + norm.eps).sqrt()
    shift = norm.bias - mean * scale
    widths = [convolution.out_channels for convolution in convolutions]
    for convolution, factor, offset in zip(
        convolutions, torch.split(scale, widths), torch.split(shift, widths), strict=True
    ):
        bias = offset if convolution.bias is None else convolution.bias * factor + offset
        convolution.bias = nn.Parameter(bias)
        convolution.register_buffer("unfused", convolution.weight.detach(), persistent=False)
        convolution.register_buffer("scale", factor, persistent=False)
        weight = convolution.weight * factor.view(-1, 1, 1, 1)
        convolution.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
