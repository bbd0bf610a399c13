"""Time halved with a gradient of our own: what torch's max-pool gives, to the bit."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from ecgcam.nn.halve import halved


def image(time: int, *, dtype: torch.dtype = torch.float32) -> Tensor:
    """Few different numbers, so that many neighbours are alike."""
    numbers = torch.randint(-3, 4, (2, 5, 1, time), generator=torch.Generator().manual_seed(time))
    return numbers.to(dtype).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("time", [2, 3, 10, 11, 125])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_is_torchs_max_pool_and_its_gradient(time: int, dtype: torch.dtype) -> None:
    signal = image(time, dtype=dtype)
    wanted = torch.randn(2, 5, 1, time // 2, generator=torch.Generator().manual_seed(1)).to(dtype)
    found = []
    for pool in (halved, lambda taken: max_pool2d(taken, (1, 2))):
        taken = signal.clone().requires_grad_()
        larger = pool(taken)
        (gradient,) = torch.autograd.grad(larger, taken, wanted)
        found.append((larger, gradient))
    (ours, our_gradient), (theirs, their_gradient) = found
    assert torch.equal(ours, theirs)
    assert torch.equal(our_gradient, their_gradient)


def test_by_hand() -> None:
    signal = torch.tensor([1.0, 3.0, 2.0, 2.0, -5.0, -6.0, 9.0]).view(1, 1, 1, 7).requires_grad_()
    larger = halved(signal)
    assert larger.flatten().tolist() == [3, 2, -5]
    larger.backward(torch.tensor([10.0, 20.0, 30.0]).view(1, 1, 1, 3))
    assert signal.grad is not None
    assert signal.grad.flatten().tolist() == [0, 10, 20, 0, 30, 0, 0]


def test_without_a_gradient_it_is_the_same() -> None:
    signal = image(11)
    with torch.no_grad():
        alone = halved(signal.requires_grad_())
    assert torch.equal(alone, max_pool2d(image(11), (1, 2)))
    assert alone.grad_fn is None


def test_what_is_no_number_stays_none() -> None:
    signal = torch.tensor([float("nan"), 1.0, 1.0, float("nan")]).view(1, 1, 1, 4).requires_grad_()
    assert halved(signal).isnan().all()


def test_both_keep_channels_last() -> None:
    signal = image(10).requires_grad_()
    larger = halved(signal)
    assert larger.is_contiguous(memory_format=torch.channels_last)
    (gradient,) = torch.autograd.grad(larger.sum(), signal)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


def test_the_gradient_goes_where_a_little_more_would_count() -> None:
    signal = torch.rand(2, 3, 1, 9, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(halved, (signal,))
