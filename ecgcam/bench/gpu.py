"""Absolute times on a GPU, where there is one."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from .crew import Crew
from .workers import Kind

_BATCH = 2048  # ECGs judged at once
_EPOCHS = 4  # the first is left out
_RUNS = 5


def measure_gpu(given: Mapping[str, Any], crew: Crew) -> dict[str, Any] | None:
    """name; epoch_s, of the whole store; ecgs_s, judged with their maps. None without a GPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    epoch = crew.once("epoch", {**given, "store": given["whole"], "epochs": _EPOCHS}, gpu=True)
    with crew.stage() as hire:
        worker = hire(Kind(side="ours", gpu=True))
        judging = {**given, "signals": given["prepared"], "batch": _BATCH}
        ecgs = worker.set_up("judge_on_gpu", judging)
        worker.run()  # the first starts the GPU
        seconds = median(worker.run()["seconds"] for _ in range(_RUNS))
    return {
        "name": torch.cuda.get_device_name(),
        "epoch_s": epoch["seconds"],
        "ecgs_s": ecgs / seconds,
    }
