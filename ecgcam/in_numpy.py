"""A small network done by NumPy: one ECG alone takes half of the time that torch takes for it.

One ECG goes through some forty calls of a few microseconds each, and a call of NumPy costs less
than one of torch, of a convolution too (docs/performance.md). The network writes down what it calls
while it judges an ECG; each call is given the function of NumPy that does the same
(numpy_calls.py). So there is no second network to keep like the first. Batches, large networks, and
what calls anything else are left to torch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .backbones import BACKBONES
from .network import Network
from .numpy_calls import numpy_call

Numbers = NDArray[np.float32]
Judge = Callable[[Numbers], tuple[Numbers, Numbers]]

_MOST_PRODUCTS = 25_000_000  # of an ECG's convolutions; beyond, torch's are the faster ones


def in_numpy(network: Network) -> Judge | None:
    """What judges one ECG as a network in evaluation mode does, to float rounding.

    It takes (1, leads, samples) of float32 in mV, just the network's leads and samples, and returns
    logits (1, classes) and evidence (1, classes, frames). None for a large network, for a backbone
    of one's own, for calls that numpy_calls.py does not know, and if an ECG other than the one that
    they were written down for comes out otherwise than by torch.
    """
    if network.config.backbone not in BACKBONES:
        return None
    shape = (1, len(network.config.leads), network.config.samples)
    first, other = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    try:
        calls = _written_down(network, first)
        if _products(calls) > _MOST_PRODUCTS:
            return None
        judge = _replayed(calls)
        found = judge(other)
        with torch.inference_mode():
            wanted = network(torch.from_numpy(other))
    except Exception:  # whatever is wrong, torch will say it when it judges
        return None
    same = all(
        np.allclose(by_numpy, by_torch.numpy(), rtol=1e-3, atol=1e-4)
        for by_numpy, by_torch in zip(found, wanted, strict=True)
    )
    return judge if same else None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Call:
    """What was called, with what, and what it gave."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]
    result: Any


@dataclass(frozen=True, kw_only=True, eq=False)
class _Calls:
    """All that a network called from an ECG to its answer, logits and evidence."""

    signal_mv: Tensor
    calls: tuple[_Call, ...]
    answer: tuple[Tensor, Tensor]


class _Watched(Tensor):
    """A tensor that writes down each function of torch that is called with it.

    What comes of it is a tensor that is watched too (torch's protocol __torch_function__).
    """

    calls: list[_Call]

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]
        cls.calls.append(_Call(function=func, arguments=args, keywords=kwargs or {}, result=result))
        return result


def _written_down(network: Network, signal_mv: Numbers) -> _Calls:
    """What the network calls to judge an ECG (1, leads, samples)."""
    calls: list[_Call] = []
    watched = type("Watched", (_Watched,), {"calls": calls})  # one list for each network
    signal: Tensor = torch.from_numpy(signal_mv).as_subclass(watched)
    with torch.inference_mode():
        answer = network(signal)
    return _Calls(signal_mv=signal, calls=tuple(calls), answer=answer)


def _products(calls: _Calls) -> int:
    """Multiply-accumulates of the convolutions."""
    return sum(
        call.result.numel() * call.arguments[1][0].numel()
        for call in calls.calls
        if call.function is torch.conv2d
    )


@dataclass(frozen=True)
class _Place:
    """That an argument is what the call of this number gave; 0 is the ECG."""

    number: int


def _replayed(calls: _Calls) -> Judge:
    """The same calls on another ECG, by NumPy; Unknown if there is no such call."""
    places = {id(calls.signal_mv): _Place(0)}
    steps: list[tuple[Callable[..., Any], list[Any]]] = []
    for call in calls.calls:
        if isinstance(call.result, Tensor):
            arguments = [_argument(each, places) for each in _spread(call.arguments)]
            steps.append(numpy_call(call.function, arguments, call.keywords))
            places[id(call.result)] = _Place(len(steps))
    logits, evidence = (places[id(part)].number for part in calls.answer)

    def judge(signal_mv: Numbers) -> tuple[Numbers, Numbers]:
        values = [signal_mv]
        with np.errstate(all="ignore"):  # of what is no number, as torch says nothing
            for run, arguments in steps:
                filled = [values[a.number] if type(a) is _Place else a for a in arguments]
                values.append(run(*filled))
        return values[logits], values[evidence]

    return judge


def _spread(arguments: Iterable[Any]) -> Iterator[Any]:
    """Tensors in a list as arguments of their own."""
    for each in arguments:
        if isinstance(each, list):
            yield from each
        else:
            yield each


def _argument(given: Any, places: Mapping[int, _Place]) -> Any:
    """A tensor as the place that it comes from, or as its numbers if it is part of the network."""
    if isinstance(given, _Watched):
        return places[id(given)]
    return given.detach().numpy() if isinstance(given, Tensor) else given
