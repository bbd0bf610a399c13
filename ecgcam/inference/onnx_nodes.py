"""Nodes and constants of an ONNX graph under construction."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor


class Graph:
    """The nodes and constants of an ONNX graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, array: NDArray[Any] | np.generic) -> str:
        """Add a constant; return its name."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weights(self, array: NDArray[np.float32]) -> str:
        """Add float32 weights; as float16, in half the bytes, where that holds them exactly."""
        with np.errstate(over="ignore"):
            half = array.astype(np.float16)
        if not np.array_equal(half, array):
            return self.constant(array)
        return self.add("Cast", self.constant(half), to=TensorProto.FLOAT)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node with one output; return the name of the output."""
        output = output or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output


def array_of(tensor: Tensor) -> NDArray[np.float32]:
    """Return a tensor as an array of its own."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy())
