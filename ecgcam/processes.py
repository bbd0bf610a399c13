"""Long-running work: pools of worker processes, and the callback that reports progress."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from multiprocessing.context import SpawnContext, SpawnProcess
from threading import Thread
from types import ModuleType
from typing import TypeVar

Progress = Callable[[int, int], None]  # called with the work done and the total

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Task = TypeVar("Task")
Result = TypeVar("Result")


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def worker_pool(jobs: int) -> ProcessPoolExecutor:
    """Return a pool of new processes that end with their parent.

    They are spawned: forking a process with threads (of torch, of a notebook) can deadlock.
    """
    return ProcessPoolExecutor(jobs, _Context(), _end_with_parent)


def parallel_map(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, jobs: int
) -> Iterator[Result]:
    """Like `map`, in so many processes. After an error or Ctrl-C, no further task is begun."""
    if jobs <= 1:
        yield from map(function, tasks)
        return
    with worker_pool(jobs) as pool:
        yield from pool.map(function, tasks)


class _Process(SpawnProcess):
    """A spawned process of one thread that does not run the caller's script.

    Python runs it again in each spawned process, which fails in a script without
    `if __name__ == "__main__":`; no task of ours needs it. With one process for each core, NumPy's
    own threads would only wait for each other.
    """

    def start(self) -> None:
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        unset = [name for name in _THREADS if name not in os.environ]
        os.environ.update(dict.fromkeys(unset, "1"))  # NumPy reads them when it is imported
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script
            for name in unset:
                del os.environ[name]


class _Context(SpawnContext):
    Process = _Process


def _end_with_parent() -> None:
    """Make a worker process ignore Ctrl-C, which its parent handles, and end when its parent ends.

    A worker whose parent was killed would wait for work forever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def wait() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    Thread(target=wait, daemon=True).start()
