"""Resampling equals SciPy's polyphase filter, for any ratio and length."""

import numpy as np
import pytest
from scipy.signal import resample_poly

from ecgcam.signals import resampling
from ecgcam.signals.resampling import resample_rows

RATIOS = [(1, 5), (5, 18), (1, 10), (2, 5), (5, 1), (100, 257), (25, 64), (1000, 999)]


def resample_by_scipy(signal, up, down):
    return resample_poly(
        signal.astype(np.float64), up, down, axis=-1, window=("kaiser", 5.0), padtype="edge"
    )


@pytest.mark.parametrize("samples", [1, 7, 1000, 4999])
@pytest.mark.parametrize(("up", "down"), RATIOS)
def test_it_equals_scipy(up, down, samples):
    signal = np.random.default_rng(1).normal(size=(3, samples)).cumsum(axis=1).astype(np.float32)
    expected = resample_by_scipy(signal, up, down)
    resampled = resample_rows(signal, up, down)
    assert resampled.dtype == np.float32
    np.testing.assert_allclose(resampled, expected, atol=1e-5 * max(1, np.abs(signal).max()))


def test_a_long_record_is_resampled_in_blocks(monkeypatch):
    signal = np.random.default_rng(2).normal(size=(2, 9001)).astype(np.float32)
    whole = resample_rows(signal, 5, 18)
    monkeypatch.setattr(resampling, "_BLOCK", 700)
    np.testing.assert_array_equal(resample_rows(signal, 5, 18), whole)
