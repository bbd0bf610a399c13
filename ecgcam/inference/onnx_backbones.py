"""ONNX nodes of the backbones: (batch, leads, samples) to features (batch, channels, frames)."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..nn.depthwise import DepthwiseBlock, DepthwiseNet
from ..nn.ensemble import Ensemble, resize_frames
from ..nn.inception import InceptionBlock, InceptionNet
from ..nn.layers import Stem
from ..nn.local import LeadWise, Local, LocalBlock
from ..nn.network import evaluating
from ..nn.resnet import ResidualBlock, ResNet
from ..nn.rhythm import Rhythm
from ..nn.signalcnn import ConvBlock, SignalCNN
from .onnx_nodes import Graph, array_of


def write_backbone(graph: Graph, backbone: nn.Module, signal: str, zeros: Tensor) -> str:
    """Write the nodes of a backbone; return the name of its features.

    zeros: (1, leads, samples), to measure how many frames a member of an ensemble has.
    """
    if isinstance(backbone, Ensemble):
        return _ensemble(graph, backbone, signal, zeros)
    write = _BACKBONES.get(type(backbone))
    if write is None:
        raise ModelError(
            f"the backbone {type(backbone).__name__} cannot be exported to ONNX; only ecgcam's own "
            f"can: {', '.join(known.__name__ for known in _BACKBONES)}."
        )
    height = graph.constant(np.array([2], np.int64))
    image = graph.add("Unsqueeze", signal, height)
    return graph.add("Squeeze", write(graph, backbone, image, zeros.shape[-1]), height)


def _signalcnn(graph: Graph, net: Any, image: str, _: int) -> str:
    for block in (*net.blocks, net.last):
        image = _conv_block(graph, block, image)
    return image


def _conv_block(graph: Graph, block: ConvBlock, image: str) -> str:
    image = _conv(graph, block.conv, image)
    image = _halve(graph, image) if block.halve else image
    return graph.add("LeakyRelu", image, alpha=0.1)


def _resnet(graph: Graph, net: Any, image: str, _: int) -> str:
    image = _stem(graph, net.stem, image)
    for block in net.stages:
        image = _residual_block(graph, block, image)
    return image


def _residual_block(graph: Graph, block: ResidualBlock, image: str) -> str:
    inner = graph.add("Relu", _conv(graph, block.first, image))
    inner = _conv(graph, block.second, inner)
    if not isinstance(block.shorten, nn.Identity):
        image = graph.add("AveragePool", image, kernel_shape=[1, 2], strides=[1, 2], ceil_mode=1)
    if not isinstance(block.fit, nn.Identity):
        image = _conv(graph, block.fit, image)
    return graph.add("Relu", graph.add("Add", inner, image))


def _local(graph: Graph, net: Any, image: str, samples: int) -> str:
    image = _stem(graph, net.stem, image)
    length = (samples - net.stem[0].kernel_size[1]) // 2 + 1
    early, early_length = image, length
    for number, block in enumerate(net.stages, start=1):
        image, length = _local_block(graph, block, image, length)
        if net.rhythm is not None and number == net.branch:
            early, early_length = image, length
    if net.rhythm is not None:
        longer = _rhythm(graph, net.rhythm, early, early_length, frames=length)
        image = graph.add("Concat", image, longer, axis=1)
    return graph.add("Mul", image, image) if net.square else image


def _rhythm(graph: Graph, rhythm: Rhythm, image: str, length: int, *, frames: int) -> str:
    """Write the second scale of an image of `length` samples; return an image of `frames`."""
    image = _conv(graph, rhythm.fit, image)
    for block in rhythm.blocks:
        inner = graph.add("Relu", _conv(graph, block.before, image))
        inner = graph.add("Relu", _conv(graph, block.along, inner))
        image = graph.add("Relu", graph.add("Add", image, _conv(graph, block.after, inner)))
    used = frames * rhythm.pooled
    start = (length - used) // 2
    image = _slice_time(graph, image, start, start + used)
    pooled = [1, rhythm.pooled]
    return graph.add("AveragePool", image, kernel_shape=pooled, strides=pooled)


def _local_block(graph: Graph, block: LocalBlock, image: str, length: int) -> tuple[str, int]:
    """Write a block for an image of this length; return the new image and its length."""
    kernel, stride = block.first.kernel_size[1], block.first.stride[1]
    length = (length - kernel) // stride + 1 - (kernel - 1)
    inner = graph.add("Relu", _conv(graph, block.first, image))
    inner = _conv(graph, block.second, inner)
    if not isinstance(block.shorten, nn.Identity):
        image = graph.add("AveragePool", image, kernel_shape=[1, 2], strides=[1, 2])
    shortcut = _slice_time(graph, image, block.first_shortcut, block.first_shortcut + length)
    if not isinstance(block.fit, nn.Identity):
        shortcut = _conv(graph, block.fit, shortcut)
    return graph.add("Relu", graph.add("Add", inner, shortcut)), length


def _inception(graph: Graph, net: Any, image: str, _: int) -> str:
    return _halved_between(graph, net, image, _inception_block)


def _inception_block(graph: Graph, block: InceptionBlock, image: str) -> str:
    narrow = _conv(graph, block.narrow, image)
    branches = [_conv(graph, branch, narrow) for branch in block.branches]
    highest = graph.add("MaxPool", image, kernel_shape=[1, 3], pads=[0, 1, 0, 1], strides=[1, 1])
    branches.append(_conv(graph, block.after_highest, highest))
    return graph.add("Relu", graph.add("Concat", *branches, axis=1))


def _depthwise(graph: Graph, net: Any, image: str, _: int) -> str:
    return _halved_between(graph, net, image, _depthwise_block)


def _depthwise_block(graph: Graph, block: DepthwiseBlock, image: str) -> str:
    if not isinstance(block.fit, nn.Identity):
        image = _conv(graph, block.fit, image)
    inner = _conv(graph, block.across, _conv(graph, block.along, image))
    return graph.add("LeakyRelu", graph.add("Add", image, inner), alpha=0.1)


def _halved_between(
    graph: Graph, net: Any, image: str, write: Callable[[Graph, Any, str], str]
) -> str:
    """Write the stem, then the blocks; time is halved after each but the last two."""
    image = _stem(graph, net.stem, image)
    for k, block in enumerate(net.blocks):
        image = write(graph, block, image)
        image = _halve(graph, image) if k < len(net.blocks) - 2 else image
    return image


def _ensemble(graph: Graph, ensemble: Ensemble, signal: str, zeros: Tensor) -> str:
    """Write each member; members of fewer frames are resized to the most, as in nn/ensemble.py."""
    with evaluating(ensemble):
        frames = [member(zeros).shape[-1] for member in ensemble.members]
    features = [write_backbone(graph, member, signal, zeros) for member in ensemble.members]
    resized = [
        graph.add(
            "MatMul", name, graph.constant(array_of(resize_frames(torch.eye(count), max(frames))))
        )
        if count < max(frames)
        else name
        for name, count in zip(features, frames, strict=True)
    ]
    return graph.add("Concat", *resized, axis=1)


# each writes the nodes of a network for an image of so many samples
_BACKBONES: dict[type[nn.Module], Callable[[Graph, Any, str, int], str]] = {
    SignalCNN: _signalcnn,
    ResNet: _resnet,
    InceptionNet: _inception,
    DepthwiseNet: _depthwise,
    Local: _local,
    LeadWise: _local,
}


# Layers of an image (batch, channels, 1, time).


def _stem(graph: Graph, stem: Stem, image: str) -> str:
    image = _conv(graph, stem[0], image)
    if isinstance(stem[2], nn.LeakyReLU):
        return graph.add("LeakyRelu", image, alpha=stem[2].negative_slope)
    return graph.add("Relu", image)


def _conv(graph: Graph, conv: Any, image: str) -> str:
    """Write a convolution that has its norm fused, or that has none."""
    if hasattr(conv, "unfused"):  # by nn/fuse.py
        scale = graph.constant(array_of(conv.scale.view(-1, 1, 1, 1)))
        weights = graph.add("Mul", graph.weights(array_of(conv.unfused)), scale)
    else:
        weights = graph.weights(array_of(conv.weight))
    inputs = [image, weights]
    if conv.bias is not None:
        inputs.append(graph.constant(array_of(conv.bias)))
    (height, width) = conv.padding
    return graph.add(
        "Conv",
        *inputs,
        kernel_shape=list(conv.kernel_size),
        strides=list(conv.stride),
        pads=[height, width, height, width],
        group=conv.groups,
    )


def _slice_time(graph: Graph, image: str, start: int, end: int) -> str:
    constants = [graph.constant(np.array([bound], np.int64)) for bound in (start, end, 3)]
    return graph.add("Slice", image, *constants)


def _halve(graph: Graph, image: str) -> str:
    return graph.add("MaxPool", image, kernel_shape=[1, 2], strides=[1, 2])
