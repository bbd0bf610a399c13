"""A small network done by NumPy: one ECG alone takes half of the time that torch takes for it.

One ECG goes through some fifty calls of a few microseconds each, and a call of NumPy costs less
than one of torch, of a convolution too (docs/performance.md). torch.fx writes down what the network
calls, and each call is given the function of NumPy that does the same (numpy_calls.py): there is no
second network to keep like the first. Batches, large networks, and what calls anything else are
left to torch.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import fx, nn

from .backbones import BACKBONES
from .median import median
from .network import Network
from .numpy_calls import FUNCTIONS, LAYERS, METHODS, Unknown, look_up

Numbers = NDArray[np.float32]
Judge = Callable[[Numbers], tuple[Numbers, Numbers]]

_MOST_PARAMETERS = 100_000  # of larger networks torch's products are the faster ones


def in_numpy(network: Network) -> Judge | None:
    """What judges one ECG as a network in evaluation mode does, to float rounding.

    It takes (1, leads, samples) in mV and returns logits (1, classes) and evidence (1, classes,
    frames). None for a large network, for a backbone of one's own, for calls that numpy_calls.py
    does not know, and if a trial comes out otherwise than by torch.
    """
    if network.config.backbone not in BACKBONES or network.parameters_count > _MOST_PARAMETERS:
        return None
    try:
        judge = _translated(network)
    except Unknown:
        return None
    return judge if _same(judge, network) else None


def _translated(network: Network) -> Judge:
    """The network's calls in their order, each by NumPy, as one function; Unknown if one cannot be.

    Evaluation alone is written down: what asks for gradients or training is settled before.
    """
    with torch.no_grad():
        graph = _Tracer().trace(network)
    kept: dict[str, Any] = {}  # by the names that the code is to have for them
    for number, node in enumerate(graph.nodes):
        if node.op == "get_attr":
            kept[f"weights_{number}"] = attrgetter(node.target)(network).detach().numpy()
            node.target = f"weights_{number}"
        elif node.op.startswith("call_"):
            kept[f"call_{number}"] = _call(node, network)
            node.op, node.target = "call_module", f"call_{number}"
    judge: Judge = fx.GraphModule(kept, graph).forward
    return judge


def _call(node: fx.Node, network: Network) -> Callable[..., Any]:
    """The function of NumPy that does what a node of the graph says."""
    if node.op == "call_module":
        layer = network.get_submodule(str(node.target))
        return look_up(LAYERS, type(layer))(layer)
    return look_up(METHODS if node.op == "call_method" else FUNCTIONS, node.target)


class _Tracer(fx.Tracer):
    """Takes as one call what NumPy does otherwise than torch."""

    def __init__(self) -> None:
        super().__init__(autowrap_functions=(median,))

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in LAYERS or super().is_leaf_module(m, module_qualified_name)


def _same(judge: Judge, network: Network) -> bool:
    """Whether both say the same of a trial."""
    config = network.config
    shape = (1, len(config.leads), config.samples)
    trial_mv = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    with torch.inference_mode():
        wanted = network(torch.from_numpy(trial_mv))
    return all(
        np.allclose(found, by_torch.numpy(), rtol=1e-3, atol=1e-4)
        for found, by_torch in zip(judge(trial_mv), wanted, strict=True)
    )
