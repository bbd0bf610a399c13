"""Cost of each map: passes through the network, and the CPU time for one ECG alone."""

from statistics import median
from time import process_time

import torch

from .attributions import IG_STEPS, Attribution, occlusion_starts
from .figures import Estimate, Figure
from .subject import Subject

_RUNS = 5


def cost_figures(subject: Subject) -> list[Figure]:
    """Measure the cost of each map for one ECG; gradients make a pass 2 to 4 times as long."""
    first = subject.prepared[:1]
    passes = {
        "evidence": 1,
        "integrated gradients": IG_STEPS,
        "occlusion": 1 + len(occlusion_starts(first.shape[-1])),
        "saliency": 1,
        "Grad-CAM": 1,
    }
    times = {name: _milliseconds(subject, map_of) for name, map_of in subject.maps.items()}
    return [
        Figure(
            name="passes",
            meaning="Passes through the network for the map of one ECG; with gradients for "
            "integrated gradients and saliency.",
            values={name: Estimate(value=passes[name]) for name in times},
        ),
        Figure(
            name="time (ms)",
            meaning="Time of one core of this machine for one ECG alone, the median of "
            f"{_RUNS} runs.",
            values={name: Estimate(value=round(ms, 3)) for name, ms in times.items()},
        ),
    ]


def _milliseconds(subject: Subject, map_of: Attribution) -> float:
    def run() -> float:
        start = process_time()
        map_of(subject.network, subject.prepared[:1], 0)
        return 1000 * (process_time() - start)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of several, the process's time would be the sum
    try:
        run()  # the first one warms up
        return median(run() for _ in range(_RUNS))
    finally:
        torch.set_num_threads(threads)
