"""How well P, QRS and T are found, on LUDB: python -m benchmarks.delineation LUDB --out FOLDER

Compares ecgcam with neurokit2 (DWT, CWT and prominence), openecg and wfdb, each where it is
installed, with the marks of LUDB's records 1 to 120, in lead II and in all leads together. A wave
of all leads lasts where at least half of the leads that are marked have it; the leads of a library
are joined in the same way. Of ecgcam's waves it also says how often the sure ones are right.

Writes delineation.json and delineation.md; with --only, the results of the other methods stay as
they are there.

With --weights DIR, ecgcam reads record n with the weights DIR/without-(n modulo 5).npz, which
benchmarks/fit_waves.py fitted without it. The shipped weights have seen all records.
"""

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.delineators import LIBRARIES, Stretches
from benchmarks.ludb import RECORDS, Marks, ludb_ecg
from ecgcam.signals.record import Record
from ecgcam.signals.resampling import resample
from ecgcam.signals.wave_network import RATE_HZ
from ecgcam.signals.waves import SURE, WAVES, wave_probability, wave_stretches

TOLERANCE_S = 0.04
STEP_S = 0.002  # at which leads are joined
FOLDS = 5
OURS = "ecgcam"

Boundary = dict[str, float]
MarkedEcg = tuple[Record, list[Marks]]  # with the marks of each lead
Method = Callable[[Record], list[Stretches]]  # the waves of each lead


def main(
    ludb: Path,
    out: Annotated[Path, typer.Option()],
    weights: Annotated[Path | None, typer.Option()] = None,
    only: Annotated[list[str] | None, typer.Option(help="Methods to run.")] = None,
    limit: Annotated[int, typer.Option(help="Records to read.")] = len(RECORDS),
) -> None:
    """Measure each method that is installed."""
    ecgs = [ludb_ecg(ludb, number) for number in RECORDS[:limit]]
    known = out / "delineation.json"
    results: dict[str, Any] = json.loads(known.read_text()) if only and known.exists() else {}
    for name, method in chosen_methods(only, weights).items():
        start = time.perf_counter()
        waves = [method(record) for record, _ in ecgs]
        seconds = (time.perf_counter() - start) / len(ecgs)
        typer.echo(f"{name}: {seconds:.2f} s an ECG", err=True)
        if name == OURS:
            together = [stretches_of(probability_of(record, weights)) for record, _ in ecgs]
        else:
            together = list(map(joined, waves, (record.duration_s for record, _ in ecgs)))
        results[name] = {
            "seconds_per_ecg": round(seconds, 3),
            "lead II": compare([leads[1] for leads in waves], [marks[1] for _, marks in ecgs]),
            "all leads": compare(together, [of_all_leads(ecg) for ecg in ecgs]),
        }
        if name == OURS:
            results[name]["sure"] = sure_waves(ecgs, weights)
    out.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps(results, indent=1) + "\n")
    (out / "delineation.md").write_text(table(results) + sure_table(results))
    typer.echo(out / "delineation.md")


def chosen_methods(only: Sequence[str] | None, weights: Path | None) -> dict[str, Method]:
    """Return the methods of these names, or all; those that are not installed are left out."""
    if unknown := set(only or ()) - {OURS, *LIBRARIES}:
        raise typer.BadParameter(f"{min(unknown)}; expected one of {', '.join([OURS, *LIBRARIES])}")
    methods: dict[str, Method] = {OURS: partial(ours_by_lead, weights=weights)}
    for name, (module, method) in LIBRARIES.items():
        if find_spec(module):
            methods[name] = method
        elif not only or name in only:
            typer.echo(f"{name}: {module} is not installed; left out", err=True)
    return {name: method for name, method in methods.items() if not only or name in only}


def of_all_leads(ecg: MarkedEcg) -> Stretches:
    """Return the marked waves of all leads together."""
    record, marks = ecg
    return joined(marks, record.duration_s)


def probability_of(record: Record, weights: Path | None) -> NDArray[np.float64]:
    """Return the probability of OUTPUTS in all leads together at 100 Hz: (outputs, time)."""
    return wave_probability(resample(record, RATE_HZ).signal_mv, weights_of(record, weights))


def ours_by_lead(record: Record, weights: Path | None) -> list[Stretches]:
    """Return the waves of each lead by itself."""
    signal_mv = resample(record, RATE_HZ).signal_mv
    known = weights_of(record, weights)
    return [stretches_of(wave_probability(lead[None], known)) for lead in signal_mv]


def weights_of(record: Record, folder: Path | None) -> dict[str, NDArray[np.float32]] | None:
    """Return weights that were fitted without the record; None for the shipped ones."""
    if folder is None:
        return None
    with np.load(folder / f"without-{int(record.name) % FOLDS}.npz") as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def stretches_of(probability: NDArray[np.float64]) -> Stretches:
    """Return onset and offset of each wave: wave -> (waves, 2), in seconds."""
    return {
        wave: np.array([s[:2] for s in wave_stretches(probability, wave)]).reshape(-1, 2)
        for wave in WAVES
    }


def joined(leads: list[Stretches] | list[Marks], duration_s: float) -> Stretches:
    """Return where at least half of the leads that have any wave have each wave."""
    times_s = np.arange(round(duration_s / STEP_S)) * STEP_S
    marked = [lead for lead in leads if len(lead["QRS"])]
    answer = {}
    for wave in WAVES:
        votes = np.zeros(times_s.size)
        for lead in marked:
            for onset, offset in lead[wave]:
                votes[(times_s >= onset) & (times_s < offset)] += 1
        inside = np.pad(votes * 2 >= max(len(marked), 1), 1).astype(int)
        edges = np.flatnonzero(np.diff(inside)).reshape(-1, 2)
        answer[wave] = edges * STEP_S
    return answer


