"""What a job is given, from its files."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ecgcam.inference.modelfile import load_network
from ecgcam.nn.network import Network

from ..rivals.loop import Given


def network_of(given: Given) -> Network:
    """The network of the model file, in evaluation mode."""
    return load_network(Path(given["model"]))[0]


def every(given: Given, name: str) -> Tensor:
    """The array given by that name."""
    return torch.from_numpy(np.load(given[name]))


def first(given: Given, name: str) -> Tensor:
    """The first batch of it."""
    return torch.from_numpy(np.load(given[name], mmap_mode="r")[: given["batch"]].copy())
