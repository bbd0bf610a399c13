"""Memory that is freed: kept by the process where it is soon needed again, given back elsewhere.

glibc gives the memory of each batch back to the system, which clears its pages before it lends
them again: thousands of page faults a training step, half the time of judging an ECG
(docs/performance.md). Other C libraries have no such setting, and stay as they are.
"""

import ctypes
import os
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_MOST_FROM_HEAP = 32 * 2**20  # bytes; glibc takes no larger M_MMAP_THRESHOLD

FOR_JUDGING = 64 * 2**20  # bytes: the activations of a batch
FOR_TRAINING = 2**30

_kept = 0


def keep_freed_memory(most: int) -> None:
    """Let the process keep up to so many bytes that are free, from now on; never fewer than before.

    most: at most 2 GiB less one byte. Of blocks above 32 MiB nothing is kept.
    """
    global _kept
    if most <= _kept:
        return
    mallopt = _of_libc("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, min(most, _MOST_FROM_HEAP))
        mallopt(_M_TRIM_THRESHOLD, most)
    _kept = most


def give_back_freed_memory() -> None:
    """Give the system what is free, as after a table was read, which takes twice its own size."""
    import pyarrow

    pyarrow.default_memory_pool().release_unused()
    malloc_trim = _of_libc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _of_libc(name: str) -> Any:
    """A function of the process's C library, or None; Windows cannot be asked for it."""
    return None if os.name == "nt" else getattr(ctypes.CDLL(None), name, None)
