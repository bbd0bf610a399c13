"""The benchmark: data, the machine's limits, stages, the full pipeline, memory and growth."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from .crew import Crew
from .gpu import has_gpu, measure_gpu
from .growth import measure_growth
from .limits import SPEEDS, WORK, limit_s
from .machine import LIBRARIES, machine
from .material import QUICK, Material, Sizes, make_material
from .plan import OURS, STAGES
from .results import Results, Row, without_verdicts
from .rows import growth_rows, memory_row, rows_without, stage_rows, way_rows
from .stages import Measured, measure_stage
from .whole_way import way_limit_s
from .workers import NotMeasured

Say = Callable[[str], None]


def benchmark(folder: Path | None, *, peers: Path | None, quick: bool, say: Say) -> Results:
    """Measure everything.

    folder: with PTB-XL's layout; None: synthetic ECGs. peers: the Python with the peer libraries;
    None: this one. quick: run everything on a few ECGs, without goals. say: called with the title
    of each step.
    Raises DatasetError if the folder cannot be used, NotMeasured if a stage of ours fails.
    """
    started = time.monotonic()
    sizes = QUICK if quick else Sizes()
    with (
        TemporaryDirectory(prefix="ecgcam-bench-") as scratch,
        Crew(Path(scratch), peers=peers, kept=quick) as crew,
    ):
        say("data")
        material = make_material(folder, Path(scratch), sizes)
        given = material.given
        say("limits of the machine")
        speeds = {key: x for key, x in crew.once("limits", given).items() if key in SPEEDS}
        rows = _stage_rows(material, crew, speeds, most_rounds=sizes.rounds, say=say)
        say("memory while training")
        held = crew.once("epoch", {**given, "store": given["whole"], "epochs": 1})
        rows.append(memory_row(held.get("peak_bytes")))
        say("growth")
        growth = measure_growth(sizes.growth, crew, given)
        rows += growth_rows(growth)
        about = {
            "quick": quick,
            "data": "made up" if folder is None else "a folder",
            "ecgs": given["records"],
            "batch": sizes.batch,
            "machine": machine(),
            "versions": crew.versions(LIBRARIES),
            "speeds": speeds,
            "gpu": measure_gpu(given, crew) if has_gpu() else None,
            "took_s": round(time.monotonic() - started),
        }
    rows = without_verdicts(rows) if quick else rows
    return Results(rows=tuple(rows), growth=growth, about=about)


def _stage_rows(
    material: Material, crew: Crew, speeds: Mapping[str, float], *, most_rounds: int, say: Say
) -> list[Row]:
    """Return the rows of all stages, and of the full pipeline they add up to."""
    stages: dict[str, Measured] = {}
    rows: list[Row] = []
    has_bf16 = machine()["bf16"]
    for stage in STAGES:
        if stage.bf16 and not has_bf16:
            rows += rows_without(stage, "this processor does not multiply bf16")
            continue
        say(stage.title)
        measured = measure_stage(stage, material.given, crew, most_rounds=most_rounds)
        if OURS in measured.missing:
            raise NotMeasured(f"{stage.title}: {measured.missing[OURS]}")
        work = WORK.get(stage.key)
        least_s = limit_s(work, speeds, threads=stage.threads) if work else None
        stages[stage.key] = measured
        rows += stage_rows(stage, measured, limit_s=least_s)
    least_s = way_limit_s(speeds, material.counts)
    return [*rows, *way_rows(stages, material.counts, limit_s=least_s)]
