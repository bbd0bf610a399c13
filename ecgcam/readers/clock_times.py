"""Times of day and dates in the cells of a table, as seconds."""

import re

import numpy as np
from numpy.typing import NDArray

_CLOCK = re.compile(
    r"[\[('\"]?(?:[\d./-]{6,10}[T, ]+)?"  # a date, which does not matter
    r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2}(?:[.,:]\d+)?)"
    r"(?:\s*([AaPp])\.?[Mm]\.?)?(?:Z|\s*[-+]\d\d:?\d\d)?(?:\s+[\d./-]{6,10})?[\])'\"]?"
)
_DAY_S = 86_400.0


def parse_clock(cell: str) -> float | None:
    """Return the seconds since midnight of "10:00:00.010", "0:01.5" or a date with a time.

    None for other text. The last colon of "10:00:00:010" is a decimal point.
    """
    match = _CLOCK.fullmatch(cell.strip())
    if match is None:
        return None
    hours, minutes, seconds, half = match.groups()
    afternoon = 12 * 3600 if half and half.lower() == "p" and int(hours or 0) < 12 else 0
    whole = int(hours or 0) * 3600 + int(minutes) * 60 + afternoon
    return whole + float(seconds.replace(",", ".").replace(":", "."))


def unwrap_midnight(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times of day that go on rising after midnight."""
    with np.errstate(invalid="ignore"):
        days = np.cumsum(np.diff(times_s, prepend=times_s[:1]) < -_DAY_S / 2)
    return times_s + days * _DAY_S
