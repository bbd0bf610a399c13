"""Record: one ECG in millivolts, with its sampling rate, leads and name."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .leads import LEADS, lead_name, lead_order


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One ECG.

    signal_mv: (leads, time), float32, in millivolts, finite.
    rate_hz:   samples per second.
    leads:     the name of each row of signal_mv, in our spelling.
    name:      name for files and titles: a file's stem or an id, never a person's name.
    warnings:  notes for a reader who relies on a prediction for this ECG.
    age_years, sex ("female" or "male"), filters (as the device wrote them): None where unknown.

    Raises RecordError for a wrong shape, a rate that is not positive, or values that are not
    finite.
    """

    signal_mv: NDArray[np.float32] = field(repr=False)
    rate_hz: float
    leads: tuple[str, ...] = LEADS
    name: str = ""
    warnings: tuple[str, ...] = ()
    age_years: float | None = None
    sex: str | None = None
    filters: str | None = None

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):  # too large becomes infinite, which is refused below
            signal = np.asarray(self.signal_mv, dtype=np.float32)
        object.__setattr__(self, "signal_mv", signal)
        if self.leads != LEADS:
            object.__setattr__(self, "leads", tuple(lead_name(lead) for lead in self.leads))
        if signal.ndim != 2 or len(signal) != len(self.leads) or signal.size == 0:
            raise RecordError(
                f"{self.name}: the signal has shape {signal.shape}; expected "
                f"({len(self.leads)} leads, time)."
            )
        if not (np.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise RecordError(f"{self.name}: the rate is {self.rate_hz} Hz; expected above 0.")
        finite = np.isfinite(signal)
        if not finite.all():
            rows = zip(self.leads, finite, strict=True)
            invalid = [lead for lead, row in rows if not row.all()]
            raise RecordError(
                f"{self.name}: invalid samples (NaN or infinite) in {', '.join(invalid)}: the "
                "device marked them as invalid, or the file is damaged."
            )

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return float(self.signal_mv.shape[1] / self.rate_hz)

    def with_leads(self, wanted: Sequence[str]) -> "Record":
        """Return the record with only the wanted leads, in that order.

        Raises RecordError if one is missing.
        """
        if tuple(wanted) == self.leads == LEADS:
            return self
        try:
            rows = lead_order(self.leads, wanted)
        except RecordError as error:
            raise RecordError(f"{self.name}: {error}") from None
        return replace(self, signal_mv=self.signal_mv[rows], leads=tuple(wanted))
