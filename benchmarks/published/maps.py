"""The paper's class activation map, drawn before batch norm and activation, for comparison.

It does not add up to the logit: the classifier averages features after batch norm and activation.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from ecgcam.inference.results import display_heatmap
from ecgcam.nn.cam import activation_map
from ecgcam.nn.network import Network, evaluating


def evidence_before_norm(network: Network, signal_mv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the head's weights on the output of the last convolution.

    network: around the paper's backbone, signalcnn. signal_mv: (batch, leads, time).
    Returns (batch, classes, frames).
    """
    with evaluating(network):
        prepared = network.preprocess(torch.from_numpy(signal_mv))
        return prepared_evidence_before_norm(network, prepared).numpy()


def prepared_evidence_before_norm(network: Network, prepared: torch.Tensor) -> torch.Tensor:
    """Like `evidence_before_norm`, for preprocessed signals (batch, leads, time)."""
    outputs: list[torch.Tensor] = []
    last = network.backbone.last.conv
    handle = last.register_forward_hook(lambda _, __, output: outputs.append(output))
    try:
        with evaluating(network):
            network.backbone(prepared)
            return activation_map(outputs[0].squeeze(2), network.head.weight)
    finally:
        handle.remove()


def heatmaps(evidence: NDArray[np.float32], *, samples: int) -> NDArray[np.float32]:
    """Stretch and scale evidence (batch, classes, frames) to (batch, classes, samples)."""
    frames = evidence.shape[-1]
    centers = (np.arange(frames) + 0.5) * samples / frames
    shown = [display_heatmap(one, centers, samples=samples, predicted=samples) for one in evidence]
    return np.stack(shown)
