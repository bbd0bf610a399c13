"""Basic measurements of an ECG: heart rate, PR, QRS, QT, corrected QT, and axis."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from .beats import heart_rate_bpm
from .record import Record
from .waves import Waves, find_waves

SHORTEST_RR_S, LONGEST_RR_S = 0.3, 3.0  # for a corrected QT
_FRACTION = 0.5  # of the beats must have a sure wave, for it to be measured
_LEAST_BEATS = 3
_SMALLEST_AREA_MV_S = 0.002  # of the QRS complex in the frontal plane, for an axis


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Medians over the beats whose waves are sure; None: not measured.

    heart_rate_bpm: 60 s over the median RR interval. pr_ms: onset of P to onset of QRS. qt_ms:
    onset of QRS to offset of T; qtc_bazett_ms, qtc_fridericia_ms: divided by the square and the
    cube root of the median RR interval in seconds. axis_deg: of the QRS complex in the frontal
    plane, 0 along lead I, 90 along aVF.
    """

    heart_rate_bpm: float | None
    pr_ms: float | None
    qrs_ms: float | None
    qt_ms: float | None
    qtc_bazett_ms: float | None
    qtc_fridericia_ms: float | None
    axis_deg: float | None

    def to_dict(self) -> dict[str, float | None]:
        """Return the measurements as JSON holds them."""
        return {
            name: None if value is None else round(float(value), 1)
            for name, value in asdict(self).items()
        }

    def in_words(self) -> tuple[str, ...]:
        """Return each measurement in words: "PR 160 ms", or "PR not measured"."""
        bazett_ms, fridericia_ms = self.qtc_bazett_ms, self.qtc_fridericia_ms
        qtc = "QTc not measured"
        if bazett_ms is not None and fridericia_ms is not None:
            qtc = f"QTc {bazett_ms:.0f} ms (Bazett), {fridericia_ms:.0f} ms (Fridericia)"
        return (
            _words("heart rate", self.heart_rate_bpm, " bpm"),
            _words("PR", self.pr_ms, " ms"),
            _words("QRS", self.qrs_ms, " ms"),
            _words("QT", self.qt_ms, " ms"),
            qtc,
            _words("axis", self.axis_deg, "°"),
        )


def _words(name: str, value: float | None, unit: str) -> str:
    return (
        f"{name} not measured" if value is None else f"{name} {value:.0f}{unit}".replace("-", "−")
    )


def measure(record: Record, waves: Waves | None = None) -> Measurements:
    """Measure a record; its waves are found unless they are given."""
    waves = waves or find_waves(record)
    rate_bpm = heart_rate_bpm(record)
    qt_ms = _median_ms(waves, "QT")
    return Measurements(
        heart_rate_bpm=rate_bpm,
        pr_ms=_median_ms(waves, "PR"),
        qrs_ms=_median_ms(waves, "QRS"),
        qt_ms=qt_ms,
        qtc_bazett_ms=_corrected_ms(qt_ms, rate_bpm, 1 / 2),
        qtc_fridericia_ms=_corrected_ms(qt_ms, rate_bpm, 1 / 3),
        axis_deg=_axis_deg(record, waves),
    )


def _corrected_ms(qt_ms: float | None, rate_bpm: float | None, power: float) -> float | None:
    """Return QT divided by a power of the RR interval in seconds; None if that is unusable."""
    if qt_ms is None or not rate_bpm or not SHORTEST_RR_S < 60 / rate_bpm < LONGEST_RR_S:
        return None
    return float(qt_ms / (60 / rate_bpm) ** power)


def intervals_ms(times_s: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return PR, QRS and QT of each beat of (beats, waves, 2): NaN where a wave is missing."""
    p, qrs, t = times_s[:, 0], times_s[:, 1], times_s[:, 2]
    return {
        "PR": 1000 * (qrs[:, 0] - p[:, 0]),
        "QRS": 1000 * (qrs[:, 1] - qrs[:, 0]),
        "QT": 1000 * (t[:, 1] - qrs[:, 0]),
    }


def _median_ms(waves: Waves, name: str) -> float | None:
    """Return the median over the beats that are sure of it; None with too few of them."""
    sure = np.where(waves.sure()[..., None], waves.times_s, np.nan)
    values = intervals_ms(sure)[name]
    known = values[np.isfinite(values)]
    if known.size < max(_LEAST_BEATS, _FRACTION * waves.count):
        return None
    return float(np.median(known))


def _axis_deg(record: Record, waves: Waves) -> float | None:
    """Return the direction of the mean QRS area in leads I and aVF; None where it is not sure."""
    if not {"I", "aVF"} <= set(record.leads):
        return None
    complexes = waves.times_s[waves.sure()[:, 1], 1]
    if len(complexes) < _LEAST_BEATS:
        return None
    area = np.median([_areas_mv_s(record, times_s) for times_s in complexes.tolist()], axis=0)
    x, y = area[0], area[1] * 2 / 3**0.5  # aVF is shorter than I by this factor
    if np.hypot(x, y) < _SMALLEST_AREA_MV_S:
        return None
    return float(np.degrees(np.arctan2(y, x)))


def _areas_mv_s(record: Record, times_s: list[float]) -> NDArray[np.float64]:
    """Return the areas (2,) of a QRS complex in leads I and aVF, over the line between its ends."""
    first, last = (round(time_s * record.rate_hz) for time_s in times_s)
    rows = [record.leads.index(lead) for lead in ("I", "aVF")]
    part = record.signal_mv[rows, max(first, 0) : last + 1].astype(np.float64)
    line = np.linspace(part[:, 0], part[:, -1], part.shape[1], axis=1)
    return np.asarray((part - line).sum(axis=1) / record.rate_hz)
