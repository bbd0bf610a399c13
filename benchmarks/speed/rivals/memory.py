"""Peak memory of a process and its children, as Linux counts it."""

import os
import re
from pathlib import Path
from threading import Event, Thread

_EVERY_S = 0.02


class Watch:
    """Watches a block of code; `found` then holds its peak memory in bytes.

    peak_bytes: of this process and its children, with mapped files.
    own_bytes:  without mapped files, which the system frees when it needs the memory.
    `found` is empty where there is no /proc.
    """

    def __init__(self) -> None:
        self.found: dict[str, float] = {}
        self._over = Event()
        self._thread = Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        if _held(os.getpid()) is not None:
            Path("/proc/self/clear_refs").write_text("5")  # resets the peak
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._thread.is_alive():
            self._over.set()
            self._thread.join()
            self._look()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_S):
            self._look()

    def _look(self) -> None:
        """Watch memory: the process's own peak is exact, its children are sampled."""
        each = [held for held in map(_held, [os.getpid(), *_children()]) if held]
        peak, own = (sum(marks) for marks in zip(*each, strict=True))
        self.found = {
            "peak_bytes": max(self.found.get("peak_bytes", 0), peak),
            "own_bytes": max(self.found.get("own_bytes", 0), own),
        }


def _held(process: int) -> tuple[int, int] | None:
    """Return the peak of the resident memory, and the private memory now."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:  # it ended in the meantime, or this is not Linux
        return None
    marks = dict(re.findall(r"^(VmHWM|RssAnon):\s+(\d+) kB$", status, re.M))
    if len(marks) < 2:  # a process that has just ended holds nothing
        return None
    return int(marks["VmHWM"]) * 1024, int(marks["RssAnon"]) * 1024


def _children() -> list[int]:
    """Return the child processes that run a program of their own.

    Until then a child shares this process's memory, which would count twice.
    """
    found: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            found += map(int, task.read_text(encoding="utf-8").split())
        except OSError:  # the thread ended in the meantime
            continue
    own = _program(os.getpid())
    return [child for child in found if _program(child) != own]


def _program(process: int) -> bytes:
    """Return a process's command line; empty if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""
