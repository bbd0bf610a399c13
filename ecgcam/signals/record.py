"""Record: one ECG in millivolts, with its sampling rate, leads and name."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .gaps import fill_gaps
from .leads import LEADS, MINUS, lead_names, lead_order, numbered_order
from .limb_leads import LIMB_LEADS, basis_of, limb_leads_agree, weights_of
from .stored import StoredSignal, append_sums, load_if_short, turn_over

Signals = NDArray[np.float32]

_CHECKED_S = 60.0  # in which the limb leads of numbered channels must agree


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One ECG.

    signal_mv: (leads, time), float32, in millivolts, finite. Short gaps (NaN) are filled. That of a
               long recording (20 million samples) stays in its file; `np.asarray` reads it.
    rate_hz:   samples per second.
    leads:     the name of each row of signal_mv, in our spelling. A lead given as "-aVR" is turned
               over and named aVR. Twelve numbered leads get the names of the usual order if their
               limb leads agree in it. The warnings say so.
    name:      name for files and titles: a file's stem or an id, never a person's name.
    warnings:  notes for a reader who relies on a prediction for this ECG.
    age_years, sex ("female" or "male"), filters (as the device wrote them): None where unknown.

    Raises RecordError for a wrong shape, a rate that is not positive, longer gaps, or infinite
    values.
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
        signal = self.signal_mv
        if isinstance(signal, StoredSignal):
            signal = load_if_short(signal)
        else:
            with np.errstate(over="ignore"):  # too large becomes infinite, which is refused below
                signal = np.asarray(signal, dtype=np.float32)
        object.__setattr__(self, "signal_mv", signal)
        if signal.ndim != 2 or len(signal) != len(self.leads) or signal.size == 0:
            raise RecordError(
                f"{self.name}: the signal has shape {signal.shape}; expected "
                f"({len(self.leads)} leads, time)."
            )
        if not (np.isfinite(self.rate_hz) and self.rate_hz > 0):
            raise RecordError(f"{self.name}: the rate is {self.rate_hz} Hz; expected above 0.")
        if self.leads != LEADS:
            self._name_leads()
        if isinstance(signal, np.ndarray) and not np.isfinite(signal).all():
            self._fill_gaps()

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return float(self.signal_mv.shape[1] / self.rate_hz)

    def with_leads(self, wanted: Sequence[str]) -> "Record":
        """Return the record with only the wanted leads, in that order.

        III, aVR, aVL and aVF are computed where they are missing and two of I, II and III are not;
        a warning says so. Raises RecordError if another lead is missing.
        """
        if tuple(wanted) == self.leads == LEADS:
            return self
        try:
            record = self._with_derived_leads([lead for lead in wanted if lead not in self.leads])
            rows = lead_order(record.leads, wanted)
        except RecordError as error:
            raise RecordError(f"{self.name}: {error}") from None
        return replace(record, signal_mv=record.signal_mv[rows], leads=tuple(wanted))

    def stretch(self, start_s: float = 0.0, seconds: float | None = None) -> "Record":
        """Return the part from `start_s` on, as long as `seconds` (None: to the end).

        A warning names the part. Raises RecordError if it starts before 0 or after the end, or
        would be empty.
        """
        end_s = self.duration_s if seconds is None else min(start_s + seconds, self.duration_s)
        first, last = round(start_s * self.rate_hz), round(end_s * self.rate_hz)
        if not 0 <= first < last:
            raise RecordError(
                f"{self.name}: it lasts {self.duration_s:.4g} s; there is nothing from "
                f"{start_s:g} s for {'the rest' if seconds is None else f'{seconds:g} s'}."
            )
        if last - first == self.signal_mv.shape[1]:
            return self
        part = replace(self, signal_mv=self.signal_mv[:, first:last])
        return part.with_warnings(
            f"only {start_s:g} to {end_s:.4g} s of {self.duration_s:.4g} s were used"
        )

    def with_warnings(self, *warnings: str) -> "Record":
        """Return the record with these warnings added, each once."""
        return replace(self, warnings=tuple(dict.fromkeys((*self.warnings, *warnings))))

    def _with_derived_leads(self, missing: Sequence[str]) -> "Record":
        """Return the record with the limb leads among the missing ones that can be computed."""
        derived = [lead for lead in LIMB_LEADS if lead in missing]
        basis = basis_of(self.leads)
        if not derived or basis is None:
            return self
        rows = lead_order(self.leads, basis)
        signal_mv = append_sums(self.signal_mv, weights_of(derived, basis), rows)
        record = replace(self, signal_mv=signal_mv, leads=(*self.leads, *derived))
        return record.with_warnings(f"{', '.join(derived)} computed from {' and '.join(basis)}")

    def _name_leads(self) -> None:
        """Set our names of the leads; turn over those that were recorded upside down."""
        if all(lead in LEADS for lead in self.leads):
            object.__setattr__(self, "leads", tuple(self.leads))
            return
        names, notes, signal_mv = lead_names(self.leads), [], self.signal_mv
        order = numbered_order(names)
        first = np.asarray(signal_mv[:, : round(_CHECKED_S * self.rate_hz)])
        if order is not None and limb_leads_agree(first[order], LEADS):
            for index, lead in zip(order, LEADS, strict=True):
                names[index] = lead
            notes.append(
                f"leads numbered {self.leads[order[0]]} to {self.leads[order[-1]]} were taken in "
                "the usual order, in which the limb leads agree; the chest leads were not checked"
            )
        for k, name in enumerate(names):
            lead = name.removeprefix(MINUS)
            if name != lead and lead in LEADS:
                signal_mv = turn_over(signal_mv, k)
                names[k] = lead
                notes.append(f"{name} was turned over to {lead}")
        self._set(leads=tuple(names), signal_mv=signal_mv, notes=notes)

    def _fill_gaps(self) -> None:
        """Fill short gaps; RecordError where other samples are invalid."""
        signal_mv, filled = fill_gaps(self.signal_mv, self.rate_hz)
        invalid = [
            lead
            for lead, row in zip(self.leads, signal_mv, strict=True)
            if not np.isfinite(row).all()
        ]
        if invalid:
            raise RecordError(
                f"{self.name}: invalid samples (NaN or infinite) in {', '.join(invalid)}: the "
                "device marked them as invalid, or the file is damaged."
            )
        notes = [
            f"{count} missing sample{'s' if count > 1 else ''} of {lead} filled by a straight line"
            for lead, count in zip(self.leads, filled.tolist(), strict=True)
            if count
        ]
        self._set(leads=self.leads, signal_mv=signal_mv, notes=notes)

    def _set(self, *, leads: tuple[str, ...], signal_mv: Signals, notes: list[str]) -> None:
        """Set fields while the frozen record is being made, and add notes to its warnings."""
        object.__setattr__(self, "leads", leads)
        object.__setattr__(self, "signal_mv", signal_mv)
        object.__setattr__(self, "warnings", tuple(dict.fromkeys((*self.warnings, *notes))))
