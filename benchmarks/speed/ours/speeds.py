"""Speeds of the machine, measured in a process like those of the stages."""

from pathlib import Path

from ..limits import measure
from ..rivals.loop import Given, Job


def limits(given: Given) -> Job:
    """Measure the speeds of the machine (limits.py)."""
    return Job(run=lambda: measure(Path(given["scratch"]), megabytes=given["megabytes"]), ecgs=1)