def compare(found: list[Stretches], marks: list[Stretches] | list[Marks]) -> dict[str, Boundary]:
    """Return the measures of each boundary: "P onset" to "T offset".

    sensitivity: of the marks, how many have a found boundary within 40 ms; ppv: of the found
    boundaries between the first and the last mark, how many have a mark within 40 ms; mean_ms,
    sd_ms: of found minus marked, over the marked waves that a found wave overlaps.
    """
    answer = {}
    for wave in WAVES:
        for k, name in enumerate(("onset", "offset")):
            rows = [boundary(f[wave], m[wave], m, k) for f, m in zip(found, marks, strict=True)]
            hits, marked, right, all_found = np.sum([row[:4] for row in rows], axis=0)
            errors_ms = 1000 * np.concatenate([row[4] for row in rows])
            answer[f"{wave} {name}"] = {
                "sensitivity": round(float(hits / max(marked, 1)), 3),
                "ppv": round(float(right / max(all_found, 1)), 3),
                "mean_ms": round(float(errors_ms.mean()), 1) if errors_ms.size else float("nan"),
                "sd_ms": round(float(errors_ms.std()), 1) if errors_ms.size else float("nan"),
                "waves": int(errors_ms.size),
            }
    return answer


def between_marks(found: NDArray[np.float64], marks: Stretches) -> NDArray[np.bool_]:
    """Return which waves (waves, 2) have their middle between the first and the last mark."""
    times_s = np.concatenate([pairs.ravel() for pairs in marks.values()])
    middle_s = found.mean(axis=1)
    first_s, last_s = times_s.min(initial=np.inf), times_s.max(initial=-np.inf)
    return np.asarray((middle_s >= first_s) & (middle_s <= last_s))


def boundary(
    found: NDArray[np.float64], marks: NDArray[np.float64], of_record: Stretches, k: int
) -> tuple[int, int, int, int, NDArray[np.float64]]:
    """Return hits and marks, right and found boundaries, and the errors of overlapping waves.

    found, marks: (waves, 2), of one wave of a record. of_record: all its marks. k: 0 for the onset,
    1 for the offset.
    """
    found = found[between_marks(found, of_record)]
    distances = np.abs(found[:, None, k] - marks[None, :, k])
    hits = int((distances <= TOLERANCE_S).any(axis=0).sum())
    right = int((distances <= TOLERANCE_S).any(axis=1).sum())
    errors = []
    for mark in marks:
        overlap = np.minimum(found[:, 1], mark[1]) - np.maximum(found[:, 0], mark[0])
        if overlap.size and overlap.max() > 0:
            errors.append(found[overlap.argmax(), k] - mark[k])
    return hits, len(marks), right, len(found), np.array(errors)


def sure_waves(ecgs: Sequence[MarkedEcg], weights: Path | None) -> dict[str, dict[str, float]]:
    """Return, for each wave, how many of those found in all leads are sure, and right if so.

    found: between the first and the last mark. sure: fraction at or above SURE. overlapping,
    within_40_ms: of these, fraction that overlaps a mark, and whose ends both are within 40 ms of
    those of one mark.
    """
    answer = {}
    probabilities = [probability_of(record, weights) for record, _ in ecgs]
    all_marks = [of_all_leads(ecg) for ecg in ecgs]
    for wave in WAVES:
        rows: list[tuple[bool, bool, bool]] = []  # sure, overlapping, within 40 ms
        for probability, of_record in zip(probabilities, all_marks, strict=True):
            stretches = np.array(wave_stretches(probability, wave)).reshape(-1, 3)
            marks = of_record[wave]
            for onset, offset, mean in stretches[between_marks(stretches[:, :2], of_record)]:
                overlaps = (marks[:, 0] < offset) & (onset < marks[:, 1])
                near = (np.abs(marks - (onset, offset)) <= TOLERANCE_S).all(axis=1)
                rows.append((mean >= SURE[wave], bool(overlaps.any()), bool(near.any())))
        sure, overlapping, within = np.array(rows).T
        answer[wave] = {
            "found": len(rows),
            "sure": round(float(sure.mean()), 4),
            "overlapping": round(float(overlapping[sure].mean()), 4),
            "within_40_ms": round(float(within[sure].mean()), 4),
        }
    return answer


def table(results: dict[str, Any]) -> str:
    """Return the results as tables of Markdown."""
    lines = []
    for where in ("all leads", "lead II"):
        boundaries = next(iter(results.values()))[where]
        lines += [f"\n{where}\n", f"| | {' | '.join(boundaries)} |", "|---" * 7 + "|"]
        for name, result in results.items():
            cells = [
                f"{100 * b['sensitivity']:.0f} / {100 * b['ppv']:.0f}, {b['mean_ms']:+.0f} ± "
                f"{b['sd_ms']:.0f}"
                for b in result[where].values()
            ]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def sure_table(results: dict[str, Any]) -> str:
    """Return how often ecgcam's sure waves are right as a table of Markdown; "" without ecgcam."""
    if OURS not in results:
        return ""
    lines = [
        "\n| | found | sure | of the sure, overlap a marked wave | both ends within 40 ms |",
        "|---" * 5 + "|",
    ]
    for wave, row in results[OURS]["sure"].items():
        fractions = (row[key] for key in ("sure", "overlapping", "within_40_ms"))
        cells = " | ".join(f"{100 * fraction:.1f} %" for fraction in fractions)
        lines.append(f"| {wave} | {row['found']} | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
