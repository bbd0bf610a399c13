"""Limit of the machine for each stage.

A stage has to read its bytes from files, move them through memory and do its multiplications; the
longest of the three is its limit. Real work needs more.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

INT16_BYTES = 2 * 12 * 1000  # of one ECG in a file or a store
FLOAT32_BYTES = 2 * INT16_BYTES  # of one in memory

_LAYERS = ((12, 16, 11, 1000), (16, 16, 7, 500), (16, 32, 7, 250), (32, 64, 7, 125))
_FIRST_FLOPS, *_LATER_FLOPS = (2 * i * o * k * time for i, o, k, time in _LAYERS)
FORWARD_FLOPS = _FIRST_FLOPS + sum(_LATER_FLOPS) + 2 * 64  # 11.4 million for one ECG
# A step also needs the gradient of each layer's weights, and of each input but the signal.
STEP_FLOPS = 3 * FORWARD_FLOPS - _FIRST_FLOPS
MAP_FLOPS = 2 * 64 * 125
DETREND_FLOPS = 2 * 2 * 12 * 1000 * 11  # onto the polynomials, and back

_MATRIX = 1024
_REPEATS = 5


@dataclass(frozen=True, kw_only=True)
class Work:
    """Minimum work of a stage for one ECG."""

    file_bytes: float = 0.0
    memory_bytes: float = 0.0
    flops: float = 0.0


WORK = {
    "store": Work(file_bytes=INT16_BYTES, memory_bytes=2 * INT16_BYTES),
    "preprocess": Work(memory_bytes=2 * FLOAT32_BYTES, flops=DETREND_FLOPS),
    "augment": Work(memory_bytes=2 * FLOAT32_BYTES),
    "step": Work(memory_bytes=FLOAT32_BYTES, flops=STEP_FLOPS),
    "epoch": Work(file_bytes=INT16_BYTES, memory_bytes=FLOAT32_BYTES, flops=STEP_FLOPS),
    "evaluate": Work(
        file_bytes=INT16_BYTES, memory_bytes=FLOAT32_BYTES, flops=FORWARD_FLOPS + DETREND_FLOPS
    ),
    "one": Work(memory_bytes=FLOAT32_BYTES, flops=FORWARD_FLOPS + DETREND_FLOPS + MAP_FLOPS),
    "map": Work(memory_bytes=FLOAT32_BYTES, flops=FORWARD_FLOPS + MAP_FLOPS),
}


SPEEDS = ("file_bytes_s", "memory_bytes_s", "flops_s", "flops_s_one_thread", "threads")


def measure(scratch: Path, *, megabytes: int) -> dict[str, float]:
    """Measure bytes per second from cached files and through memory, and FLOPs per second.

    megabytes: amount to read and to copy. FLOPs are those of float32 matrix products, with all
    `threads` and with one. The best of several repeats counts.
    """
    import torch

    threads = torch.get_num_threads()
    found = {
        "file_bytes_s": _file_speed(scratch / "limit", megabytes * 2**20),
        "memory_bytes_s": _memory_speed(megabytes * 2**20),
    }
    for name, count in (("flops_s", threads), ("flops_s_one_thread", 1)):
        torch.set_num_threads(count)
        found[name] = _matrix_speed()
    torch.set_num_threads(threads)
    return found | {"threads": float(threads)}


def limit_s(work: Work, speeds: Mapping[str, float], *, threads: int | None = None) -> float:
    """Return the least time for one ECG at the measured speeds, with one thread or all."""
    return max(
        work.file_bytes / speeds["file_bytes_s"],
        work.memory_bytes / speeds["memory_bytes_s"],
        work.flops / speeds["flops_s_one_thread" if threads == 1 else "flops_s"],
    )


def _file_speed(path: Path, size: int) -> float:
    np.ones(size, np.uint8).tofile(path)
    target = np.empty(size, np.uint8)

    def read() -> None:
        with path.open("rb", buffering=0) as file:
            file.readinto(target.data)

    read()
    speed = size / _best_s(read)
    path.unlink()
    return speed


def _memory_speed(size: int) -> float:
    """Return the bytes read and written per second when all threads copy."""
    import torch

    source = torch.ones(size, dtype=torch.uint8)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * size / _best_s(lambda: target.copy_(source))


def _matrix_speed() -> float:
    import torch

    left, right = torch.rand(_MATRIX, _MATRIX), torch.rand(_MATRIX, _MATRIX)
    out = torch.mm(left, right)
    return 2 * _MATRIX**3 / _best_s(lambda: torch.mm(left, right, out=out))


def _best_s(run: Callable[[], object]) -> float:
    taken = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return min(taken)
