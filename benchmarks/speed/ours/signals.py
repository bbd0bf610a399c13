"""Signals: from files to a store, preprocessed, augmented."""

import shutil
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ecgcam.data.preparation import prepare
from ecgcam.data.store import open_store
from ecgcam.nn.allocation import keep_freed_memory
from ecgcam.nn.network import evaluating
from ecgcam.training.augment import make_augmentation

from ..rivals.loop import Given, Job
from .given import every, first, network_of


def store(given: Given) -> Job:
    """Prepare a folder into a store at `made`; save all its signals in µV for comparison."""
    made = Path(given["made"])

    def run() -> dict[str, float]:
        shutil.rmtree(made, ignore_errors=True)
        start = time.perf_counter()
        prepare(Path(given["folder"]), made)
        return {"seconds": time.perf_counter() - start}

    def result() -> NDArray[np.int16]:
        whole = open_store(made)
        return whole.signals_uv(whole.indices())

    return Job(run=run, ecgs=given["records"], result=result)


def preprocess(given: Given) -> Job:
    """Preprocess raw ECGs in batches with the network's first module."""
    signals, network = every(given, "signals"), network_of(given)
    prepared = torch.empty_like(signals)
    size = given["batch"]
    batches = list(zip(torch.split(signals, size), torch.split(prepared, size), strict=True))

    def run() -> None:
        with evaluating(network):
            for raw, place in batches:
                place[:] = network.preprocess(raw)

    return Job(run=run, ecgs=len(signals), result=prepared.numpy)


def augment(given: Given) -> Job:
    """Draw and apply the paper's augmentation to a batch, several times in a row."""
    keep_freed_memory()  # as `ecgcam train` does
    prepared = first(given, "prepared")
    change = make_augmentation("paper", rate_hz=100)
    generator = torch.Generator().manual_seed(0)

    def run() -> None:
        for _ in range(given["in_a_row"]):
            change(prepared, generator=generator)

    return Job(run=run, ecgs=given["in_a_row"] * len(prepared))
