"""Costs of the networks of the zoo: one ECG, from mV to probability and map, on one thread.

    OMP_NUM_THREADS=1 python benchmarks/study/costs.py

Weights do not change the time, so no run is needed. Writes costs.csv, which table.py shows.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from recipes import HERE, Run, configurations, recipe

from ecgcam.files import atomic_write
from ecgcam.inference.torch_engine import TorchEngine
from ecgcam.nn.complexity import measure_complexity
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.signals.leads import LEADS
from ecgcam.tasks import find_task

COSTS = HERE / "costs.csv"
VOCABULARY = {"superclass": ("NORM", "MI", "STTC", "CD", "HYP")}
ROUNDS = 200


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for name in ("crop5", *(name for name in configurations() if name.startswith("zoo-"))):
        network = _network(name)
        signal_mv = np.random.default_rng(0).normal(0, 1, (1, len(network.config.leads), 1000))
        predict = partial(TorchEngine(network), signal_mv.astype(np.float32))
        milliseconds = _median_ms(predict)
        cost = measure_complexity(network)
        rows.append((name, cost.parameters, cost.total, round(milliseconds, 2)))
        sys.stdout.write(f"{rows[-1]}\n")
    columns = ["configuration", "parameters", "multiply_accumulates", "milliseconds"]
    with atomic_write(COSTS) as temporary:
        pd.DataFrame(rows, columns=columns).to_csv(temporary, index=False)


def _network(name: str) -> Network:
    config = recipe(Run(name, 0), Path("runs"))
    form = NetworkConfig(
        classes=len(find_task(config.task, VOCABULARY).classes),
        backbone=config.network.backbone,
        backbone_config=config.network.arguments,
        preprocess=PreprocessConfig(**asdict(config.preprocessing)),
        leads=config.network.leads or LEADS,
    )
    return Network(form).eval()


def _median_ms(run: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


if __name__ == "__main__":
    main()
