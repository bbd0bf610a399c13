"""Worker processes: ours in this Python, the rivals' in their own environment."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal, cast

Side = Literal["ours", "rivals"]

_HERE = Path(__file__).parent
# -c, so that the processes which a worker starts do not import it anew; -P, so that files of the
# folder it works in are no modules
_OURS = "from benchmarks.speed.ours.worker import main; main()"
_RIVALS = f"import sys; sys.path.append({str(_HERE)!r}); from rivals.worker import main; main()"


class NotMeasured(Exception):
    """A worker could not do its job; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Kind of worker.

    threads: number that its libraries may use; None: no limit. gpu: whether it may use one.
    """

    side: Side
    threads: int | None = None
    gpu: bool = False


@contextmanager
def started(kind: Kind, *, python: str, scratch: Path) -> Iterator["Worker"]:
    """Yield a worker until the block ends.

    python: of the side's environment. scratch: a folder for what it and its libraries write.
    """
    with (
        TemporaryFile("w+", dir=scratch, encoding="utf-8") as log,
        subprocess.Popen(
            [python, "-P", "-c", _OURS if kind.side == "ours" else _RIVALS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
            cwd=scratch,
            env=_environment(kind, scratch),
        ) as process,
    ):
        orders, answers = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        try:
            yield Worker(orders, answers, log)
        except BaseException:
            process.kill()  # whatever it is doing
            raise
        finally:
            with suppress(BrokenPipeError):
                orders.close()  # it ends with its orders


class Worker:
    """A process that sets up jobs and runs them on demand.

    orders, answers: lines of JSON. log: its other output.
    """

    def __init__(self, orders: IO[str], answers: IO[str], log: IO[str]) -> None:
        self._orders = orders
        self._answers = answers
        self._log = log

    def set_up(self, job: str, given: Mapping[str, Any]) -> int:
        """Set up a job; return the number of ECGs in a run."""
        return int(self._order({"do": "set up", "job": job, "given": dict(given)})["ecgs"])

    def run(self, *, watch: bool = False) -> dict[str, float]:
        """Run the job once; return its seconds, and with `watch` its memory."""
        return self._order({"do": "run", "watch": watch})

    def save(self, path: Path) -> None:
        """Write the result of the last run to an .npy file."""
        self._order({"do": "save", "path": str(path)})

    def versions(self, libraries: list[str]) -> dict[str, str]:
        """Return the versions of its Python and of the libraries that it has."""
        return self._order({"do": "versions", "of": libraries})

    def _order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        with suppress(BrokenPipeError):  # it has ended
            self._orders.write(json.dumps(order) + "\n")
            self._orders.flush()
        line = self._answers.readline()
        if not line:
            raise NotMeasured(f"the worker ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise NotMeasured(answer["error"])
        return answer

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else "without a word"


def _environment(kind: Kind, scratch: Path) -> dict[str, str]:
    """Return the environment of a worker, with another home for libraries that write to it."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = str(_HERE.parents[1]) if kind.side == "ours" else ""
    if kind.side == "rivals":
        environment["HOME"] = str(scratch)
    if kind.threads is not None:
        environment["OMP_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = str(kind.threads)
    if not kind.gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment
