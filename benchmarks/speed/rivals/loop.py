"""A worker process: its orders are lines of JSON, each answered with one.

    {"do": "set up", "job": "step", "given": {…}}  {"ecgs": 128}, how many one run treats
    {"do": "run", "watch": false}                  {"seconds": 0.11}
    {"do": "save", "path": "x.npy"}                {"saved": "x.npy"}, what the last run gave
    {"do": "versions", "of": ["torch"]}            {"python": "3.11.4", "torch": "2.13.0"}

`watch` adds the memory of the run, at the price of an exact time. A failure is answered
with {"error": why}. The process ends with its input.
"""

import json
import os
import platform
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from .memory import Watch


@dataclass(frozen=True, kw_only=True)
class Job:
    """A stage that is set up.

    run:    runs the stage once. What it returns is added to the answer; "seconds" replaces the time
            of the whole run.
    ecgs:   number of ECGs in a run.
    result: the result of the run, for comparison; None where there is nothing to compare.
    """

    run: Callable[[], Mapping[str, float] | None]
    ecgs: int
    result: Callable[[], NDArray[Any]] | None = None


Given = Mapping[str, Any]
SetUp = Callable[[Given], Job]


def serve(set_ups: Mapping[str, SetUp]) -> None:
    """Answer orders until standard input ends."""
    orders, answers = _own_streams()
    worker = _Worker(set_ups)
    for line in orders:
        try:
            answer = worker.obey(json.loads(line))
        except ModuleNotFoundError as error:
            answer = {"error": f"{error.name} is not installed"}
        except Exception as error:  # the other process decides what an error means
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class _Worker:
    """The job that is set up, and the orders that it can be given."""

    def __init__(self, set_ups: Mapping[str, SetUp]) -> None:
        self.set_ups = set_ups
        self.job: Job | None = None

    def obey(self, order: Mapping[str, Any]) -> dict[str, Any]:
        if order["do"] == "versions":
            return _versions(order["of"])
        if order["do"] == "set up":
            self.job = None  # frees its memory before the next is set up
            self.job = self.set_ups[order["job"]](order["given"])
            return {"ecgs": self.job.ecgs}
        if self.job is None:
            raise ValueError("no job is set up")
        if order["do"] == "run":
            return _run(self.job, watch=order["watch"])
        if order["do"] == "save" and self.job.result is not None:
            np.save(order["path"], self.job.result())
            return {"saved": order["path"]}
        raise ValueError(f"cannot {order['do']}")


def _run(job: Job, *, watch: bool) -> dict[str, float]:
    if not watch:
        start = time.perf_counter()
        said = job.run()
        return {"seconds": time.perf_counter() - start, **(said or {})}
    with Watch() as memory:
        answer = _run(job, watch=False)
    return answer | memory.found


def _versions(libraries: list[str]) -> dict[str, str]:
    """Return the versions of the libraries that are installed."""
    found = {"python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _own_streams() -> tuple[TextIO, TextIO]:
    """Return standard input and output, kept apart from what libraries read or print."""
    orders = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return orders, answers
