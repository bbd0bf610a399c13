"""Our stages, run by rivals/loop.py. Material.given describes their input."""

import logging
import warnings
from functools import partial
from importlib import import_module

from ..rivals.loop import Given, Job, serve

# Each job is a function of its module, which is imported when the job is set up: lightning alone
# takes seconds.
MODULES = {
    "signals": ("store", "preprocess", "augment"),
    "training": ("step", "step_bf16", "bare_epoch", "epoch", "epoch_bf16"),
    "predicting": (
        "evaluate",
        "judge",
        "one",
        "probability_and_map",
        "layer_grad_cam",
        "judge_on_gpu",
    ),
    "speeds": ("limits",),
}


def main() -> None:
    """Run jobs until standard input ends."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # nobody reads the warnings of a worker
    serve({job: partial(_set_up, module, job) for module, jobs in MODULES.items() for job in jobs})


def _set_up(module: str, job: str, given: Given) -> Job:
    made: Job = getattr(import_module(f".{module}", __package__), job)(given)
    return made
