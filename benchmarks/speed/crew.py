"""Worker processes, started for a stage and ended with it, or kept for the next stage."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

from .workers import Kind, Worker, started

Hire = Callable[[Kind], Worker]


class Crew:
    """Workers of each kind; all of them end with its block.

    peers: the Python of the rivals; None: this one, which may lack some of their libraries.
    kept:  whether workers are reused for the next stage, whatever number of threads it wants. That
           saves their start; only a new worker shows the memory of a stage alone.
    """

    def __init__(self, scratch: Path, *, peers: Path | None, kept: bool) -> None:
        self._scratch = scratch
        self._python = {"ours": sys.executable, "rivals": str(peers or sys.executable)}
        self._kept = kept
        self._idle: dict[Kind, list[Worker]] = defaultdict(list)
        self._at_the_end = ExitStack()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._at_the_end.close()

    @contextmanager
    def stage(self) -> Iterator[Hire]:
        """Yield a function that returns a new worker at each call, until the stage ends."""
        hired: list[tuple[Kind, Worker]] = []
        with ExitStack() as after_the_stage:
            ending = self._at_the_end if self._kept else after_the_stage

            def hire(kind: Kind) -> Worker:
                kind = replace(kind, threads=None) if self._kept else kind
                idle = self._idle[kind]
                if not idle:
                    python = self._python[kind.side]
                    new = started(kind, python=python, scratch=self._scratch)
                    idle.append(ending.enter_context(new))
                hired.append((kind, idle.pop()))
                return hired[-1][1]

            yield hire
        if self._kept:
            for kind, worker in reversed(hired):  # the first is then the first to be hired again
                self._idle[kind].append(worker)

    def once(
        self, job: str, given: Mapping[str, Any], *, times: int = 1, gpu: bool = False
    ) -> dict[str, float]:
        """Run one of our jobs with one worker; return its seconds and its memory.

        times: how often it is run; of the seconds the median counts, of all else the maximum.
        """
        with self.stage() as hire:
            worker = hire(Kind(side="ours", gpu=gpu))
            worker.set_up(job, given)
            answers = [worker.run(watch=True) for _ in range(times)]
        most = {key: max(answer[key] for answer in answers) for key in answers[0]}
        return most | {"seconds": median(answer["seconds"] for answer in answers)}

    def versions(self, libraries: list[str]) -> dict[str, dict[str, str]]:
        """Return the versions of Python and of the libraries of each side."""
        with self.stage() as hire:
            return {
                "ecgcam": hire(Kind(side="ours")).versions(libraries),
                "peers": hire(Kind(side="rivals")).versions(libraries),
            }
