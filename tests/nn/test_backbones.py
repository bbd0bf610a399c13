"""Backbones: equal to one-dimensional layers, and their weights counted by hand."""

import sys

import pytest
import torch
from support.tiny import warmed_up
from torch import nn
from torch.nn import functional

from ecgcam.errors import ModelError
from ecgcam.nn.backbones import BACKBONES, build_backbone, feature_channels
from ecgcam.nn.depthwise import DepthwiseNet
from ecgcam.nn.inception import InceptionNet
from ecgcam.nn.layers import as_image, conv
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.nn.resnet import ResNet
from ecgcam.nn.signalcnn import ConvBlock, SignalCNN

HALVING_THREE_TIMES = ("signalcnn", "resnet", "inception", "depthwise")


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_papers_network_has_22273_parameters():
    network = Network(NetworkConfig(classes=1))
    assert network.parameters_count == count(network) == 22_273
    convolutions = (12 * 11 + 1) * 16 + (16 * 7 + 1) * 16 + (16 * 7 + 1) * 32 + (32 * 7 + 1) * 64
    assert convolutions + 2 * (16 + 16 + 32 + 64) + 65 == 22_273


@pytest.mark.parametrize(
    ("leads", "widths", "first_kernel", "kernel"),
    [(12, (16, 16, 32, 64), 11, 7), (1, (8,), 3, 5), (3, (4, 6), 1, 1), (8, (5, 7, 9), 9, 3)],
)
def test_the_weights_of_a_signalcnn_counted_by_hand(leads, widths, first_kernel, kernel):
    backbone = SignalCNN(leads=leads, widths=widths, first_kernel=first_kernel, kernel=kernel)
    inputs, kernels = (leads, *widths[:-1]), (first_kernel, *[kernel] * (len(widths) - 1))
    by_hand = sum(
        (before * size + 1) * after + 2 * after
        for before, after, size in zip(inputs, widths, kernels, strict=True)
    )
    assert count(backbone) == by_hand


def test_the_weights_of_a_resnet_counted_by_hand():
    stem = 12 * 11 * 8 + 16
    same = 2 * (8 * 8 * 7 + 16)  # two convolutions without bias, each with its norm
    wider = (8 * 10 * 7 + 20) + (10 * 10 * 7 + 20) + 8 * 10
    assert count(ResNet(widths=(8, 10), blocks=1)) == stem + same + wider


def test_the_weights_of_a_depthwise_net_counted_by_hand():
    stem = 12 * 11 * 8 + 16
    same = 8 * 9 + 16 + 8 * 8 + 16
    wider = (8 + 1) * 10 + 10 * 9 + 20 + 10 * 10 + 20
    assert count(DepthwiseNet(widths=(8, 10))) == stem + same + wider
    assert count(DepthwiseNet()) == 8_672


