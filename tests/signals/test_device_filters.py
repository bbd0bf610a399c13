"""Device filters: SciPy's Butterworth filters, and what they do to a step and to an ECG's level."""

import numpy as np
import pytest
from scipy import signal as scipy_signal

from ecgcam.signals.device_filters import KINDS, ORDERS, filter_one_way, impulse_response


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("cutoff_hz", "rate_hz"), [(0.05, 100), (0.67, 500), (25, 100), (49, 100)])
def test_it_is_scipys_butterworth_filter(kind, order, cutoff_hz, rate_hz):
    b, a = scipy_signal.butter(order, cutoff_hz, kind.replace("-", ""), fs=rate_hz)
    impulse = np.eye(1, 1000)[0]
    expected = scipy_signal.lfilter(b, a, impulse)
    found = impulse_response(kind, order, [cutoff_hz], rate_hz=rate_hz, samples=1000)[0]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_a_filtered_signal_is_scipys_from_a_settled_start(order):
    signal = np.random.default_rng(0).normal(2, 1, (3, 500)).astype(np.float32)
    b, a = scipy_signal.butter(order, 0.5, "highpass", fs=100)
    settled = scipy_signal.lfilter_zi(b, a) * signal[:, :1]
    expected, _ = scipy_signal.lfilter(b, a, signal, zi=settled)
    found = filter_one_way(signal, "high-pass", order, 0.5, rate_hz=100)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32


def test_a_high_pass_removes_a_level_and_a_low_pass_keeps_it():
    level = np.full((1, 300), 3, np.float32)
    assert np.abs(filter_one_way(level, "high-pass", 2, 0.5, rate_hz=100)).max() < 1e-6
    np.testing.assert_allclose(filter_one_way(level, "low-pass", 2, 25, rate_hz=100), 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "order", "cutoff_hz"),
    [("band-pass", 1, 1), ("high-pass", 3, 1), ("high-pass", 1, 0), ("low-pass", 1, 50)],
)
def test_a_filter_that_cannot_be_is_refused(kind, order, cutoff_hz):
    with pytest.raises(ValueError, match="expected|between"):
        impulse_response(kind, order, cutoff_hz, rate_hz=100, samples=10)
