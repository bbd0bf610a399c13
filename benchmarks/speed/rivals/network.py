"""The paper's network in one-dimensional layers, and its map of one record."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

WIDTHS = (16, 16, 32, 64)
KERNELS = (11, 7, 7, 7)


class PlainNetwork(nn.Module):
    """Four blocks of convolution, batch norm, LeakyReLU(0.1); mean over time; one logit.

    Time is halved by a max-pool after each block but the last. prepared: (batch, 12, time).
    """

    def __init__(self, *, leads: int = 12) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for block, (inputs, outputs) in enumerate(zip((leads, *WIDTHS), WIDTHS, strict=False)):
            kernel = KERNELS[block]
            layers += [
                nn.Conv1d(inputs, outputs, kernel, padding=kernel // 2),
                nn.BatchNorm1d(outputs),
                nn.LeakyReLU(0.1),
                nn.MaxPool1d(2),
            ]
        self.layers = nn.Sequential(*layers[:-1])
        self.head = nn.Linear(WIDTHS[-1], 1)

    def forward(self, prepared: Tensor) -> Tensor:
        logit: Tensor = self.head(self.layers(prepared).mean(dim=-1))
        return logit

    @property
    def last_convolution(self) -> nn.Module:
        """The convolution that the paper computes its map from."""
        return self.layers[-3]


def plain_network(weights: Path) -> PlainNetwork:
    """Return the network with the weights of an .npz: the state dict's tensors in their order."""
    network = PlainNetwork()
    with np.load(weights) as arrays:
        given = [torch.from_numpy(arrays[name]) for name in arrays.files]
    state = network.state_dict()
    network.load_state_dict(
        {
            name: tensor.reshape(shaped.shape)
            for (name, shaped), tensor in zip(state.items(), given, strict=True)
        }
    )
    return network


def paper_map(
    network: PlainNetwork, prepared: NDArray[np.float32]
) -> tuple[float, NDArray[np.float32]]:
    """Return the probability of one record (leads, time), and its map (time,) from 0 to 1.

    The map is the head's weights on the last convolution's output, stretched and scaled.
    """
    taken: list[Tensor] = []

    def take(module: nn.Module, given: Any, output: Tensor) -> None:
        taken.append(output)

    hook = network.last_convolution.register_forward_hook(take)
    with torch.no_grad():
        probability = torch.sigmoid(network(torch.from_numpy(prepared).unsqueeze(0)))
        hook.remove()
        heat = (network.head.weight @ taken[0][0]).unsqueeze(0)  # (1, 1, frames)
        heat = interpolate(heat, size=prepared.shape[1], mode="linear")[0, 0]
        heat = (heat - heat.min()) / (heat.max() - heat.min())
    return float(probability), heat.numpy()
