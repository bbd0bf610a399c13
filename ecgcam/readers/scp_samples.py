"""Samples of SCP-ECG: differences, decimation between beats, and subtracted reference beats."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .scp_huffman import HuffmanTables

_MAX_CODED_SAMPLES = 2_000_000  # of all leads


@dataclass(frozen=True, kw_only=True)
class ScpLead:
    """One lead: its first and last sample, counted from 1, and its number in the standard."""

    start: int
    end: int
    number: int

    @property
    def samples(self) -> int:
        return self.end - self.start + 1


@dataclass(frozen=True, kw_only=True, eq=False)
class _Beats:
    """Reference beat and where it was subtracted (sections 4 and 5).

    zones: type, first sample, fiducial point and last sample of each beat, counted from 1.
    protected: first and last sample of each QRS complex that was not decimated.
    rows: the reference beat of each lead, in nV. fiducial: its fiducial point.
    """

    interval_us: int
    fiducial: int
    zones: list[tuple[int, int, int, int]]
    protected: list[tuple[int, int]]
    rows: list[NDArray[np.int64]]


def decode_rhythm(
    sections: Mapping[int, bytes],
    leads: list[ScpLead],
    tables: HuffmanTables | None,
    *,
    subtracted: bool,
) -> tuple[list[NDArray[np.int64]], int]:
    """Return the samples of each lead in nV, and their interval in µs.

    subtracted: whether a reference beat was subtracted from the rhythm.
    """
    body = sections[6]
    bimodal = len(body) > 5 and body[5] == 1
    if not (bimodal or subtracted):
        return _decode(body, [lead.samples for lead in leads], tables)
    beats = _beats(sections, len(leads), tables)
    if bimodal:
        rows, interval_us = _decode_bimodal(body, leads, tables, beats)
    else:
        rows, interval_us = _decode(body, [lead.samples for lead in leads], tables)
    if subtracted:
        _add_beats(rows, leads, beats, interval_us)
    return rows, interval_us


def _decode(
    body: bytes, counts: list[int], tables: HuffmanTables | None
) -> tuple[list[NDArray[np.int64]], int]:
    """Return the samples of each lead of section 5 or 6, in nV, and the interval in µs."""
    if len(body) < 6 + 2 * len(counts):
        raise RecordError("a section with samples was cut short.")
    nanovolts, interval_us, differences = struct.unpack_from("<HHB", body)
    sizes = struct.unpack_from(f"<{len(counts)}H", body, 6)
    if not nanovolts or not interval_us or differences > 2:
        raise RecordError(
            f"its samples have {nanovolts} nV a step and {interval_us} µs between them, in "
            f"differences of order {differences}."
        )
    if tables is not None and sum(counts) > _MAX_CODED_SAMPLES:
        raise RecordError(f"it promises {sum(counts)} samples in {len(body)} bytes.")
    rows, position = [], 6 + 2 * len(counts)
    for lead, (size, count) in enumerate(zip(sizes, counts, strict=True), start=1):
        part = body[position : position + size]
        position += size
        if count > (8 * len(part) if tables is not None else len(part) // 2):
            raise RecordError(f"its lead {lead} has {len(part)} bytes for {count} samples.")
        if tables is not None:
            values = tables.decode(part, count)
        else:
            values = np.frombuffer(part, "<i2", count=count).astype(np.int64)
        rows.append(_sum_up(values, differences) * nanovolts)
    return rows, interval_us


def _sum_up(values: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Return the samples of first or second differences; the first one or two are stored whole."""
    if order == 0 or len(values) < 2:
        return values
    if order == 1:
        return np.cumsum(values)
    steps = values.copy()
    steps[1] -= steps[0]
    steps[1:] = np.cumsum(steps[1:])
    return np.cumsum(steps)


