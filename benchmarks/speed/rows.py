"""Rows of the table: each measurement with its goal and whether it is met."""

from collections.abc import Mapping
from dataclasses import replace

from .growth import FLAT, JOBS, LINEAR, MANY, Growth
from .pairs import spread, times_as_fast
from .plan import MEMORY_GOAL_BYTES, OURS, PAPER, WAY_GOAL, Run, Stage
from .results import Row
from .stages import Measured
from .whole_way import EPOCHS, Counts, our_way_s, paper_way_s
from .words import duration, size, speed, speed_goal

_UNKNOWN = "the system does not tell the memory of a process"


def stage_rows(stage: Stage, measured: Measured, *, limit_s: float | None) -> list[Row]:
    """Return a row for each rival; limit_s: the least time for one ECG."""
    rows = [_row(stage, rival, measured, limit_s=limit_s) for rival in stage.rivals]
    apart, allowed = measured.apart, stage.same
    if apart is None or allowed is None:
        return rows
    if not apart <= allowed:  # NaN is not the same either
        rows[0] = replace(rows[0], met=False, note=f"the results differ by {apart:.1e}")
    else:
        to = f" to {apart:.0e} of their range" if apart else ""
        rows[0] = replace(rows[0], note=f"the same results{to}")
    return rows


def rows_without(stage: Stage, why_not: str) -> list[Row]:
    """Return the rows of a stage that cannot be measured here."""
    nothing = Measured(missing={rival.name: why_not for rival in stage.rivals})
    return [_row(stage, rival, nothing, limit_s=None) for rival in stage.rivals]


def _row(stage: Stage, rival: Run, measured: Measured, *, limit_s: float | None) -> Row:
    row = Row(
        stage=stage.key,
        title=stage.title,
        against=rival.name,
        goal=speed_goal(rival.goal),
        limit=limit_s,
    )
    ours, theirs = measured.taken.get(OURS), measured.taken.get(rival.name)
    if ours:
        row = replace(row, ours=spread(ours.seconds).median, ours_bytes=ours.peak_bytes)
    if not (ours and theirs):
        return replace(row, why_not=measured.missing.get(rival.name) or measured.missing[OURS])
    faster, theirs_s = times_as_fast(ours.seconds, theirs.seconds), spread(theirs.seconds).median
    return replace(
        row,
        theirs=theirs_s,
        bound=None if rival.goal is None else theirs_s / rival.goal,
        theirs_bytes=theirs.peak_bytes,
        faster=faster,
        measured=speed(faster, goal=rival.goal),
        met=None if rival.goal is None else faster.median >= rival.goal,
    )


def way_rows(stages: Mapping[str, Measured], counts: Counts, *, limit_s: float) -> list[Row]:
    """Return the rows of the full pipeline in both precisions; limit_s: its least float32 time."""
    title = f"folder to trained and evaluated model, {EPOCHS} epochs"
    way = Row(stage="way", title=title, against=PAPER, goal=speed_goal(WAY_GOAL))
    in_bf16 = replace(way, stage="way_bf16", title=f"{title}, in bf16")
    way = replace(way, limit=limit_s / counts.records)
    return [
        _way_row(way, stages, counts, epoch="epoch"),
        _way_row(in_bf16, stages, counts, epoch="epoch_bf16"),
    ]


def _way_row(row: Row, stages: Mapping[str, Measured], counts: Counts, *, epoch: str) -> Row:
    """Return the row with its result, computed with the epochs of that stage."""
    if epoch not in stages:
        return replace(row, why_not="its epochs were not measured")
    ours_s = our_way_s(stages, counts, epoch=epoch)
    row = replace(row, ours=ours_s / counts.records)
    try:
        theirs_s = paper_way_s(stages, counts)
    except KeyError as error:
        return replace(row, why_not=f"{error.args[0]} was not measured")
    faster = spread([theirs_s / ours_s])
    return replace(
        row,
        theirs=theirs_s / counts.records,
        bound=theirs_s / counts.records / WAY_GOAL,
        faster=faster,
        measured=speed(faster, goal=WAY_GOAL),
        met=faster.median >= WAY_GOAL,
        note=f"added up for {counts.records:,} ECGs: {duration(ours_s)}, {duration(theirs_s)}",
    )


def memory_row(peak_bytes: float | None) -> Row:
    """Return the row of the memory of training with the whole store open."""
    row = Row(
        stage="memory",
        title="memory while training, the whole store open",
        unit="bytes",
        bound=MEMORY_GOAL_BYTES,
        goal=f"≤ {size(MEMORY_GOAL_BYTES)}",
    )
    if peak_bytes is None:
        return replace(row, why_not=_UNKNOWN)
    met = peak_bytes <= MEMORY_GOAL_BYTES
    return replace(row, ours=peak_bytes, measured=size(peak_bytes), met=met)


def growth_rows(growth: Mapping[str, Growth]) -> list[Row]:
    """Return for each job whether its time is linear in the ECGs, and its memory flat."""
    return [row for job, found in growth.items() for row in (_time(job, found), _flat(job, found))]


def _time(job: str, found: Growth) -> Row:
    return Row(
        stage=f"growth_{job}_time",
        title=f"{JOBS[job]}: time grows as ECGs to the power of",
        unit="power",
        ours=found.power,
        measured=f"{found.power:.2f}",
        bound=LINEAR,
        goal=f"≤ {LINEAR:.2f}",
        met=found.power <= LINEAR,
        note=f"{duration(found.slope_s)} an ECG more; {MANY:,} take {duration(found.many_s)}",
    )


def _flat(job: str, found: Growth) -> Row:
    first, *_, last = found.points
    row = Row(
        stage=f"growth_{job}_memory",
        title=f"{JOBS[job]}: memory at {last.ecgs:,} ECGs over that at {first.ecgs:,}",
        unit="times",
        bound=FLAT,
        goal=f"≤ {FLAT:.2f} ×",
    )
    if found.memory is None or last.own_bytes is None or found.many_bytes is None:
        return replace(row, why_not=_UNKNOWN)
    return replace(
        row,
        ours=found.memory,
        measured=f"{found.memory:.2f} ×",
        met=found.memory <= FLAT,
        note=f"{size(last.own_bytes)}; {MANY:,} would take {size(found.many_bytes)}",
    )