def test_the_weights_of_an_inception_net_counted_by_hand():
    stem = 12 * 11 * 8 + 16
    first = 8 * 4 + 4 * 4 * (3 + 9) + 8 * 4 + 2 * 12
    second = 12 * 5 + 5 * 5 * (3 + 9) + 12 * 5 + 2 * 15
    assert count(InceptionNet(widths=(4, 5), kernels=(3, 9))) == stem + first + second


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("samples", [500, 333])
def test_a_convolution_of_an_image_equals_that_of_a_signal(stride, samples):
    image = conv(12, 6, 7, stride=stride)
    signal = nn.Conv1d(12, 6, 7, stride=stride, padding=3)
    signal.load_state_dict({"weight": image.weight[:, :, 0], "bias": image.bias})
    x = torch.randn(2, 12, samples)
    torch.testing.assert_close(image(x[:, :, None])[:, :, 0], signal(x), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("halve", [True, False])
def test_a_block_equals_the_papers_activation_before_the_pool(halve):
    block = warmed_up(ConvBlock(12, 8, kernel=7, halve=halve))
    image = as_image(torch.randn(2, 12, 101))
    expected = functional.leaky_relu(block.norm(block.conv(image)), 0.1)
    if halve:
        expected = functional.max_pool2d(expected, (1, 2))
    torch.testing.assert_close(block(image), expected)


def test_in_training_the_bias_before_a_norm_has_no_gradient():
    block = ConvBlock(12, 8, kernel=7, halve=True).double()
    image = as_image(torch.randn(4, 12, 100, dtype=torch.double))
    convolved = block.conv(image).detach().requires_grad_()  # its gradient sums to the bias's
    block.norm(convolved).square().mul(torch.randn(8, 1, 100)).sum().backward()
    assert convolved.grad.abs().max() > 1e-6
    assert convolved.grad.sum(dim=(0, 2, 3)).abs().max() < 1e-12
    block(image).sum().backward()
    assert block.conv.bias.grad is None
    block.norm.eval()
    block(image).sum().backward()
    assert block.conv.bias.grad.abs().min() > 0


def norm_1d(x, norm):
    return functional.batch_norm(
        x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    )


def conv_1d(x, layer, stride=1):
    weight = layer.weight[:, :, 0]
    return functional.conv1d(x, weight, layer.bias, stride=stride, padding=weight.shape[-1] // 2)


@pytest.mark.parametrize("samples", [1000, 999, 8])
def test_the_papers_network_equals_one_dimensional_layers(samples):
    backbone = warmed_up(SignalCNN())
    x = signal = torch.randn(3, 12, samples)
    for block in (*backbone.blocks, backbone.last):
        x = functional.leaky_relu(norm_1d(conv_1d(x, block.conv), block.norm), 0.1)
        x = x if block is backbone.last else functional.max_pool1d(x, 2)
    torch.testing.assert_close(backbone(signal), x, atol=1e-5, rtol=1e-4)
    assert x.shape == (3, 64, samples // 8)


@pytest.mark.parametrize("samples", [1000, 999, 997, 250])
def test_a_resnet_equals_one_dimensional_layers(samples):
    backbone = warmed_up(ResNet(widths=(8, 10, 10), blocks=2))
    x = signal = torch.randn(3, 12, samples)
    x = norm_1d(conv_1d(x, backbone.stem[0], stride=2), backbone.stem[1]).relu()
    for k, block in enumerate(backbone.stages):
        stride = 2 if k in (2, 4) else 1
        inner = norm_1d(conv_1d(x, block.first, stride=stride), block.first_norm).relu()
        short = functional.avg_pool1d(x, 2, ceil_mode=True) if stride == 2 else x
        short = short if isinstance(block.fit, nn.Identity) else conv_1d(short, block.fit)
        x = (norm_1d(conv_1d(inner, block.second), block.second_norm) + short).relu()
    torch.testing.assert_close(backbone(signal), x, atol=1e-5, rtol=1e-4)


def test_a_depthwise_net_equals_one_dimensional_layers():
    backbone = warmed_up(DepthwiseNet(widths=(8, 8, 10)))
    x = signal = torch.randn(3, 12, 400)
    x = functional.leaky_relu(
        norm_1d(conv_1d(x, backbone.stem[0], stride=2), backbone.stem[1]), 0.1
    )
    for k, block in enumerate(backbone.blocks):
        x = x if isinstance(block.fit, nn.Identity) else conv_1d(x, block.fit)
        along = torch.cat(
            [
                functional.conv1d(x[:, [c]], block.along.weight[[c], :, 0], padding=4)
                for c in range(x.shape[1])
            ],
            dim=1,
        )
        inner = conv_1d(norm_1d(along, block.along_norm), block.across)
        x = functional.leaky_relu(x + norm_1d(inner, block.across_norm), 0.1)
        x = functional.max_pool1d(x, 2) if k == 0 else x
    torch.testing.assert_close(backbone(signal), x, atol=1e-5, rtol=1e-4)


def test_an_inception_net_equals_one_dimensional_layers():
    backbone = warmed_up(InceptionNet(widths=(4, 5, 6), kernels=(3, 9)))
    x = signal = torch.randn(3, 12, 400)
    x = norm_1d(conv_1d(x, backbone.stem[0], stride=2), backbone.stem[1]).relu()
    for k, block in enumerate(backbone.blocks):
        narrow = conv_1d(x, block.narrow)
        outputs = [conv_1d(narrow, branch) for branch in block.branches]
        outputs.append(conv_1d(functional.max_pool1d(x, 3, 1, 1), block.after_highest))
        x = norm_1d(torch.cat(outputs, dim=1), block.norm).relu()
        x = functional.max_pool1d(x, 2) if k == 0 else x
    torch.testing.assert_close(backbone(signal), x, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("leads", [1, 8, 12])
@pytest.mark.parametrize("samples", [1000, 1001, 997])
def test_any_number_of_leads_and_any_length_is_accepted(name, leads, samples):
    backbone = build_backbone(name, leads=leads, config={})
    features = backbone(torch.randn(2, leads, samples))
    assert features.shape[:2] == (2, feature_channels(backbone))
    assert features.shape[2] > 0
    if name in HALVING_THREE_TIMES:
        assert features.shape[2] in (samples // 8, -(-samples // 8))


@pytest.mark.parametrize("kernel", [2, 0, -1, 8])
def test_an_even_kernel_is_refused(kernel):
    with pytest.raises(ValueError, match="kernel must be odd"):
        SignalCNN(kernel=kernel)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("signalcnn", {"widths": []}),
        ("signalcnn", {"widths": [16, 0]}),
        ("signalcnn", {"widths": [16.0]}),
        ("signalcnn", {"widths": 16}),
        ("signalcnn", {"kernel": 6}),
        ("signalcnn", {"kernel": 7.0}),
        ("signalcnn", {"kernels": 7}),
        ("signalcnn", {"leads": 12}),
        ("resnet", {"blocks": 0}),
        ("resnet", {"blocks": "many"}),
        ("resnet", {"widths": [32, -1]}),
        ("inception", {"kernels": [5, 8]}),
        ("inception", {"kernels": []}),
        ("depthwise", {"widths": [0]}),
        ("support.backbones:Copy", {"colour": "red"}),
        ("support.backbones:WIDTH", {}),
    ],
)
def test_an_invalid_configuration_is_refused(name, config):
    with pytest.raises(ModelError, match="cannot be built"):
        build_backbone(name, leads=12, config=config)


def test_the_error_names_the_invalid_setting():
    with pytest.raises(ModelError, match="kernels must be one or more"):
        build_backbone("inception", leads=12, config={"kernels": []})
    with pytest.raises(ModelError, match="widths must be one or more"):
        build_backbone("inception", leads=12, config={"widths": []})


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("alexnet", f"expected {', '.join(BACKBONES)}, or your own as module:Class"),
        ("", "there is no backbone"),
        ("no_such_module:Net", "cannot be imported"),
        ("support.backbones:Missing", "cannot be imported"),
        (":Net", "cannot be imported"),
        (".relative:Net", "cannot be imported"),
    ],
)
def test_an_unknown_backbone_is_refused(name, reason):
    with pytest.raises(ModelError, match=reason):
        build_backbone(name, leads=12, config={})


def test_your_own_class_can_be_a_backbone():
    backbone = build_backbone("support.backbones:Dropping", leads=3, config={"channels": 5})
    assert isinstance(backbone, sys.modules["support.backbones"].Dropping)
    assert backbone(torch.randn(2, 3, 100)).shape == (2, 5, 23)


def test_a_backbone_without_channels_is_refused():
    with pytest.raises(ModelError, match="Silent needs an attribute `channels`"):
        Network(NetworkConfig(classes=1, backbone="support.backbones:Silent"))


def test_a_list_from_json_becomes_a_tuple():
    assert build_backbone("signalcnn", leads=2, config={"widths": [3, 4]}).channels == 4
