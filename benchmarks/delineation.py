"""How well P, QRS and T are found, on LUDB: python -m benchmarks.delineation LUDB --out FOLDER

Compares ecgcam with neurokit2 (DWT, CWT and prominence), openecg and wfdb, each where it is
installed, with the marks of LUDB's records 1 to 120, in lead II and in all leads together. A wave
of all leads lasts where at least half of the leads that are marked have it; the leads of a library
are joined in the same way. Writes delineation.json and delineation.md; with --only, the results of
the other methods stay as they are there.

With --weights DIR, ecgcam reads record n with the weights DIR/without-(n modulo 5).npz, which
benchmarks/fit_waves.py fitted without it. The shipped weights have seen all records.
"""

import json
import time
from collections.abc import Callable
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
from ecgcam.signals.waves import WAVES, wave_probability, wave_stretches

TOLERANCE_S = 0.04
STEP_S = 0.002  # at which leads are joined
FOLDS = 5

Boundary = dict[str, float]


def main(
    ludb: Path,
    out: Annotated[Path, typer.Option()],
    weights: Annotated[Path | None, typer.Option()] = None,
    only: Annotated[list[str] | None, typer.Option(help="Methods to run.")] = None,
    limit: Annotated[int, typer.Option(help="Records to read.")] = len(RECORDS),
) -> None:
    """Measure each method that is installed."""
    ecgs = [ludb_ecg(ludb, number) for number in RECORDS[:limit]]
    methods: dict[str, Callable[[Record], list[Stretches]]] = {
        "ecgcam": lambda record: ours_by_lead(record, weights)
    }
    for name, (module, method) in LIBRARIES.items():
        if only and name not in only:
            continue
        if find_spec(module):
            methods[name] = method
        else:
            typer.echo(f"{name}: {module} is not installed; left out", err=True)
    if only and "ecgcam" not in only:
        del methods["ecgcam"]
    known = out / "delineation.json"
    results: dict[str, Any] = json.loads(known.read_text()) if only and known.exists() else {}
    for name, method in methods.items():
        start = time.perf_counter()
        found = [method(record) for record, _ in ecgs]
        seconds = (time.perf_counter() - start) / len(ecgs)
        together = (
            [ours_together(record, weights) for record, _ in ecgs]
            if name == "ecgcam"
            else [
                joined(leads, record.duration_s)
                for leads, (record, _) in zip(found, ecgs, strict=True)
            ]
        )
        results[name] = {
            "seconds_per_ecg": round(seconds, 3),
            "lead II": compare([f[1] for f in found], [marks[1] for _, marks in ecgs]),
            "all leads": compare(
                together, [joined(marks, record.duration_s) for record, marks in ecgs]
            ),
        }
        typer.echo(f"{name}: {seconds:.2f} s an ECG", err=True)
    out.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps(results, indent=1) + "\n")
    (out / "delineation.md").write_text(table(results))
    typer.echo(out / "delineation.md")


def ours_together(record: Record, weights: Path | None) -> Stretches:
    """Return the waves of all leads together."""
    signal_mv = resample(record, RATE_HZ).signal_mv
    return stretches_of(wave_probability(signal_mv, weights_of(record, weights)))


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


def boundary(
    found: NDArray[np.float64], marks: NDArray[np.float64], of_record: Any, k: int
) -> tuple[int, int, int, int, NDArray[np.float64]]:
    """Return hits and marks, right and found boundaries, and the errors of overlapping waves."""
    times = np.concatenate([pairs.ravel() for pairs in of_record.values()])
    if not times.size:
        return 0, 0, 0, 0, np.empty(0)
    inside = (found.mean(axis=1) >= times.min()) & (found.mean(axis=1) <= times.max())
    found = found[inside]
    distances = np.abs(found[:, None, k] - marks[None, :, k])
    hits = int((distances <= TOLERANCE_S).any(axis=0).sum()) if len(found) else 0
    right = int((distances <= TOLERANCE_S).any(axis=1).sum()) if len(marks) else 0
    errors = []
    for mark in marks:
        overlap = np.minimum(found[:, 1], mark[1]) - np.maximum(found[:, 0], mark[0])
        if overlap.size and overlap.max() > 0:
            errors.append(found[overlap.argmax(), k] - mark[k])
    return hits, len(marks), right, len(found), np.array(errors)


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


if __name__ == "__main__":
    typer.run(main)
