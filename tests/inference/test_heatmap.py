"""Heatmap: the evidence stretched over the record and scaled to [0, 1] for display."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from ecgcam.inference.results import display_heatmap


def random_evidence(classes=3, frames=125):
    return np.random.default_rng(0).standard_normal((classes, frames), np.float32)


def centers(frames, covered):
    return (np.arange(frames) + 0.5) * covered / frames


def heatmap(evidence, samples):
    even = centers(evidence.shape[-1], samples)
    return display_heatmap(evidence, even, samples=samples, predicted=samples)


def test_the_heatmap_goes_from_0_to_1_in_each_class():
    shown = heatmap(random_evidence() * np.float32([[1e-3], [1], [1e4]]), 1000)
    assert shown.shape == (3, 1000)
    assert shown.min(axis=1).tolist() == [0, 0, 0]
    assert shown.max(axis=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize("level", [0.0, 1e-30, 3.1, -7.7e5])
def test_a_constant_map_becomes_zeros(level):
    assert not heatmap(np.full((1, 125), level, np.float32), 1000).any()


def test_a_class_looks_the_same_alone_and_beside_others():
    evidence = random_evidence()
    together = heatmap(evidence, 1000)
    for k in range(3):
        np.testing.assert_array_equal(heatmap(evidence[k : k + 1], 1000)[0], together[k])


@pytest.mark.parametrize(
    ("frames", "samples"), [(125, 1000), (62, 500), (125, 999), (7, 3), (1, 9), (250, 100)]
)
def test_stretching_is_torchs_linear_interpolation_between_the_centers_of_frames(frames, samples):
    evidence = random_evidence(frames=frames)
    stretched = interpolate(torch.from_numpy(evidence)[None], size=samples, mode="linear")[0]
    low, high = torch.aminmax(stretched, dim=-1, keepdim=True)
    expected = (stretched - low) / (high - low).clamp(min=1e-9)
    np.testing.assert_allclose(heatmap(evidence, samples), expected, atol=1e-5)


def test_stretching_shifts_nothing():
    evidence = np.zeros((1, 125), np.float32)
    evidence[0, 60] = 1
    shown = heatmap(evidence, 1000)[0]
    assert np.average(np.arange(1000), weights=shown) == pytest.approx(60.5 * 8 - 0.5)


def test_a_part_without_prediction_is_blank_and_the_rest_fills_the_scale():
    evidence = np.array([[0.0, 1, 2, 9]], np.float32)  # the last frame covers padding
    shown = display_heatmap(evidence, centers(4, 400), samples=300, predicted=300)[0]
    assert shown.min() == 0
    assert shown.max() == 1
    part = display_heatmap(evidence, centers(4, 400), samples=400, predicted=250)[0]
    assert np.isnan(part[250:]).all()
    assert part[:250].max() == 1


def test_the_display_has_no_unit_and_no_offset():
    evidence = random_evidence()
    np.testing.assert_allclose(heatmap(5 * evidence - 3, 125), heatmap(evidence, 125), atol=1e-5)
