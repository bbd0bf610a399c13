"""Results as rows with their goals, and results.json."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ecgcam.files import atomic_write

from .growth import Growth
from .pairs import Spread

SECONDS = "seconds an ECG"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A stage of ours against another implementation, or against a bound.

    ours, theirs, limit: in `unit`; None if unknown. bound: largest value that meets the goal.
    faster:  how many times as fast we are, by pairs.
    measured, goal: in words; "" where there is none.
    met:     whether the goal is met; None if there is no goal or no measurement.
    why_not: the reason where it was not measured.
    """

    stage: str
    title: str
    unit: str = SECONDS
    ours: float | None = None
    against: str = ""
    theirs: float | None = None
    faster: Spread | None = None
    measured: str = ""
    goal: str = ""
    met: bool | None = None
    bound: float | None = None
    limit: float | None = None
    ours_bytes: float | None = None
    theirs_bytes: float | None = None
    note: str = ""
    why_not: str = ""

    @property
    def times_limit(self) -> float | None:
        """Our time over the limit."""
        return self.ours / self.limit if self.ours and self.limit else None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Results of a benchmark.

    about: the machine, versions, speeds, data, and duration of the benchmark.
    """

    rows: tuple[Row, ...]
    growth: Mapping[str, Growth]
    about: Mapping[str, Any]

    @property
    def missed(self) -> tuple[Row, ...]:
        """Rows whose goal is not met."""
        return tuple(row for row in self.rows if row.met is False)

    @property
    def not_measured(self) -> tuple[Row, ...]:
        """Rows that could not be measured on this machine or in this environment."""
        return tuple(row for row in self.rows if row.why_not)

    def to_dict(self) -> dict[str, Any]:
        """Return the contents of results.json."""
        return {
            **self.about,
            "rows": [asdict(row) | {"times_limit": row.times_limit} for row in self.rows],
            "growth": {job: asdict(growth) for job, growth in self.growth.items()},
            "missed": [named(row) for row in self.missed],
            "not_measured": {named(row): row.why_not for row in self.not_measured},
        }


def named(row: Row) -> str:
    """Return the title of a row: the stage and its rival."""
    return f"{row.title}, against {row.against}" if row.against else row.title


def without_verdicts(rows: list[Row]) -> list[Row]:
    """Return the rows without verdicts, for a run too short to judge goals by."""
    return [replace(row, met=None) for row in rows]


def write_results(results: Results, path: Path) -> Path:
    """Write results.json, whole or not at all."""
    with atomic_write(path) as temporary:
        text = json.dumps(results.to_dict(), indent=1, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return path
