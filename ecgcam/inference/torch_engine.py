"""The engine of the Classifier that runs a network in torch."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ..nn.allocation import FOR_JUDGING, keep_freed_memory
from ..nn.fuse import fuse_norms
from ..nn.network import Network, evaluating

Array = NDArray[np.float32]


def torch_engine(network: Network) -> Callable[[Array, str], tuple[Array, Array]]:
    """Return the engine of a network: windows (batch, leads, samples) to logits and evidence.

    It holds a copy of the network with its norms fused, so later changes do not reach it.
    """
    ready = fuse_norms(network)
    keep_freed_memory(FOR_JUDGING)

    def judge(signal_mv: Array, source: str) -> tuple[Array, Array]:
        with torch.inference_mode():
            logits, evidence = ready(torch.from_numpy(np.ascontiguousarray(signal_mv)))
        if source == "conv":  # it is drawn before the norms, which `ready` has not
            return logits.numpy(), predict_array(network, signal_mv, source=source)[1]
        return logits.numpy(), evidence.numpy()

    return judge


def predict_array(
    network: Network, signal_mv: NDArray[np.float32], *, source: str = "features"
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits and evidence of an array (batch, leads, samples); an engine of the Classifier."""
    keep_freed_memory(FOR_JUDGING)
    signal = torch.from_numpy(np.ascontiguousarray(signal_mv))
    with evaluating(network):
        logits, evidence = network(signal)
        if source == "conv":
            evidence = network.evidence_before_norm(signal)
    return logits.numpy(), evidence.numpy()
