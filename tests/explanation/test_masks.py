"""Masks: any fraction kept, in stretches of 8 to 128 samples or other lengths."""

import pytest
import torch

from ecgcam.explanation.masks import draw_masks


@pytest.mark.parametrize("stretches", [(8, 128), (2, 32), (16, 16)])
def test_masks_keep_every_fraction_in_stretches_of_these_lengths(stretches):
    masks = draw_masks(400, 1, 1000, torch.Generator().manual_seed(0), stretches=stretches)
    assert masks.shape == (400, 1, 1000)
    assert set(masks.unique().tolist()) == {0, 1}
    kept = masks.mean(dim=(1, 2))
    assert kept.quantile(0.1) < 0.2
    assert kept.quantile(0.9) > 0.8
    edges = [row.diff().nonzero()[:, 0] for row in masks[:, 0]]
    gaps = torch.cat([edge.diff() for edge in edges])
    assert stretches[0] <= gaps.min() < 1.5 * stretches[0]
    assert gaps.float().quantile(0.5) < 3 * stretches[1]
