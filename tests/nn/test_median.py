"""The median by NumPy and by torch are the same, and each is used where it may be."""

import numpy as np
import pytest
import torch

from ecgcam.nn import median as module
from ecgcam.nn.median import median


# NumPy sorts short rows whole: only in a long one is the lower of the middle two not in its place
@pytest.mark.parametrize("samples", [1, 2, 3, 10, 11, 1000])
@pytest.mark.parametrize("records", [1, 200])  # on one thread and on several
def test_it_is_numpys_median_of_each_lead(records, samples):
    signal = np.random.default_rng(4).normal(size=(records, 12, samples)).astype(np.float32)
    wanted = np.median(signal, axis=-1, keepdims=True)
    found = median(torch.from_numpy(signal))
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found, wanted)
    by_torch = median(torch.from_numpy(signal).requires_grad_())
    np.testing.assert_allclose(by_torch.detach(), wanted, rtol=1e-6)


def test_equal_samples_are_no_obstacle():
    signal = torch.tensor([[[1.0, 2.0, 2.0, 2.0], [0.0, 0.0, 5.0, 5.0]]])
    assert median(signal).flatten().tolist() == [2.0, 2.5]


def test_where_a_gradient_is_wanted_it_flows():
    signal = torch.tensor([[[4.0, 1.0, 2.0, 10.0]]], requires_grad=True)
    median(signal).sum().backward()
    assert signal.grad.flatten().tolist() == [0.5, 0, 0.5, 0]


def test_numpy_is_not_asked_where_it_may_not_look(monkeypatch):
    monkeypatch.setattr(module, "_medians", lambda rows: pytest.fail("NumPy was asked"))
    signal = torch.randn(2, 3, 10)
    half = signal.half()
    torch.testing.assert_close(median(half), median(half.float().requires_grad_()).half())
    median(signal.clone().requires_grad_())
    with pytest.raises(pytest.fail.Exception, match="NumPy was asked"):
        median(signal)
