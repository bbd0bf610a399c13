"""The other maps give the same values as captum's, the independent reference."""

import pytest
import torch
from captum.attr import IntegratedGradients, LayerGradCam, Occlusion, Saliency
from support.tiny import tiny_network

from ecgcam.explanation.attributions import (
    OCCLUDED,
    OCCLUSION_STEP,
    grad_cam,
    integrated_gradients,
    occlusion,
    saliency,
)
from ecgcam.nn.frames import frame_grid, interpolate_frames


@pytest.fixture
def network():
    network = tiny_network(classes=2)
    torch.nn.init.normal_(network.head.weight, 0, 3)
    return network


@pytest.fixture
def prepared():
    return torch.randn(4, 12, 500, generator=torch.Generator().manual_seed(0))


def test_integrated_gradients_are_those_of_captum(network, prepared):
    expected = IntegratedGradients(network.logits).attribute(
        prepared, baselines=0, target=1, n_steps=32, method="riemann_middle"
    )
    found = integrated_gradients(network, prepared, 1)
    torch.testing.assert_close(found, expected.float(), atol=1e-5, rtol=1e-3)


def test_saliency_is_that_of_captum(network, prepared):
    expected = Saliency(network.logits).attribute(prepared.clone().requires_grad_(), target=1)
    torch.testing.assert_close(saliency(network, prepared, 1), expected)


def test_grad_cam_is_that_of_captum_times_the_number_of_frames(network, prepared):
    """The gradient of a mean is the weight divided by the number of frames."""
    frames = network.flat_evidence().shape[-1]
    captum = LayerGradCam(network.logits, network.backbone)
    expected = captum.attribute(prepared, target=1, relu_attributions=True)
    grid = frame_grid(network.backbone, samples=500, frames=frames)
    stretched = interpolate_frames(expected.detach() * frames, grid, samples=500)
    torch.testing.assert_close(grad_cam(network, prepared, 1), stretched, atol=1e-5, rtol=1e-3)


def test_occlusion_falls_where_that_of_captum_falls(network, prepared):
    """Captum starts at the first sample; inside the record the same stretches are covered."""
    expected = Occlusion(network.logits).attribute(
        prepared, (12, OCCLUDED), strides=(12, OCCLUSION_STEP), baselines=0, target=1
    )
    inside = slice(OCCLUDED, 400)
    torch.testing.assert_close(
        occlusion(network, prepared, 1)[:, 0, inside], expected[:, 0, inside], atol=1e-4, rtol=1e-3
    )
