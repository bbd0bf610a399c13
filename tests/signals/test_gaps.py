"""Gaps: short ones are filled by straight lines, others stay."""

import numpy as np
import pytest

from ecgcam.signals.gaps import fill_gaps


def ramp(rate_hz, seconds=5):
    return np.arange(2 * seconds * rate_hz, dtype=np.float32).reshape(2, -1)


@pytest.mark.parametrize(
    ("rate_hz", "longest"), [(100, 2), (500, 10), (1000, 20), (40, 1), (10, 1)]
)
def test_the_longest_gap_that_is_filled(rate_hz, longest):
    whole = ramp(rate_hz, seconds=1000 // longest)
    for length, expected in ((longest, longest), (longest + 1, 0)):
        gapped = whole.copy()
        gapped[1, 7 : 7 + length] = np.nan
        filled, counts = fill_gaps(gapped, rate_hz)
        assert counts.tolist() == [0, expected]
        assert np.isnan(filled).sum() == length - expected
        if expected:
            np.testing.assert_allclose(filled, whole)


def test_a_gap_at_an_end_continues_the_signal():
    signal = ramp(100)
    signal[0, 0] = signal[0, -1] = np.nan
    filled, counts = fill_gaps(signal, 100)
    assert (filled[0, 0], filled[0, -1], counts.tolist()) == (1, 498, [2, 0])


def test_a_lead_with_many_gaps_is_left():
    signal = ramp(100)
    signal[0, ::50] = np.nan
    assert fill_gaps(signal, 100)[1].tolist() == [0, 0]
    assert np.isnan(signal).sum() == 10
    signal = ramp(100)
    signal[0, ::100] = np.nan
    filled, counts = fill_gaps(signal, 100)
    assert counts.tolist() == [5, 0]
    assert np.isnan(signal).sum() == 5  # the input is unchanged
    assert np.isfinite(filled).all()
