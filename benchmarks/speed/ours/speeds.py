"""What the machine can do at best, in a process like those of the stages."""

from pathlib import Path

from ..limits import measure
from ..rivals.loop import Given, Job


def limits(given: Given) -> Job:
    """Its speeds, as limits.measure has them."""
    return Job(run=lambda: measure(Path(given["scratch"]), megabytes=given["megabytes"]), ecgs=1)
