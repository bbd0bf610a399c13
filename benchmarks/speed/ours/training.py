"""Training stages: one step, an epoch of `ecgcam train`, and the bare steps of an epoch."""

import shutil
import time
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from ecgcam.data.store import open_store
from ecgcam.nn.allocation import keep_freed_memory
from ecgcam.nn.network import Network, evaluating
from ecgcam.training.config import OptimizerSettings, TrainConfig
from ecgcam.training.lightning_module import TrainingModule
from ecgcam.training.trainer import train

from ..rivals.loop import Given, Job
from .given import every, first, network_of


def step(given: Given) -> Job:
    """Set up training steps on one batch; save the logits before any step for comparison."""
    return _step(given, precision="float32")


def step_bf16(given: Given) -> Job:
    """Set up training steps in bf16, like `step`."""
    return _step(given, precision="bf16")


def _step(given: Given, *, precision: str) -> Job:
    keep_freed_memory()  # as `ecgcam train` does
    prepared, targets = first(given, "prepared"), first(given, "targets")
    network = network_of(given)
    with evaluating(network):
        logits = network.logits(prepared).numpy()
    steps = Steps(network.train(), precision=precision)

    def run() -> None:
        for _ in range(given["in_a_row"]):
            steps.take(prepared, targets)

    return Job(run=run, ecgs=given["in_a_row"] * len(prepared), result=lambda: logits)


def bare_epoch(given: Given) -> Job:
    """Run forward, backward and optimizer alone, and the forward of the validation, on tensors."""
    keep_freed_memory()
    network, prepared = network_of(given), every(given, "prepared")
    targets, validation = every(given, "targets"), every(given, "validation")
    steps = Steps(network, precision="float32")
    size = given["batch"]

    def run() -> None:
        network.train()
        for batch in zip(torch.split(prepared, size), torch.split(targets, size), strict=True):
            steps.take(*batch)
        with evaluating(network):
            for signals in torch.split(validation, size):
                network.logits(signals)

    return Job(run=run, ecgs=len(prepared))


def epoch(given: Given) -> Job:
    """Train for some `epochs` on a store; the time of an epoch leaves out the first.

    Adds first_s, from the start to the end of the first epoch.
    """
    return _epoch(given, precision="float32")


def epoch_bf16(given: Given) -> Job:
    """Set up epochs in bf16, like `epoch`."""
    return _epoch(given, precision="bf16")


def _epoch(given: Given, *, precision: str) -> Job:
    runs = (Path(given["scratch"]) / f"run-{k}" for k in count())
    config = TrainConfig(optimizer=OptimizerSettings(epochs=given["epochs"], precision=precision))

    def run() -> dict[str, float]:
        out, ends = next(runs), [time.perf_counter()]
        train(
            open_store(Path(given["store"])),
            out,
            config,
            on_epoch=lambda row: ends.append(time.perf_counter()),
        )
        shutil.rmtree(out)
        first_s = ends[1] - ends[0]
        later_s = (ends[-1] - ends[1]) / max(config.optimizer.epochs - 1, 1)
        return {"seconds": later_s or first_s, "first_s": first_s}

    return Job(run=run, ecgs=given["trained"])


class Steps:
    """Training steps with the loss and the optimizer of `ecgcam train`."""

    def __init__(self, network: Network, *, precision: str) -> None:
        config = TrainConfig(optimizer=OptimizerSettings(schedule="constant", precision=precision))
        self.training = TrainingModule(network, config, exclusive=False)
        self.optimizer = self.training.configure_optimizers()
        self.bf16 = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")

    def take(self, prepared: Tensor, targets: Tensor) -> None:
        """Run forward, backward and optimizer."""
        self.optimizer.zero_grad()
        with self.bf16:
            loss = self.training.loss(self.training.network.logits(prepared), targets)
        torch.autograd.backward(loss)
        self.optimizer.step()
