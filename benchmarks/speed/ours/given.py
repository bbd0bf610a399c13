"""Input of a job, from its files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ecgcam.inference.modelfile import load_network
from ecgcam.nn.network import Network

from ..rivals.loop import Given


def network_of(given: Given) -> Network:
    """Return the network of the model file, in evaluation mode."""
    return load_network(Path(given["model"]))[0]


def every(given: Given, name: str) -> Tensor:
    """Return the input array of this name."""
    return torch.from_numpy(np.load(given[name]))


def first(given: Given, name: str) -> Tensor:
    """Return the first batch of the input array of this name."""
    return torch.from_numpy(np.load(given[name], mmap_mode="r")[: given["batch"]].copy())
