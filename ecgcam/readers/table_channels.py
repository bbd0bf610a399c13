"""Channels of a table: which columns are leads, which one holds times, and which are neither."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import LEADS, MINUS, lead_name, millivolts_per
from .channels import Channel, Recording
from .sample_times import Timing, counts_rows, find_timing


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One column of a table.

    name:   as in the header; "" where it has none.
    unit:   from a row of units; "" where there is none.
    values: numbers, or the seconds of a clock; NaN where missing; None for a column of text.
    clock:  whether the cells were times of day or dates, so that the values are seconds.
    """

    name: str
    unit: str
    values: NDArray[np.float64] | None
    clock: bool = False


_TIME_WORDS = {
    *("time", "times", "t", "timestamp", "timestamps", "seconds", "second", "sec", "secs", "s"),
    *("ms", "msec", "millis", "milliseconds", "elapsed", "elapsedtime", "timestep", "clock"),
    *("date", "datetime", "zeit", "zeitstempel", "tiempo", "temps", "tempo", "tid", "czas"),
    *("samplingtime", "sampletime", "timeelapsed", "relativetime", "epoch", "us", "microseconds"),
    *("timeaxis", "uhrzeit", "hora", "heure", "时间", "時間", "время"),
}
_INDEX_WORDS = {
    *("", "index", "idx", "id", "n", "k", "no", "nr", "row", "rows", "sample", "samples"),
    *("samplenumber", "sampleno", "samplenr", "sampleindex", "unnamed0", "number", "counter"),
    *("packet", "seq", "sequence", "point", "points", "frame"),
}
TIME_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), "ns"),
}
_OTHER_UNITS = {
    *("%", "mmhg", "kpa", "cmh2o", "bpm", "1/min", "/min", "c", "°c", "degc", "f", "ohm", "ohms"),
    *("kohm", "kω", "ω", "g", "m/s2", "a.u.", "au", "adu", "adc", "lsb", "counts", "count", "raw"),
    *("nu", "ml", "l", "l/min", "pm", "hz", "ma", "ua", "µa"),
}
_MOST_LEADS = 64
_UNIT_IN_BRACKETS = re.compile(r"(.*?)\s*[(\[{<]\s*(.+?)\s*[)\]}>]\s*")
_UNIT_AFTER = re.compile(r"(.+?)\s*([\s_/,:.-])\s*([^\s_/,:.-]+)")
_LEADLIKE = re.compile(r"[-+]?(?:a?v[rlf]|v\d{1,2}[rl]?|i{1,3}|v?[xyz]|[cm][a-z]?\d|ecg.*)", re.I)


def split_unit(cell: str) -> tuple[str, str]:
    """Return ("V1", "uV") for "V1 (uV)", "V1 [uV]", "V1_uV" or "V1 uV", and ("V1", "") for "V1"."""
    match = _UNIT_IN_BRACKETS.fullmatch(cell)
    if match and _is_unit(match[2]):
        return match[1].strip(), match[2]
    match = _UNIT_AFTER.fullmatch(cell)
    if match and _is_unit(match[3]) and (len(match[3]) > 1 or match[2] in "/_"):
        return match[1].strip(), match[3]  # a letter after a space belongs to the name: "aV L"
    return cell, ""


def _is_unit(word: str) -> bool:
    """Return whether a word is a unit."""
    if word.lower() in _OTHER_UNITS or word.lower() in TIME_UNITS:
        return True
    try:
        return millivolts_per(word) > 0
    except RecordError:
        return False


