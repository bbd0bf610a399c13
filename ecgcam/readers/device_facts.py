"""What is kept of a device's header besides the samples: age, sex and filters; no identity."""

from datetime import datetime

_SEX = {
    **dict.fromkeys(("m", "male", "mann", "maennlich", "männlich", "homme", "masculin"), "male"),
    **dict.fromkeys(("f", "female", "w", "frau", "weiblich", "femme", "feminin"), "female"),
}
_YEARS = {"y": 1.0, "a": 1.0, "j": 1.0, "m": 12.0, "w": 52.18, "d": 365.25, "h": 8766.0}
_MAX_AGE = 130.0
_DAYS_PER_YEAR = 365.25


def sex_of(text: str) -> str | None:
    """Return "male" or "female" for a device's word or letter; None for anything else."""
    return _SEX.get(text.strip().lower())


def age_in_years(number: float | None, unit: str = "years") -> float | None:
    """Return a plausible age in years; `unit` is a word such as "YEARS" or "mo"."""
    per_year = _YEARS.get(unit.strip().lower()[:1])
    if number is None or per_year is None:
        return None
    years = number / per_year
    return years if 0 < years <= _MAX_AGE else None


def age_between(birth: str, recorded: str, pattern: str = "%Y%m%d") -> float | None:
    """Return the age in whole years, from two dates in one pattern; None if one is no date."""
    length = len(datetime(2000, 1, 1).strftime(pattern))
    try:
        born = datetime.strptime(birth.strip()[:length], pattern)
        day = datetime.strptime(recorded.strip()[:length], pattern)
    except ValueError:
        return None
    years = (day - born).days / _DAYS_PER_YEAR
    return float(int(years + 0.002)) if 0 <= years <= _MAX_AGE and born.year > 1900 else None


def describe_filters(
    high_pass_hz: float | None = None,
    low_pass_hz: float | None = None,
    notch_hz: float | None = None,
) -> str | None:
    """Return for example "high-pass 0.05 Hz, low-pass 150 Hz, notch 50 Hz"; None if none is set."""
    filters = (("high-pass", high_pass_hz), ("low-pass", low_pass_hz), ("notch", notch_hz))
    return ", ".join(f"{name} {hz:g} Hz" for name, hz in filters if hz) or None
