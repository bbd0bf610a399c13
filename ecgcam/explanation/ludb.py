"""Localisation by wave on LUDB, whose waves were marked by cardiologists lead by lead.

Kalyakulina et al. 2020, "LUDB: a new open-access validation tool for electrocardiogram delineation
algorithms", IEEE Access 8. Conduction disorders show in QRS, ischaemia in ST and T: the positive
evidence there is compared with their fraction of the time, between the first and the last mark.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DatasetError
from ..readers.read import read
from ..signals.windows import cut_windows
from ..tasks import Task
from .figures import Figure, Goal, draw_counts, estimate
from .localisation import times_chance
from .subject import Subject, compute_maps, predict, prepare

WAVES_GOAL = Goal(bound=2.0)
LONGEST_ST_S = 0.6  # from the end of QRS to the start of T
WIDEST_FRAME_S = 0.1  # a QRS: wider frames cannot tell waves apart
_SYMBOLS = {"p": "P", "N": "QRS", "t": "T"}
_SHOWN_IN = {"conduction": ("QRS",), "ischaemia": ("ST", "T")}
_TITLES = {"conduction": "a conduction disorder of the ventricles", "ischaemia": "ischaemia"}
_DIAGNOSES = {  # how a line of a header begins: the kind, and the labels of PTB-XL that fit
    "Complete left bundle branch block": ("conduction", "superclass:CD statement:CLBBB"),
    "Complete right bundle branch block": ("conduction", "superclass:CD statement:CRBBB"),
    "Incomplete left bundle branch block": ("conduction", "superclass:CD statement:ILBBB"),
    "Incomplete right bundle branch block": ("conduction", "superclass:CD statement:IRBBB"),
    "Left anterior hemiblock": ("conduction", "superclass:CD statement:LAFB"),
    "Non-specific intravintricular conduction delay": (
        "conduction",
        "superclass:CD statement:IVCD",
    ),
    "Ischemia": ("ischaemia", "superclass:STTC statement:ISC_"),
    "Undefined ischemia": ("ischaemia", "superclass:STTC superclass:MI"),
    "STEMI": ("ischaemia", "superclass:STTC superclass:MI"),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MarkedEcg:
    """An ECG of LUDB as a network takes it.

    diagnoses: the lines of its header. signal_mv: (leads, samples).
    waves:     for "QRS", "ST" and "T": (samples,), whether most leads have the wave there.
    marked:    (samples,), between the first and the last mark.
    """

    diagnoses: tuple[str, ...]
    signal_mv: NDArray[np.float32]
    waves: dict[str, NDArray[np.bool_]]
    marked: NDArray[np.bool_]


def read_ludb(folder: Path, subject: Subject) -> list[MarkedEcg]:
    """Read the records of LUDB with a diagnosis of _DIAGNOSES and a marked QRS in the window.

    Raises DatasetError if there is none.
    """
    data = folder / "data" if (folder / "data").is_dir() else folder
    headers = sorted(data.glob("*.hea"), key=lambda path: (len(path.stem), path.stem))
    if not headers:
        raise DatasetError(f"{folder}: no record of LUDB: found no .hea file, also not in data/.")
    ecgs = []
    for header in headers:
        text = header.read_text(encoding="utf-8", errors="replace")
        lines = [line.lstrip("# ").rstrip(" .\r") for line in text.splitlines() if line[:1] == "#"]
        if any(line.startswith(tuple(_DIAGNOSES)) for line in lines):
            ecgs.append(_read_ecg(header, tuple(lines), subject))
    ecgs = [ecg for ecg in ecgs if ecg.waves["QRS"].any()]
    if not ecgs:
        raise DatasetError(f"{folder}: no record has a diagnosis of LUDB in its header.")
    return ecgs


def ludb_figures(subject: Subject, k: int, ecgs: Sequence[MarkedEcg]) -> list[Figure]:
    """Measure where the positive evidence of class k lies, for each kind of diagnosis."""
    return [_of_kind(subject, k, kind, ecgs) for kind in _SHOWN_IN]


def _of_kind(subject: Subject, k: int, kind: str, ecgs: Sequence[MarkedEcg]) -> Figure:
    waves = _SHOWN_IN[kind]
    about: dict[str, Any] = {
        "name": f"LUDB, {kind}, evidence in {' and '.join(waves)}",
        "meaning": f"Real ECGs with {_TITLES[kind]}: fraction of the evidence for the class that "
        f"lies in {' and '.join(waves)}, over the fraction of the time that these waves take.",
        "subject": subject.classes[k],
    }
    if subject.frames["step_s"] > WIDEST_FRAME_S:
        width = f"{subject.frames['step_s']:.2f} s"
        return Figure(**about, note=f"A frame stands for {width}, longer than a QRS.")
    chosen = [ecg for ecg in ecgs if belongs(ecg.diagnoses, kind, subject.task, k)]
    if not chosen:
        return Figure(**about, note="LUDB has no such diagnosis of this class.")
    prepared = prepare(subject.network, np.array([ecg.signal_mv for ecg in chosen]))
    rows = np.flatnonzero(subject.decide(predict(subject.network, prepared))[:, k])
    if len(rows) < 2:
        return Figure(**about, note="The model recognizes fewer than two of them.")
    maps = compute_maps(subject.maps, subject.network, prepared[rows], k)
    marked = np.array([chosen[row].marked for row in rows])[:, None]
    truth = np.array([np.any([chosen[r].waves[w] for w in waves], axis=0) for r in rows])[:, None]
    counts = draw_counts(rows)
    values = {
        map_name: estimate(times_chance(x, truth, within=marked), counts)
        for map_name, x in maps.items()
    }
    fraction = (truth & marked).sum() / marked.sum()
    note = f"{len(rows)} of {len(chosen)} recognized; the waves take {fraction:.2f} of the time"
    if subject.field_s > 1:
        note += f"; a frame sees {subject.field_s:.2f} s, more than a beat"
    return Figure(**about, values=values, goal=WAVES_GOAL, records=len(rows), note=note)


def belongs(diagnoses: Sequence[str], kind: str, task: Task, k: int) -> bool:
    """Return whether a diagnosis of this kind makes class k positive."""
    labels: set[str] = set()
    for beginning, (its_kind, its_labels) in _DIAGNOSES.items():
        if its_kind == kind and any(line.startswith(beginning) for line in diagnoses):
            labels |= set(its_labels.split())
    return bool(labels) and bool(task.targets([labels])[0][0, k] > 0)


def _read_ecg(header: Path, lines: tuple[str, ...], subject: Subject) -> MarkedEcg:
    config, record = subject.network.config, read(header)
    windows = cut_windows(
        record, leads=config.leads, rate_hz=config.rate_hz, duration_s=config.duration_s
    )
    times_s = (np.arange(config.samples) + 0.5) / config.rate_hz
    by_lead = [read_marks(header.with_suffix(""), lead, record.rate_hz) for lead in record.leads]
    votes = {wave: np.zeros(config.samples) for wave in ("QRS", "ST", "T")}
    for marks in by_lead:
        for wave, inside in _spans(marks, times_s).items():
            votes[wave] += inside
    ends_s = [edge for marks in by_lead for _, start, end in marks for edge in (start, end)]
    first_s, last_s = (min(ends_s), max(ends_s)) if ends_s else (0.0, 0.0)
    return MarkedEcg(
        diagnoses=lines,
        signal_mv=windows.cut(0, 1)[0],
        waves={wave: count >= len(by_lead) / 2 for wave, count in votes.items()},
        marked=(times_s >= first_s) & (times_s < last_s),
    )


def read_marks(stem: Path, lead: str, rate_hz: float) -> list[tuple[str, float, float]]:
    """Return the waves of a lead with onset and offset in seconds, in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses features that newer versions of pandas warn of
        import wfdb

        marks = wfdb.rdann(str(stem), lead.lower())
    symbols, times_s = list(marks.symbol), np.asarray(marks.sample) / rate_hz
    return [
        (_SYMBOLS[symbols[i]], float(times_s[i - 1]), float(times_s[i + 1]))
        for i in range(1, len(symbols) - 1)
        if symbols[i] in _SYMBOLS and symbols[i - 1] == "(" and symbols[i + 1] == ")"
    ]


def _spans(
    marks: Sequence[tuple[str, float, float]], times_s: NDArray[Any]
) -> dict[str, NDArray[np.bool_]]:
    """Return where QRS, ST and T lie; ST is from the end of a QRS to the start of its T."""
    inside = {wave: np.zeros(len(times_s), dtype=bool) for wave in ("QRS", "ST", "T")}
    for wave, start_s, end_s in marks:
        if wave in inside:
            inside[wave] |= (times_s >= start_s) & (times_s < end_s)
    for (wave, _, end_s), (following, start_s, _) in zip(marks, marks[1:], strict=False):
        if (wave, following) == ("QRS", "T") and start_s - end_s < LONGEST_ST_S:
            inside["ST"] |= (times_s >= end_s) & (times_s < start_s)
    return inside
