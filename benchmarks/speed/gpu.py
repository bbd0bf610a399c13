"""Absolute times on a GPU, where there is one."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from ecgcam.files import atomic_write

from .crew import Crew
from .machine import LIBRARIES, machine
from .material import QUICK, Sizes, make_material
from .workers import Kind, NotMeasured

_BATCH = 2048  # ECGs predicted at a time
_EPOCHS = 4  # without the warm-up
_RUNS = 5


def has_gpu() -> bool:
    """Return whether torch can use a GPU."""
    import torch

    return torch.cuda.is_available()


def measure_gpu(given: Mapping[str, Any], crew: Crew) -> dict[str, Any]:
    """Measure times on a GPU.

    name; epoch_s and epoch_bf16_s, of the whole store; ecgs_s, ECGs from raw millivolts in memory
    to probability and map in a second.
    """
    import torch

    training = {**given, "store": given["whole"], "epochs": _EPOCHS}
    epoch_s, epoch_bf16_s = (
        crew.once(job, training, gpu=True)["seconds"] for job in ("epoch", "epoch_bf16")
    )
    with crew.stage() as hire:
        worker = hire(Kind(side="ours", gpu=True))
        predicting = {**given, "signals": given["prepared"], "batch": _BATCH}
        ecgs = worker.set_up("judge_on_gpu", predicting)
        worker.run()  # the first starts the GPU
        seconds = median(worker.run()["seconds"] for _ in range(_RUNS))
    return {
        "name": torch.cuda.get_device_name(),
        "epoch_s": epoch_s,
        "epoch_bf16_s": epoch_bf16_s,
        "ecgs_s": ecgs / seconds,
    }


def benchmark_gpu(
    folder: Path | None, *, quick: bool, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure a GPU alone, on the data of the whole benchmark (run.py).

    Raises DatasetError if the folder cannot be used, NotMeasured if there is no GPU.
    """
    if not has_gpu():
        raise NotMeasured("there is no GPU that PyTorch can use.")
    with (
        TemporaryDirectory(prefix="ecgcam-bench-") as scratch,
        Crew(Path(scratch), peers=None, kept=False) as crew,
    ):
        say("data")
        material = make_material(folder, Path(scratch), QUICK if quick else Sizes())
        say("the GPU")
        return {
            "quick": quick,
            "data": "made up" if folder is None else "a folder",
            "ecgs": material.given["records"],
            "machine": machine(),
            "versions": crew.versions(LIBRARIES)["ecgcam"],
            "gpu": measure_gpu(material.given, crew),
        }


def write_gpu(found: Mapping[str, Any], path: Path) -> Path:
    """Write the results of benchmark_gpu as JSON."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def gpu_sentence(gpu: Mapping[str, Any], *, ecgs: int) -> str:
    """Return the results of measure_gpu as a sentence."""
    return (
        f"{gpu['name']}: an epoch of {ecgs:,} ECGs takes {gpu['epoch_s']:.2f} s, in bf16 "
        f"{gpu['epoch_bf16_s']:.2f} s; {gpu['ecgs_s']:,.0f} ECGs a second to probability and map."
    )
