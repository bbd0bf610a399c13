"""The map: values known by hand, captum's Grad-CAM, and the laws of its display."""

import numpy as np
import pytest
import torch
from support.tiny import tiny_network

from ecgcam.inference.results import display_heatmap
from ecgcam.nn.cam import activation_map, heatmap, scale_for_display, stretch


def random_evidence(records=4, classes=3, frames=125, seed=0):
    return torch.randn(records, classes, frames, generator=torch.Generator().manual_seed(seed))


def test_a_map_known_by_hand():
    features = torch.tensor([[[1.0, 2, 3, 6], [0, 1, 0, -1]]])
    weight = torch.tensor([[2.0, 1], [0, -3]])
    evidence = activation_map(features, weight)
    assert evidence.tolist() == [[[2, 5, 6, 11], [0, -3, 0, 3]]]
    assert heatmap(evidence, samples=4)[0, 1].tolist() == [0.5, 0, 0.5, 1]


@pytest.mark.parametrize("backbone", ["signalcnn", "resnet"])
def test_it_is_grad_cam_of_the_last_block_times_the_number_of_frames(backbone):
    """Grad-CAM weighs with the mean gradient of the logit, which is weight / frames here."""
    from captum.attr import LayerGradCam

    config = {} if backbone == "signalcnn" else {"backbone_config": {"widths": [4, 6], "blocks": 1}}
    network = tiny_network(classes=3, backbone=backbone, **config)
    last = network.backbone.last if backbone == "signalcnn" else network.backbone.stages[-1]
    grad_cam = LayerGradCam(lambda signal: network(signal)[0], last)
    signal = torch.randn(2, 12, 500)
    _, evidence = network(signal)
    for k in range(3):
        wanted = grad_cam.attribute(signal, target=k)[:, 0, 0]
        torch.testing.assert_close(
            evidence[:, k] / evidence.shape[-1], wanted, atol=1e-6, rtol=1e-5
        )


def test_the_heatmap_goes_from_0_to_1_in_each_record_and_class():
    shown = heatmap(random_evidence() * torch.tensor([1e-3, 1.0, 1e4])[None, :, None], samples=1000)
    assert shown.shape == (4, 3, 1000)
    assert (shown.amin(-1) == 0).all()
    torch.testing.assert_close(shown.amax(-1), torch.ones(4, 3))


@pytest.mark.parametrize("level", [0.0, 1e-30, 3.1, -7.7e5])
def test_a_constant_map_becomes_zeros(level):
    assert not heatmap(torch.full((2, 1, 125), level), samples=1000).any()
    constant = np.full((1, 125), level, np.float32)
    assert not display_heatmap(constant, samples=1000, covered=1000, predicted=1000).any()


def test_a_class_is_shown_alike_alone_and_beside_others():
    evidence = random_evidence()
    together = heatmap(evidence, samples=1000)
    for record in range(4):
        for k in range(3):
            alone = heatmap(evidence[record : record + 1, k : k + 1], samples=1000)
            assert torch.equal(alone[0, 0], together[record, k])


@pytest.mark.parametrize(
    ("frames", "samples"), [(125, 1000), (62, 500), (125, 999), (7, 3), (1, 9)]
)
def test_stretching_is_linear_between_the_frames_centres(frames, samples):
    evidence = random_evidence(frames=frames)
    centres = (np.arange(frames) + 0.5) * samples / frames - 0.5
    rows = [np.interp(np.arange(samples), centres, row) for row in evidence.flatten(0, 1).numpy()]
    wanted = np.reshape(rows, (4, 3, samples))
    np.testing.assert_allclose(stretch(evidence, samples=samples), wanted, atol=1e-4)


def test_stretching_shifts_nothing():
    evidence = torch.zeros(1, 1, 125)
    evidence[0, 0, 60] = 1
    shown = stretch(evidence, samples=1000)[0, 0].numpy()
    assert np.average(np.arange(1000), weights=shown) == pytest.approx(60.5 * 8 - 0.5)


@pytest.mark.parametrize(("frames", "samples"), [(125, 1000), (62, 500), (125, 5000), (250, 100)])
def test_torch_and_numpy_show_the_same(frames, samples):
    evidence = random_evidence(frames=frames)
    wanted = heatmap(evidence, samples=samples).numpy()
    for record in range(4):
        whole = {"covered": samples, "predicted": samples}
        found = display_heatmap(evidence[record].numpy(), samples=samples, **whole)
        np.testing.assert_allclose(found, wanted[record], atol=1e-5)


def test_where_nothing_was_judged_nothing_is_shown_and_the_rest_fills_the_scale():
    evidence = np.array([[0.0, 1, 2, 9]], np.float32)  # the last frame is behind a filling
    shown = display_heatmap(evidence, samples=300, covered=400, predicted=300)[0]
    assert shown.min() == 0
    assert shown.max() == 1
    part = display_heatmap(evidence, samples=400, covered=400, predicted=250)[0]
    assert np.isnan(part[250:]).all()
    assert part[:250].max() == 1


def test_the_display_has_no_unit_and_no_offset():
    evidence = random_evidence()
    shown = scale_for_display(evidence)
    torch.testing.assert_close(scale_for_display(5 * evidence - 3), shown, atol=1e-5, rtol=0)


def test_rounding_of_a_constant_map_is_not_blown_up():
    evidence = torch.full((1, 1, 125), 0.1)
    evidence[..., 60] = torch.nextafter(torch.tensor(0.1), torch.tensor(1.0))
    assert evidence.max() > evidence.min()
    assert (heatmap(evidence, samples=1000) == 0).all()
