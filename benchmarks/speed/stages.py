"""Measurement of a stage: ours in turn with the others, each in a process of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .crew import Crew
from .pairs import in_turn
from .plan import OURS, Stage
from .workers import Kind, NotMeasured, Worker


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Time and memory of one implementation of a stage.

    seconds:    for one ECG, round by round.
    peak_bytes: peak memory of the warm-up; None if unknown.
    first_s:    duration of its first epoch, in the last round; None for other jobs.
    """

    seconds: tuple[float, ...]
    peak_bytes: float | None = None
    first_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A stage: the times of each implementation by name, and why others could not be measured.

    apart: the largest difference between our result and the first rival's, over the range of
    theirs; None if there is nothing to compare.
    """

    taken: Mapping[str, Taken] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    apart: float | None = None


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """A worker with its job set up and warm."""

    worker: Worker
    ecgs: int
    peak_bytes: float | None


def measure_stage(
    stage: Stage, given: Mapping[str, Any], crew: Crew, *, most_rounds: int
) -> Measured:
    """Measure all implementations in turn; those that fail are named in `missing`, ours too.

    given: the input of each job, with `scratch`, a folder to write in.
    """
    ready: dict[str, _Ready] = {}
    missing: dict[str, str] = {}
    with crew.stage() as hire:
        for run in (run for run in stage.runs if not run.said):
            worker = hire(Kind(side=run.side, threads=stage.threads))
            try:
                ready[run.name] = _warmed(worker, run.job, given)
            except NotMeasured as error:
                missing[run.name] = str(error)
        rounds = min(stage.rounds, most_rounds)
        runs = {name: one.worker.run for name, one in ready.items()}
        answers, ended = in_turn(runs, rounds=rounds, unless=NotMeasured)
        missing |= {name: str(error) for name, error in ended.items()}
        apart = None
        compared = [run.name for run in stage.runs[:2]]
        if stage.same is not None and set(compared) <= set(answers):
            apart = _apart([ready[name].worker for name in compared], Path(given["scratch"]))
    taken = {name: _taken(ready[name], given) for name, given in answers.items()}
    for run in (run for run in stage.runs if run.said):
        if OURS in answers:
            said = [{"seconds": answer[run.said]} for answer in answers[OURS]]
            taken[run.name] = _taken(replace(ready[OURS], peak_bytes=None), said)
        else:
            missing[run.name] = missing[OURS]
    return Measured(taken=taken, missing=missing, apart=apart)


def _warmed(worker: Worker, job: str, given: Mapping[str, Any]) -> _Ready:
    """Set up a job and run it once to measure its memory."""
    ecgs = worker.set_up(job, given)
    return _Ready(worker=worker, ecgs=ecgs, peak_bytes=worker.run(watch=True).get("peak_bytes"))


def _taken(ready: _Ready, answers: list[dict[str, float]]) -> Taken:
    return Taken(
        seconds=tuple(answer["seconds"] / ready.ecgs for answer in answers),
        peak_bytes=ready.peak_bytes,
        first_s=answers[-1].get("first_s"),
    )


def _apart(workers: list[Worker], scratch: Path) -> float:
    """Return the largest difference of two workers' last results, over the range of the second.

    NaN if a result has NaN; infinite if the second is constant and they differ.
    """
    results = []
    for k, worker in enumerate(workers):
        path = scratch / f"result-{k}.npy"
        worker.save(path)
        results.append(np.load(path, mmap_mode="r"))
    ours, theirs = results
    if ours.shape != theirs.shape:
        return float("inf")
    rows = zip(ours, theirs, strict=True)  # one by one: float64 of all would fill the memory
    largest = np.max([np.abs(one - np.asarray(other, np.float64)).max() for one, other in rows])
    spread = float(theirs.max()) - float(theirs.min())  # in int16 it can be too large
    if not largest:
        return 0.0
    return float(largest) / spread if spread else float("inf")
