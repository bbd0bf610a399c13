"""One synthetic 12-lead ECG with the intervals in which it is abnormal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...signals.leads import LEADS
from ...signals.record import Record
from .diagnoses import DISORDERS, NORMAL, Disorder
from .heart import Floats, Heart, axis_deg, select_segment, span_s
from .people import Person, draw_heart, draw_person
from .recording import Noise, draw_noise

_SHORTEST_RECORD_S = 4.0  # a shorter one may have no beat that can be premature
_SHORTEST_INTERVAL_S = 0.02  # intervals that the record's edge cuts below this are not listed


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An abnormal interval of a record.

    statement, superclass: the abnormality; form statements have no superclass.
    wave:   "P", "PR", "QRS", "ST" or "T" of a beat, an "ectopic" beat, or a "pause" for a beat.
    leads:  those in which the change is at least half as large as in the lead that shows it most.
    """

    statement: str
    superclass: str | None
    wave: str
    leads: tuple[str, ...]
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SyntheticEcg:
    """A synthetic ECG with everything known about it.

    record:     the ECG, in whole microvolts as a device stores it.
    truth:      its abnormal intervals, sorted by time; empty for a normal ECG.
    statements: the requested ones, accompanying form statements, the rhythm.
    axis_deg:   electrical axis of the QRS in the frontal plane, -180 to 180.
    noise:      the added noise, with a technician's remarks on it.
    """

    record: Record
    truth: tuple[Interval, ...]
    statements: tuple[str, ...]
    person: Person
    axis_deg: float
    noise: Noise


def synthetic_ecg(
    rng: np.random.Generator,
    statements: Sequence[str] = (NORMAL,),
    *,
    rate_hz: float = 100,
    duration_s: float = 10.0,
    person: Person | None = None,
) -> SyntheticEcg:
    """Generate an ECG with these SCP statements: ("NORM",), or some of DISORDERS.

    Person, rhythm, noise and disorders use separate random generators, so equal generators give
    the same person's ECG with and without a disorder.
    Raises ValueError for other statements and for less than 4 s.
    """
    if duration_s < _SHORTEST_RECORD_S:
        raise ValueError(f"duration_s must be at least {_SHORTEST_RECORD_S}, got {duration_s}")
    unknown = set(statements) - set(DISORDERS)
    if not statements or (unknown and tuple(statements) != (NORMAL,)):
        raise ValueError(
            f"statements are {tuple(statements)}; expected ({NORMAL!r},), or some of "
            f"{', '.join(DISORDERS)}"
        )
    for_person, for_rhythm, for_noise, for_disorders = rng.spawn(4)
    person = person or draw_person(for_person)
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    heart = draw_heart(person, for_rhythm, duration_s=duration_s)
    rhythm = _rhythm(heart)
    heart, clean_mv, truth = _with_disorders(heart, statements, for_disorders, time_s)
    noise = draw_noise(for_noise, time_s, breath=heart.breath(time_s))
    record = Record(
        signal_mv=(np.round(1000 * (clean_mv + noise.leads_mv)) / 1000).astype(np.float32),
        rate_hz=rate_hz,
        age_years=float(person.age_years),
        sex=person.sex,
    )
    forms = [form for code in statements if code != NORMAL for form in DISORDERS[code].forms]
    return SyntheticEcg(
        record=record,
        truth=tuple(sorted(truth, key=lambda interval: interval.start_s)),
        statements=(*statements, *dict.fromkeys(forms), rhythm),
        person=person,
        axis_deg=axis_deg(heart.ventricles),
        noise=noise,
    )


def _with_disorders(
    heart: Heart, statements: Sequence[str], rng: np.random.Generator, time_s: Floats
) -> tuple[Heart, Floats, list[Interval]]:
    """Return the heart with its disorders, its clean leads (12, time), and their intervals."""
    clean_mv = heart.leads_mv(time_s)
    truth: list[Interval] = []
    for disorder in (DISORDERS[code] for code in DISORDERS if code in statements):
        before, before_mv = heart, clean_mv
        heart = disorder.change(before, rng)
        clean_mv = heart.leads_mv(time_s)
        truth += _intervals(disorder, before, heart, clean_mv - before_mv, time_s)
    return heart, clean_mv, truth


def _intervals(
    disorder: Disorder, before: Heart, after: Heart, change_mv: Floats, time_s: Floats
) -> list[Interval]:
    """Return the intervals of a disorder, which changed the clean leads by (12, time)."""
    intervals = []
    end_of_record_s = float(time_s[-1] + time_s[1])
    for wave in disorder.waves:
        for start_s, end_s in _changed_spans_s(before, after, wave):
            start_s, end_s = max(start_s, 0.0), min(end_s, end_of_record_s)
            if end_s - start_s < _SHORTEST_INTERVAL_S:
                continue
            inside = (time_s >= start_s) & (time_s < end_s)
            size = np.linalg.norm(change_mv[:, inside], axis=1)
            visible = np.flatnonzero(size >= 0.5 * size.max())
            intervals.append(
                Interval(
                    statement=disorder.statement.code,
                    superclass=disorder.statement.superclass,
                    wave=wave,
                    leads=tuple(LEADS[lead] for lead in visible),
                    start_s=start_s,
                    end_s=end_s,
                )
            )
    return intervals


def _changed_spans_s(before: Heart, after: Heart, wave: str) -> list[tuple[float, float]]:
    """Return start and end of a kind of wave in each beat in which it differs."""
    beats_s = after.ventricular_s
    changed = tuple(set(before.ventricles) ^ set(after.ventricles))
    if wave == "ectopic":
        beats_s, changed = after.ectopic_s, after.ectopic
    elif wave == "pause":
        beats_s, changed = np.setdiff1d(before.ventricular_s, beats_s), before.ventricles
    elif wave in ("P", "PR"):
        beats_s, changed = after.atrial_s, before.atria + after.atria
    else:
        changed = select_segment(changed, wave)
    if not changed:
        return []
    onset_s, offset_s = span_s(changed)
    if wave == "PR":
        offset_s, _ = span_s(select_segment(after.ventricles, "QRS"))
    return [(float(beat_s + onset_s), float(beat_s + offset_s)) for beat_s in beats_s]


def _rhythm(heart: Heart) -> str:
    """Return the rhythm statement: by rate, else by how much the sinus intervals vary."""
    intervals_s = np.diff(heart.ventricular_s)
    rate_bpm = 60 / heart.beat_s
    if rate_bpm < 60 or rate_bpm > 100:
        return "SBRAD" if rate_bpm < 60 else "STACH"
    return "SARRH" if np.ptp(intervals_s) > 0.12 else "SR"
