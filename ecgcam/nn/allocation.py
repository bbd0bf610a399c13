"""Memory allocation during training."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def keep_freed_memory() -> None:
    """Let glibc keep up to 1 GiB of freed memory for the next training step.

    Otherwise each step returns its activations to the system and takes some 10,000 page faults to
    get them back: an epoch takes 1.15 to 1.4 times as long (docs/performance.md). Other C
    libraries have no such setting; there nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)  # the largest value that glibc accepts
        mallopt(_M_TRIM_THRESHOLD, 2**30)