def _beats(sections: Mapping[int, bytes], leads: int, tables: HuffmanTables | None) -> _Beats:
    """Read the positions of the beats (section 4) and the reference beat (section 5)."""
    where, body = sections.get(4, b""), sections.get(5, b"")
    if len(where) < 6 or len(body) < 6:
        raise RecordError("its reference beat is missing (sections 4 and 5).")
    length_ms, fiducial, count = struct.unpack_from("<HHH", where)
    if len(where) < 6 + 22 * count:
        raise RecordError(f"its section 4 gives {count} beats in {len(where)} bytes.")
    interval_us = struct.unpack_from("<H", body, 2)[0]
    samples = length_ms * 1000 // interval_us if interval_us else 0
    return _Beats(
        interval_us=interval_us,
        fiducial=fiducial,
        zones=[struct.unpack_from("<HIII", where, 6 + 14 * k) for k in range(count)],
        protected=sorted(
            struct.unpack_from("<II", where, 6 + 14 * count + 8 * k) for k in range(count)
        ),
        rows=_decode(body, [samples] * leads, tables)[0],
    )


def _decode_bimodal(
    body: bytes, leads: list[ScpLead], tables: HuffmanTables | None, beats: _Beats
) -> tuple[list[NDArray[np.int64]], int]:
    """Return the leads at the rate of the reference beat, and its interval in µs."""
    interval_us = struct.unpack_from("<H", body, 2)[0] if len(body) >= 6 else 0
    factor = interval_us // (beats.interval_us or 1)
    if not 1 <= factor <= 8 or interval_us != factor * beats.interval_us:
        raise RecordError(
            f"its rhythm has {interval_us} µs between samples, its reference beat "
            f"{beats.interval_us}; expected a small multiple."
        )
    if max(lead.samples for lead in leads) > _MAX_CODED_SAMPLES:
        raise RecordError("its leads are longer than the file can hold.")
    runs = [_runs(lead, beats.protected) for lead in leads]
    counts = [
        sum(size if full else -(-size // factor) for size, full in lead_runs) for lead_runs in runs
    ]
    rows, _ = _decode(body, counts, tables)
    return [
        _undo_decimation(row, lead_runs, factor) for row, lead_runs in zip(rows, runs, strict=True)
    ], beats.interval_us


def _runs(lead: ScpLead, protected: list[tuple[int, int]]) -> list[tuple[int, bool]]:
    """Return the lengths of the stretches of a lead, and whether each was kept at full rate."""
    runs: list[tuple[int, bool]] = []
    position = lead.start
    for first, last in protected:
        first, last = max(first, position), min(last, lead.end)
        if last < first:
            continue
        runs += [(first - position, False), (last - first + 1, True)]
        position = last + 1
    return [run for run in [*runs, (lead.end - position + 1, False)] if run[0] > 0]


def _undo_decimation(
    row: NDArray[np.int64], runs: list[tuple[int, bool]], factor: int
) -> NDArray[np.int64]:
    """Interpolate between the QRS complexes, where one sample stands for several."""
    parts, position = [], 0
    for size, full in runs:
        count = size if full else -(-size // factor)
        part = row[position : position + count]
        position += count
        if not full:
            centers = np.arange(count) * factor + (factor - 1) / 2
            part = np.rint(np.interp(np.arange(size), centers, part)).astype(np.int64)
        parts.append(part)
    return np.concatenate(parts)


def _add_beats(
    rows: list[NDArray[np.int64]], leads: list[ScpLead], beats: _Beats, interval_us: int
) -> None:
    """Add the reference beat, in place, where beats of its type were recorded."""
    if interval_us != beats.interval_us:
        raise RecordError("its reference beat has another rate than its rhythm; not supported.")
    for row, lead, beat in zip(rows, leads, beats.rows, strict=True):
        for kind, first, fiducial, last in beats.zones:
            shift = fiducial - beats.fiducial + 1  # the sample at which the beat starts
            first = max(first, lead.start, shift)
            last = min(last, lead.end, shift + len(beat) - 1)
            if kind == 0 and first <= last:
                row[first - lead.start : last - lead.start + 1] += beat[
                    first - shift : last - shift + 1
                ]
