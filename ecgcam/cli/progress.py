"""Progress of long work: a bar on a terminal, plain lines elsewhere; with rate and time left."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

LINE_EVERY_S = 10.0


@contextmanager
def progress(title: str, *, later: bool = False) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call with the work done and the total.

    A bar goes when all is done. later: it appears at the first call, so that it can follow another.
    """
    if not sys.stderr.isatty():
        yield _lines(title)
        return
    bar, pace = _bar(title), Pace()
    (task,) = bar.task_ids
    if not later:
        bar.start()

    def show(done: int, total: int) -> None:
        bar.start()
        pace.update(done)
        bar.update(task, completed=done, total=total, rate=pace.in_words())
        if done == total:
            bar.stop()

    try:
        yield show
    finally:
        bar.stop()


def _bar(title: str) -> "Progress":
    """Return a bar of rich with one task, not yet shown."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        *(TextColumn(title), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}"), TimeRemainingColumn()),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    bar.add_task(title, total=None, rate="")
    return bar


class Pace:
    """Speed of work since the first report, which may count the work of an earlier run."""

    def __init__(self) -> None:
        self._reports: list[tuple[float, int]] = []  # time and work done: the first and the last

    def update(self, done: int) -> None:
        """Note the work done so far."""
        self._reports = [*self._reports[:1], (time.monotonic(), done)]

    @property
    def per_second(self) -> float:
        """Work per second; 0 if not known yet."""
        (start_s, before), (now_s, done) = self._reports[0], self._reports[-1]
        return (done - before) / (now_s - start_s) if now_s > start_s else 0.0

    def in_words(self) -> str:
        """Return the speed, as in "210 a second" or "3 a minute"; "" if not known yet."""
        if not self.per_second:
            return ""
        if self.per_second >= 1:
            return f"{self.per_second:.0f} a second"
        return f"{self.per_second * 60:.0f} a minute"

    def left_in_words(self, total: int) -> str:
        """Return the time left, as in "1 min 5 s"; "" if not known yet."""
        if not self.per_second:
            return ""
        seconds = round((total - self._reports[-1][1]) / self.per_second)
        parts = [seconds // 3600, seconds % 3600 // 60, seconds % 60]
        units = zip(parts, ("h", "min", "s"), strict=True)
        words = [f"{number} {unit}" for number, unit in units if number or unit == "s"]
        return " ".join(words[:2])


def _lines(title: str) -> Callable[[int, int], None]:
    """Return a function that prints a line every ten seconds, and one at the end."""
    last = time.monotonic()
    pace = Pace()

    def show(done: int, total: int) -> None:
        nonlocal last
        pace.update(done)
        if done == total:
            typer.echo(f"{title}: {done} of {total}", err=True)
        elif time.monotonic() - last > LINE_EVERY_S:
            last = time.monotonic()
            left = f" ({pace.in_words()}, {pace.left_in_words(total)} left)"
            typer.echo(f"{title}: {done} of {total}{left if pace.per_second else ''}", err=True)

    return show
