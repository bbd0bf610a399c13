"""ONNX graph of a network, written node by node.

The graph takes raw millivolts: preprocessing, backbone and head run in it. Convolutions stay
two-dimensional, over images one pixel high, as in nn/layers.py. Norms are fused into them; a scale
multiplies its weights in the graph, so that weights can be stored as float16. The batch is dynamic;
leads and samples are the model's.

    input:  signal_mv (batch, leads, samples), float32
    output: logits, probability (batch, classes); evidence (batch, classes, frames); and
            lead_evidence (batch, classes, leads, frames) where the backbone keeps leads apart
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

from ..nn.fuse import fuse_norms
from ..nn.network import Network
from ..nn.preprocess import FLAT_MV
from .card import Card
from .onnx_backbones import write_backbone
from .onnx_nodes import Graph, array_of

OPSET = 17
_ROUNDING = 1e-5  # logits
IR_VERSION = 8  # the oldest that has opset 17, so that older runtimes load the file


def to_onnx(network: Network, card: Card, *, metadata: Mapping[str, str]) -> onnx.ModelProto:
    """Return a network as an ONNX model.

    metadata: texts for the file's metadata. Raises ModelError for a backbone that is not ecgcam's.
    """
    ready = fuse_norms(network)
    graph = Graph()
    prepared = _preprocess(graph, ready, "signal_mv")
    zeros = torch.zeros(1, len(network.config.leads), network.config.samples)
    features = write_backbone(graph, ready.backbone, prepared, zeros)
    _evidence(graph, ready, features)
    _probability(graph, ready, card)

    def value(name: str, *shape: int | str) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *shape])

    config, classes = network.config, len(card["classes"])
    outputs = [
        value("logits", classes),
        value("probability", classes),
        value("evidence", classes, "frames"),
    ]
    if ready.leads_apart:
        outputs.append(value("lead_evidence", classes, len(config.leads), "frames"))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "ecgcam",
            [value("signal_mv", len(config.leads), config.samples)],
            outputs,
            graph.constants,
        ),
        producer_name="ecgcam",
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    model.ir_version = IR_VERSION
    helper.set_model_props(model, dict(metadata))
    return model


def _evidence(graph: Graph, network: Network, features: str) -> None:
    """Write the evidence of features (batch, channels, frames), relative to a flat record."""
    weight, flat = array_of(network.head.weight), array_of(network.flat_evidence())
    if np.ptp(flat, axis=-1).max() < _ROUNDING:
        flat = flat.mean(axis=-1, keepdims=True)  # one frame for all: a smaller file
    if not network.leads_apart:
        evidence = graph.add("MatMul", graph.weights(weight), features)
        graph.add("Sub", evidence, graph.constant(flat[:, :, 0]), output="evidence")
        return
    leads = len(network.config.leads)
    shape = graph.constant(np.array([0, leads, weight.shape[1] // leads, -1], np.int64))
    lead_features = graph.add(
        "Reshape", features, shape
    )  # (batch, leads, channels, frames); 0: as is
    weights = weight.reshape(len(weight), leads, -1).swapaxes(0, 1)  # (leads, classes, channels)
    evidence = graph.add("MatMul", graph.weights(np.ascontiguousarray(weights)), lead_features)
    evidence = graph.add("Transpose", evidence, perm=[0, 2, 1, 3])
    graph.add("Sub", evidence, graph.constant(flat), output="lead_evidence")
    lead_axis = graph.constant(np.array([2], np.int64))
    graph.add("ReduceSum", "lead_evidence", lead_axis, keepdims=0, output="evidence")


def _probability(graph: Graph, network: Network, card: Card) -> None:
    """Write the logits, the mean of the evidence plus the bias, and the probability."""
    mean = graph.add("ReduceMean", "evidence", axes=[-1], keepdims=0)
    graph.add("Add", mean, graph.constant(array_of(network.bias())), output="logits")
    scaled = graph.add("Div", "logits", graph.constant(np.float32(card["temperature"])))
    if card["task"]["exclusive"]:
        graph.add("Softmax", scaled, axis=-1, output="probability")
    else:
        graph.add("Sigmoid", scaled, output="probability")


# Preprocessing: (batch, leads, samples) to the same shape.


def _preprocess(graph: Graph, network: Network, signal: str) -> str:
    detrend = network.preprocess.detrend
    if not isinstance(detrend, nn.Identity):
        signal = graph.add("Sub", signal, graph.add("ReduceMean", signal, axes=[-1], keepdims=1))
        basis = graph.constant(array_of(detrend.basis))  # (samples, order + 1)
        weights = graph.add("MatMul", signal, basis)
        trend = graph.add("MatMul", weights, graph.add("Transpose", basis, perm=[1, 0]))
        signal = graph.add("Sub", signal, trend)
    return _SCALES[network.preprocess.config.scale](graph, signal, network.config.samples)


def _scale_unit(graph: Graph, signal: str, samples: int) -> str:
    return _center_and_divide(graph, signal, samples, axes=[-1])


def _scale_record(graph: Graph, signal: str, samples: int) -> str:
    return _center_and_divide(graph, signal, samples, axes=[-2, -1])


def _center_and_divide(graph: Graph, signal: str, samples: int, *, axes: list[int]) -> str:
    centered = graph.add("Sub", signal, _median(graph, signal, samples))
    largest = graph.add("ReduceMax", graph.add("Abs", centered), axes=axes, keepdims=1)
    return _divide(graph, centered, largest)


def _median(graph: Graph, signal: str, samples: int) -> str:
    """Return the median over time; of an even length, the mean of the two middle values."""
    half = samples // 2
    ordered = _smallest(graph, signal, half + 1)
    middle = _slice(graph, ordered, half - 1 if samples % 2 == 0 else half, half + 1)
    return graph.add("ReduceMean", middle, axes=[-1], keepdims=1)


def _smallest(graph: Graph, signal: str, count: int) -> str:
    """Return the `count` smallest values over time in ascending order."""
    values, indices = f"n{len(graph.nodes)}", f"i{len(graph.nodes)}"
    graph.nodes.append(
        helper.make_node(
            "TopK",
            [signal, graph.constant(np.array([count], np.int64))],
            [values, indices],
            largest=0,
        )
    )
    return values


def _slice(graph: Graph, values: str, start: int, end: int) -> str:
    """Return the values from `start` to before `end` of the last axis."""
    bounds = (np.array([bound], np.int64) for bound in (start, end, -1))
    return graph.add("Slice", values, *map(graph.constant, bounds))


def _scale_zscore(graph: Graph, signal: str, samples: int) -> str:
    centered = graph.add("Sub", signal, graph.add("ReduceMean", signal, axes=[-1], keepdims=1))
    square = graph.add("Mul", centered, centered)
    variance = graph.add("ReduceMean", square, axes=[-1], keepdims=1)
    return _divide(graph, centered, graph.add("Sqrt", variance))


def _scale_robust(graph: Graph, signal: str, samples: int) -> str:
    ordered = _smallest(graph, signal, samples)
    low, middle, high = (_quantile(graph, ordered, samples, q) for q in (0.25, 0.5, 0.75))
    centered = graph.add("Sub", signal, middle)
    return _divide(graph, centered, graph.add("Sub", high, low))


def _quantile(graph: Graph, ordered: str, samples: int, fraction: float) -> str:
    """Return a quantile by linear interpolation between the two nearest ordered values."""
    position = fraction * (samples - 1)
    below = int(position)
    above = min(below + 1, samples - 1)
    first = _slice(graph, ordered, below, below + 1)
    second = _slice(graph, ordered, above, above + 1)
    step = graph.add("Sub", second, first)
    part = graph.add("Mul", step, graph.constant(np.float32(position - below)))
    return graph.add("Add", first, part)


def _scale_min_max(graph: Graph, signal: str, samples: int) -> str:
    low = graph.add("ReduceMin", signal, axes=[-1], keepdims=1)
    high = graph.add("ReduceMax", signal, axes=[-1], keepdims=1)
    return _divide(graph, graph.add("Sub", signal, low), graph.add("Sub", high, low))


def _keep(graph: Graph, signal: str, samples: int) -> str:
    return signal


def _divide(graph: Graph, centered: str, spread: str) -> str:
    """Return centered / spread, and zeros where the lead is flat."""
    flat = graph.add("Less", spread, graph.constant(np.float32(FLAT_MV)))
    infinite = graph.constant(np.float32(np.inf))
    return graph.add("Div", centered, graph.add("Where", flat, infinite, spread))


_SCALES: dict[str, Callable[[Graph, str, int], str]] = {
    "unit": _scale_unit,
    "record": _scale_record,
    "zscore": _scale_zscore,
    "robust": _scale_robust,
    "minmax": _scale_min_max,
    "none": _keep,
}
