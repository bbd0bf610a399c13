"""Text for the numbers of the benchmark."""

from .pairs import Spread

_UNITS_S = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def duration(seconds: float) -> str:
    """Return a duration as text: 3.4 µs, 85 ms, 12 s, 7.5 min; negative ones with a minus."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    scale, unit = next((u for u in _UNITS_S if seconds >= u[0]), (1e-9, "ns"))
    return f"{_short(seconds / scale)} {unit}"


def size(number: float) -> str:
    """Return a number of bytes as text: 850 MB, 1.2 GB."""
    return f"{_short(number / 1e9)} GB" if number >= 1e9 else f"{_short(number / 1e6)} MB"


def speed_goal(times_as_fast: float | None) -> str:
    """Return a goal as text: times as fast, or below 1 as a multiple of the rival's time."""
    if times_as_fast is None:
        return ""
    if times_as_fast < 1:
        return f"≤ {_short(1 / times_as_fast)} × its time"
    return f"≥ {_short(times_as_fast)} ×"


def speed(faster: Spread, *, goal: float | None) -> str:
    """Return a result in the form of its goal, with the quartiles of pairs in brackets."""
    if goal is not None and goal < 1:
        low, middle, high = (_short(1 / x) for x in (faster.high, faster.median, faster.low))
        said = f"{middle} × its time"
    else:
        low, middle, high = (_short(x) for x in (faster.low, faster.median, faster.high))
        said = f"{middle} ×"
    return said if low == high else f"{said} ({low} to {high})"


def _short(number: float) -> str:
    """Return a number with three digits, without a power of ten."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"
