"""Engine that runs a network in torch."""

import os

import numpy as np
import torch

from ..nn.fuse import fuse_norms
from ..nn.network import Network
from .engine import Array, EngineOutput


class TorchEngine:
    """Runs a copy of a network whose norms are fused; later changes of the network do not reach it.

    device: where it runs, as torch names it ("cpu", "cuda", "cuda:1", "mps").
    """

    def __init__(self, network: Network, *, device: str = "cpu") -> None:
        self._network = fuse_norms(network).to(device)
        self._device = device
        self._process = os.getpid()

    def __call__(self, signal_mv: Array) -> EngineOutput:
        """Run windows (batch, leads, samples) in mV."""
        if self._process != os.getpid():
            torch.set_num_threads(1)  # after a fork, OpenMP would wait for threads that are gone
            self._process = os.getpid()
        with torch.inference_mode():
            signal = torch.from_numpy(np.ascontiguousarray(signal_mv)).to(self._device)
            output = self._network(signal)
        by_lead = output.lead_evidence
        return EngineOutput(
            logits=output.logits.cpu().numpy(),
            evidence=output.evidence.cpu().numpy(),
            lead_evidence=None if by_lead is None else by_lead.cpu().numpy(),
        )
