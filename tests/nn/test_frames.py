"""Frames: where they lie, means over their own time, and interpolation between them."""

import numpy as np
import pytest
import torch
from torch import nn

from ecgcam.nn.frames import SampleGrid, frame_grid, interpolate_frames, mean_in_frames
from ecgcam.nn.local import Local


def test_frames_divide_the_record_unless_the_backbone_says_otherwise():
    assert frame_grid(nn.Identity(), samples=1000, frames=125) == (4, 8)
    assert frame_grid(Local(), samples=1000, frames=236) == (29.5, 4)


def test_means_over_the_own_time_of_each_frame_by_hand():
    values = torch.tensor([0.0, 2, 4, 6, 8, 10, 12])
    assert mean_in_frames(values, SampleGrid(1, 2), frames=3).tolist() == [1, 5, 9]
    # from 0.5 to 2.5: half of 0, 2, half of 4
    assert mean_in_frames(values, SampleGrid(1.5, 2), frames=2).tolist() == [2, 6]


def test_a_mask_that_keeps_all_is_kept_whole_by_every_frame():
    kept = mean_in_frames(torch.ones(3, 1000), SampleGrid(29.5, 4), frames=236)
    torch.testing.assert_close(kept, torch.ones(3, 236))


@pytest.mark.parametrize("grid", [SampleGrid(2, 4), SampleGrid(3.5, 3)])
def test_interpolation_is_numpys(grid):
    frames = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    centers = grid.first + grid.step * np.arange(5)
    found = interpolate_frames(frames, grid, samples=21)
    for row, values in zip(found, frames, strict=True):
        expected = np.interp(np.arange(21) + 0.5, centers, values)
        np.testing.assert_allclose(row, expected, atol=1e-6)
