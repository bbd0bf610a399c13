"""Survey of the signals of a dataset or a store: rates, durations and findings of their quality."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..processes import Progress
from ..readers.read import read
from ..readers.wfdb16 import read_wfdb16, to_millivolts
from ..signals.leads import LEADS, lead_order
from ..signals.quality import find_quality

Findings = dict[str, list[dict[str, object]]]

UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True, eq=False)
class SurveyedSignal:
    """One signal (leads, time) in mV, NaN where the device marked samples as invalid."""

    signal_mv: NDArray[np.float32]
    rate_hz: float
    leads: tuple[str, ...] = LEADS
    age_years: float | None = None
    sex: str | None = None


class ReadSignal(Protocol):
    """Reads the signal of a record by its position; raises RecordError or OSError."""

    def __call__(self, index: int, /) -> SurveyedSignal: ...


def read_signal(path: Path) -> SurveyedSignal:
    """Read a file, its twelve leads in standard order where it has them.

    Unlike `readers.read`, samples that the device marked as invalid are allowed and become NaN.
    Raises RecordError for a damaged file.
    """
    digital = read_wfdb16(path) if Path(f"{path}.hea").is_file() else None
    if digital is not None:
        order = lead_order(digital.leads)
        return SurveyedSignal(signal_mv=to_millivolts(digital)[order], rate_hz=digital.rate_hz)
    record = read(path)
    return SurveyedSignal(
        signal_mv=record.signal_mv,
        rate_hz=record.rate_hz,
        leads=record.leads,
        age_years=record.age_years,
        sex=record.sex,
    )


@dataclass(frozen=True, kw_only=True)
class SignalSurvey:
    """What was found in all signals.

    findings: for each finding of find_quality, and for "unreadable", the records with their leads
              or the reason.
    rates, durations: how many records have each, in Hz and s.
    people:   age and sex in the files, by position.
    """

    findings: Findings
    rates: dict[str, int]
    durations: dict[str, int]
    people: dict[int, tuple[float | None, str | None]]


def survey_signals(
    ids: list[Any], read_one: ReadSignal, *, folder: str = "", progress: Progress | None = None
) -> SignalSurvey:
    """Read every signal once.

    folder: what to leave out of reasons. progress: called with the number of signals read, and of
    all signals.
    """
    names = find_quality(np.ones((1, len(LEADS), 1), np.float32))
    findings: Findings = {UNREADABLE: [], **{name: [] for name in names}}
    rates: Counter[str] = Counter()
    durations: Counter[str] = Counter()
    people: dict[int, tuple[float | None, str | None]] = {}
    for index, record_id in enumerate(ids):
        try:
            signal = read_one(index)
        except (RecordError, OSError) as error:
            reason = str(error).replace(folder, "") if folder else str(error)
            findings[UNREADABLE].append({"id": record_id, "reason": reason})
        else:
            rates[f"{signal.rate_hz:g}"] += 1
            durations[f"{signal.signal_mv.shape[1] / signal.rate_hz:.4g}"] += 1
            people[index] = signal.age_years, signal.sex
            _add_findings(findings, record_id, signal)
        if progress is not None:
            progress(index + 1, len(ids))
    return SignalSurvey(
        findings=findings,
        rates=dict(rates.most_common()),
        durations=dict(durations.most_common()),
        people=people,
    )


def _add_findings(findings: Findings, record_id: object, signal: SurveyedSignal) -> None:
    leads = signal.leads
    for name, hits in find_quality(signal.signal_mv[None], leads, signal.rate_hz).items():
        if hits.any():
            by_lead = hits.shape[1] == len(leads) and name != "Einthoven broken"
            where = [leads[k] for k in np.flatnonzero(hits)] if by_lead else []
            findings[name].append({"id": record_id, "leads": where})
