"""What one ECG costs: parameters, multiply-accumulates, memory.

The network is run and watched, not looked through for layers of known kinds: whatever computes is
counted, convolutions first of all, in whichever way a backbone is written.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from .cam import activation_map
from .network import Network

aten = torch.ops.aten


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of one ECG, from raw millivolts to logits and evidence.

    parameters: all that was learned, the head's and frozen ones among them.
    preprocess, backbone, head, map: multiply-accumulates of convolutions and matrix products, each
    of which is two FLOPs. What is done number by number (norms, activations, pools) is not counted.
    The head is what a probability alone takes; with the map, the logits are added up from it.
    activation_bytes: the most that tensors hold at once, the ECG and the answer among them, the
    parameters not; what a kernel takes for itself in passing is not seen.
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
    def map_share(self) -> float:
        """What the map adds to backbone and head, as a share of their multiply-accumulates."""
        return self.map / (self.backbone + self.head)

    def to_dict(self) -> dict[str, Any]:
        """As a model card keeps it."""
        return {
            "parameters": self.parameters,
            "multiply_accumulates": {
                "preprocess": self.preprocess,
                "backbone": self.backbone,
                "head": self.head,
                "map": self.map,
                "total": self.total,
            },
            "map_share": round(self.map_share, 6),
            "activation_bytes": self.activation_bytes,
        }


def measure_complexity(network: Network) -> Cost:
    """Count the cost of one ECG in evaluation mode; the network is left as it was.

    W · features for the map is classes x channels x frames, whichever way torch computes it.
    """
    config, weight = network.config, network.head.weight
    known = [*network.parameters(), *network.buffers()]
    with _undisturbed(network), _Watch(known) as watch:
        signal_mv = torch.zeros(1, len(config.leads), config.samples, device=weight.device)
        prepared = network.preprocess(signal_mv)
        preprocess = watch.lap()
        features = network.backbone(prepared)
        backbone = watch.lap()
        network.head(features.mean(dim=-1))
        head = watch.lap()
        activation_map(features, weight)
    return Cost(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        preprocess=preprocess,
        backbone=backbone,
        head=head,
        map=weight.numel() * features.shape[-1],
        activation_bytes=watch.most_bytes,
    )


def _lstm_flop(
    signal: Tensor, input_weight: Tensor, state_weight: Tensor, *_: Any, **__: Any
) -> int:
    """FLOPs of oneDNN's LSTM layer, for a signal (time, batch, inputs)."""
    steps = signal.shape[0] * signal.shape[1]
    return 2 * steps * (input_weight.numel() + state_weight.numel())


# torch's own formulas, and the two fused kernels on a CPU that it has none for
_FORMULAS: dict[Any, Callable[..., int]] = {
    **flop_registry,
    aten._scaled_dot_product_flash_attention_for_cpu: flop_registry[
        aten._scaled_dot_product_flash_attention
    ],
    aten.mkldnn_rnn_layer: _lstm_flop,
}


class _Watch(TorchDispatchMode):
    """Sees each operation of torch: adds up its FLOPs, and the memory that is alive after it.

    known: tensors that were there before, and do not count as activations.
    """

    def __init__(self, known: Iterable[Tensor]) -> None:
        super().__init__()
        self.most_bytes = 0
        self._bytes = 0
        self._flops = 0
        self._alive = {id(tensor.untyped_storage()) for tensor in known}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to skip its compiler, torch would import it first, which takes seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if formula := _FORMULAS.get(func._overloadpacket):
            self._flops += formula(*args, **(kwargs or {}), out_val=result)
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor) and tensor.layout is torch.strided:
                self._born(tensor.untyped_storage())
        return result

    def lap(self) -> int:
        """The multiply-accumulates since the last lap."""
        flops, self._flops = self._flops, 0
        return flops // 2

    def _born(self, storage: torch.UntypedStorage) -> None:
        if id(storage) in self._alive:
            return
        self._alive.add(id(storage))
        self._bytes += storage.nbytes()
        self.most_bytes = max(self.most_bytes, self._bytes)
        weakref.finalize(storage, self._died, id(storage), storage.nbytes())

    def _died(self, identity: int, size: int) -> None:
        self._alive.remove(identity)
        self._bytes -= size


@contextmanager
def _undisturbed(network: nn.Module) -> Iterator[None]:
    """Run a block in evaluation mode, without gradients; then put modes and chance back.

    Attention's fast path is off meanwhile: it is one operation, which nobody has a formula for.
    """
    modes = [(module, module.training) for module in network.modules()]
    fast = torch.backends.mha.get_fastpath_enabled()
    network.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for module, training in modes:
            module.training = training
