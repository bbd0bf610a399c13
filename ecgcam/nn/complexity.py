"""Complexity of a network: parameters, multiply-accumulates, memory and receptive field."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from .frames import frame_grid
from .network import Network, evaluating


@dataclass(frozen=True, kw_only=True)
class Complexity:
    """The cost of one ECG, from raw millivolts to logits and evidence.

    parameters: all learned values, including those of the head and frozen ones.
    preprocess, backbone, head, map: multiply-accumulates (2 FLOPs each) of convolutions and matrix
    products. Elementwise work (norms, activations, pooling) is not counted. `head` is the cost of
    a probability without a map; with the map, the logits are the mean of the evidence.
    activation_bytes: peak memory of all tensors, including the ECG and the answer, without the
    parameters and without the scratch memory inside a kernel.
    """

    parameters: int
    preprocess: int
    backbone: int
    head: int
    map: int
    activation_bytes: int

    @property
    def total(self) -> int:
        """Multiply-accumulates of all stages."""
        return self.preprocess + self.backbone + self.head + self.map

    @property
    def map_fraction(self) -> float:
        """Multiply-accumulates of the map, as a fraction of those of backbone and head."""
        return self.map / (self.backbone + self.head)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the model card."""
        return {
            "parameters": self.parameters,
            "multiply_accumulates": {
                "preprocess": self.preprocess,
                "backbone": self.backbone,
                "head": self.head,
                "map": self.map,
                "total": self.total,
            },
            "map_share": round(self.map_fraction, 6),
            "activation_bytes": self.activation_bytes,
        }


def measure_complexity(network: Network) -> Complexity:
    """Run one ECG through the network in evaluation mode and count; the network is unchanged.

    The map costs classes x channels x frames, however torch computes it.
    """
    network = deepcopy(network)
    network.fix_flat_evidence()
    config, weight = network.config, network.head.weight
    own_tensors = [*network.parameters(), *network.buffers()]
    with _countable_kernels(network), _PeakMemory(excluded=own_tensors) as memory:
        signal_mv = torch.zeros(1, len(config.leads), config.samples, device=weight.device)
        with _flop_counter() as preprocess:
            prepared = network.preprocess(signal_mv)
        with _flop_counter() as backbone:
            features = network.backbone(prepared)
        network.explain_features(features)
    return Complexity(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        preprocess=preprocess.get_total_flops() // 2,
        backbone=backbone.get_total_flops() // 2,
        head=weight.numel(),
        map=weight.numel() * features.shape[-1],
        activation_bytes=memory.peak_bytes,
    )


def receptive_field(network: Network) -> int:
    """Count the samples from the first to the last one that the middle frame depends on.

    NaN spreads to every frame that depends on it, whatever the weights: search for the largest
    number of NaN samples at the start, and at the end, that leave the middle frame finite.
    Preprocessing depends on the whole window and is not counted. Frames near an edge depend on
    fewer samples.
    """
    config = network.config
    samples = config.samples
    device = network.head.weight.device
    prepared = torch.zeros(1, len(config.leads), samples, device=device)

    def reaches_middle(first: int, last: int) -> bool:
        signal = prepared.clone()
        signal[..., first:last] = torch.nan
        features = network.backbone(signal)
        return bool(features[..., features.shape[-1] // 2].isnan().any())

    counts = range(samples)
    with evaluating(network):
        before = bisect_left(counts, True, key=lambda n: reaches_middle(0, n)) - 1
        after = bisect_left(counts, True, key=lambda n: reaches_middle(samples - n, samples)) - 1
    return samples - before - after


def frames_of(network: Network) -> dict[str, Any]:
    """Return the entry of the model card: the frames of a window, and where they lie in it."""
    config = network.config
    frames = network.flat_evidence().shape[-1]
    grid = frame_grid(network.backbone, samples=config.samples, frames=frames)
    return {
        "count": frames,
        "first_s": grid.first / config.rate_hz,
        "step_s": grid.step / config.rate_hz,
    }


def _flop_counter() -> FlopCounterMode:
    """Return torch's counter, with a formula for the LSTM kernel that it does not know."""

    def lstm_flop(signal: Any, input_weight: Any, state_weight: Any, *_: Any, **__: Any) -> int:
        """Count for shapes (time, batch, inputs), (4 hidden, inputs), (4 hidden, hidden)."""
        return 2 * prod(signal[:2]) * (prod(input_weight) + prod(state_weight))

    mapping = {torch.ops.aten.mkldnn_rnn_layer: lstm_flop}
    return FlopCounterMode(display=False, custom_mapping=mapping)


class _PeakMemory(TorchDispatchMode):
    """Record the largest number of bytes that tensors hold at once.

    excluded: tensors that do not count, such as the parameters.
    """

    def __init__(self, excluded: Iterable[Tensor]) -> None:
        super().__init__()
        self.peak_bytes = 0
        self._excluded = {id(tensor.untyped_storage()) for tensor in excluded}
        self._alive: WeakValueDictionary[int, torch.UntypedStorage] = WeakValueDictionary()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.layout is torch.strided:
                storage = tensor.untyped_storage()
                if id(storage) not in self._excluded:
                    self._alive[id(storage)] = storage
        alive_bytes = sum(storage.nbytes() for storage in self._alive.values())
        self.peak_bytes = max(self.peak_bytes, alive_bytes)
        return result


@contextmanager
def _countable_kernels(network: Network) -> Iterator[None]:
    """Evaluate the network without the fused attention that torch's FLOP counter does not know."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with evaluating(network), sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast_path)
