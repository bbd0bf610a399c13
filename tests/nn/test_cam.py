"""Class activation map: values known by hand, and captum's Grad-CAM."""

import pytest
import torch
from support.tiny import tiny_network

from ecgcam.nn.cam import activation_map


def test_a_map_known_by_hand():
    features = torch.tensor([[[1.0, 2, 3, 6], [0, 1, 0, -1]]])
    weight = torch.tensor([[2.0, 1], [0, -3]])
    evidence = activation_map(features, weight)
    assert evidence.tolist() == [[[2, 5, 6, 11], [0, -3, 0, 3]]]


@pytest.mark.parametrize("backbone", ["signalcnn", "resnet"])
def test_the_evidence_is_grad_cam_of_the_last_block_times_the_number_of_frames(backbone):
    """Grad-CAM weights each channel by the mean gradient of the logit, here weight / frames."""
    from captum.attr import LayerGradCam

    config = {} if backbone == "signalcnn" else {"backbone_config": {"widths": [4, 6], "blocks": 1}}
    network = tiny_network(classes=3, backbone=backbone, **config)
    network.fix_flat_evidence()
    last = network.backbone.last if backbone == "signalcnn" else network.backbone.stages[-1]
    grad_cam = LayerGradCam(lambda signal: network(signal)[0], last)
    signal = torch.randn(2, 12, 500)
    evidence = network(signal).evidence + network.flat_evidence()[:, :, 0]
    for k in range(3):
        expected = grad_cam.attribute(signal, target=k)[:, 0, 0]
        torch.testing.assert_close(
            evidence[:, k] / evidence.shape[-1], expected, atol=1e-6, rtol=1e-5
        )
