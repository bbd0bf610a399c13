"""The results as a table for the terminal, and in sentences."""

from typing import TYPE_CHECKING

from .results import SECONDS, Results, Row, named
from .words import duration, size

if TYPE_CHECKING:
    from rich.table import Table

_VERDICTS = {True: "[green]met[/green]", False: "[bold red]missed[/bold red]", None: ""}


def draw_table(results: Results) -> "Table":
    """Draw a line for each row. Times are for one ECG; quartiles of the pairs in brackets."""
    from rich.table import Table

    table = Table(
        caption=f"Times are of one ECG, batches hold {results.about['batch']}; brackets hold the "
        "quartiles of the pairs."
    )
    for heading in ("stage", "ours", "against", "theirs", "we are", "goal", ""):
        table.add_column(heading)
    for heading in ("over the limit", "our memory", "theirs"):
        table.add_column(heading, justify="right")
    before = ""
    for row in results.rows:
        if row.stage != before:
            table.add_section()
        table.add_row(*_cells(row, first=row.stage != before))
        before = row.stage
    return table


def sentences(results: Results) -> list[str]:
    """Return sentences: what was not measured, the missed goals, and their number."""
    unknown = [f"not measured: {named(row)}: {row.why_not}." for row in results.not_measured]
    missed = [
        f"missed: {named(row)}: {row.measured}; {row.goal} is needed." for row in results.missed
    ]
    goals = [row for row in results.rows if row.goal]
    judged = [row for row in goals if row.met is not None]
    count = f"{len(judged)} of {len(goals)} goals were judged, {len(missed)} of them missed."
    return [*unknown, *missed, count]


def _cells(row: Row, *, first: bool) -> list[str]:
    """Print our time once for all rivals of a stage."""
    over, held = row.times_limit, row.ours_bytes
    return [
        row.title if first else "",
        _value(row.ours, row.unit) if first else "",
        row.against,
        _value(row.theirs, row.unit),
        "not measured" if row.why_not else row.measured,
        row.goal,
        _VERDICTS[row.met],
        f"{over:.3g} ×" if first and over else "",
        size(held) if first and held else "",
        size(row.theirs_bytes) if row.theirs_bytes else "",
    ]


def _value(value: float | None, unit: str) -> str:
    """Return a value with its unit; "" for a ratio, which has a column of its own."""
    if value is None:
        return ""
    if unit == SECONDS:
        return duration(value)
    return size(value) if unit == "bytes" else ""