def channels_of_table(
    columns: Sequence[Column], *, rate_hz: float | None = None, unit: str | None = None
) -> Recording:
    """Make channels of the columns of a table, with the rate of its times.

    rate_hz, unit: from elsewhere in the file, where the columns do not say. Columns of text, of
    times and of counters are no channels.
    """
    columns = [_with_unit(column) for column in columns]
    warnings: list[str] = []
    text = [column.name for column in columns if column.values is None and column.name]
    if text:
        warnings.append(f"columns left out, holding text: {', '.join(text)}")
    numbers = [column for column in columns if column.values is not None]
    times = _find_times(numbers)
    timing = None if times is None else _timing_of(times)
    signals = [column for column in numbers if not (_is_time(column) or _is_index(column))]
    signals = [column for column in signals if column is not times]
    if timing is not None:
        warnings += timing.warnings
        rate_hz = timing.rate_hz or rate_hz
        signals = [replace(c, values=_at_positions(c.values, timing.position)) for c in signals]
    signals, others = _leads_among(signals)
    if len(signals) > _MOST_LEADS:
        raise RecordError(
            f"{len(signals)} columns of numbers; expected one ECG, with one column or row per lead."
        )
    if others:
        warnings.append(f"columns left out, being no ECG lead: {', '.join(others)}")
    channels = tuple(
        Channel(name=c.name, samples=c.values, rate_hz=rate_hz, unit=c.unit or unit)
        for c in signals
        if c.values is not None
    )
    return Recording(channels=channels, name="", warnings=tuple(warnings))


def _with_unit(column: Column) -> Column:
    """Move a unit from the name of a column to its unit."""
    name, unit = split_unit(column.name)
    return replace(column, name=name, unit=column.unit or unit)


def _plain(name: str) -> str:
    """Return a name in lower case, without spaces and signs."""
    return re.sub(r"[\W_]+", "", name.lower())


def _find_times(columns: Sequence[Column]) -> Column | None:
    """Return the column of times: by its name, or a clock, or a first one that rises evenly."""
    named = [column for column in columns if _is_time(column)]
    for column in named:
        if column.clock or column.unit or not counts_rows(_values(column)):
            return column
    if named:
        return named[0]
    unnamed = columns[0] if columns and not columns[0].name else None
    return unnamed if unnamed and _rises(unnamed) and not _is_index(unnamed) else None


def _is_time(column: Column) -> bool:
    """Return whether a column is named as one of times, has a unit of time, or holds a clock."""
    unit = column.unit.lower()
    return column.clock or _plain(column.name) in _TIME_WORDS or unit in TIME_UNITS


def _is_index(column: Column) -> bool:
    """Return whether a column counts rows."""
    values = _values(column)
    named = _plain(column.name) in _INDEX_WORDS
    return (named and bool(column.name) and _rises(column)) or (
        (named or len(values) > 9) and counts_rows(values)
    )


def _rises(column: Column) -> bool:
    """Return whether values never fall, as no lead of an ECG does."""
    values = _values(column)
    return bool((np.diff(values) >= 0).all() and np.ptp(values) > 0)


def _values(column: Column) -> NDArray[np.float64]:
    """Return the values of a column of numbers."""
    assert column.values is not None
    return column.values


def _timing_of(times: Column) -> Timing:
    """Return the timing that a column of times gives; a clock counts seconds."""
    unit = TIME_UNITS.get(times.unit.lower()) or TIME_UNITS.get(_plain(times.name))
    return find_timing(_values(times), "s" if times.clock else unit)


def _at_positions(
    values: NDArray[np.float64] | None, position: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return samples at their places, and NaN where the table has no row for them."""
    assert values is not None
    if position[-1] == len(values) - 1:
        return values
    spread = np.full(int(position[-1]) + 1, np.nan)
    spread[position] = values
    return spread


def _leads_among(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """Return the columns that are leads, and the names of the others.

    Beside named leads, a column is one if it has a unit or if its name looks like a lead's.
    """
    if not any(lead_name(column.name).removeprefix(MINUS) in LEADS for column in columns):
        return list(columns), []
    leads = [c for c in columns if c.unit or _LEADLIKE.fullmatch(lead_name(c.name).strip())]
    kept = set(map(id, leads))
    return leads, [column.name or "(unnamed)" for column in columns if id(column) not in kept]
