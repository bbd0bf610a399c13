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
    """Why a worker could not do what it was told to."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """threads: how many its libraries may use; None: as they like. gpu: whether it may see one."""

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
    """A process that sets up one job after the other, and does them when told to.

    orders, answers: its lines of JSON. log: whatever else it says.
    """

    def __init__(self, orders: IO[str], answers: IO[str], log: IO[str]) -> None:
        self._orders = orders
        self._answers = answers
        self._log = log

    def set_up(self, job: str, given: Mapping[str, Any]) -> int:
        """Make a job ready; how many ECGs one run of it treats."""
        return int(self._order({"do": "set up", "job": job, "given": dict(given)})["ecgs"])

    def run(self, *, watch: bool = False) -> dict[str, float]:
        """Do the job once: seconds, and with `watch` also what memory it took."""
        return self._order({"do": "run", "watch": watch})

    def save(self, path: Path) -> None:
        """Write what the last run gave to an .npy."""
        self._order({"do": "save", "path": str(path)})

    def versions(self, libraries: list[str]) -> dict[str, str]:
        """Of its Python, and of those libraries that are there."""
        return self._order({"do": "versions", "of": libraries})

    def _order(self, order: Mapping[str, Any]) -> dict[str, Any]:
        with suppress(BrokenPipeError):  # it has ended, and answers nothing
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
    """Libraries of the rivals that write to the user's home are given another."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = str(_HERE.parents[1]) if kind.side == "ours" else ""
    if kind.side == "rivals":
        environment["HOME"] = str(scratch)
    if kind.threads is not None:
        environment["OMP_NUM_THREADS"] = environment["MKL_NUM_THREADS"] = str(kind.threads)
    if not kind.gpu:
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return environment
