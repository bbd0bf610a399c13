"""Full pipeline on synthetic ECGs; each stage calls the function that its command calls."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ..data.preparation import prepare
from ..data.store import open_store
from ..data.synthetic import synthesize
from ..errors import DatasetError
from ..inference.loading import load
from ..reports.evaluation_report import HITS, METRICS, MISSES, REPORT, write_evaluation
from ..reports.html import png_file, write_page
from ..reports.overview import overview
from ..training.config import OptimizerSettings, TrainConfig
from ..training.run_folder import CURVE
from ..training.trainer import train

Show = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """Number of synthetic ECGs and of training epochs."""

    records: int = 1000
    epochs: int = 15
    seed: int = 0


def run_demo(out: Path, config: DemoConfig, *, show: Show) -> Path:
    """Synthesize ECGs, survey, prepare, train, evaluate and explain; return the report's path.

    show: context manager for the title of a stage, which yields a function to call with the work
    done and the total. Raises DatasetError if `out` is not empty and ValueError for a seed that
    torch does not accept, both before anything is written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: not empty; the demo needs a new folder.")
    # A few records are a few steps per epoch: a rate that rises and falls trains fast on them.
    optimizer = OptimizerSettings(
        epochs=config.epochs, batch=64, learning_rate=5e-3, schedule="onecycle"
    )
    recipe = TrainConfig(optimizer=optimizer, seed=config.seed)
    started = time.monotonic()
    with show("1 of 5: synthetic ECGs") as progress:
        folder = synthesize(out / "ecgs", config.records, seed=config.seed, progress=progress)
    with show("2 of 5: overview") as progress:
        overview(folder, out / "overview", progress=progress)
    with show("3 of 5: store") as progress:
        store = open_store(prepare(folder, out / "store", progress=progress).folder)
    with show("4 of 5: training, epochs") as progress:
        path = train(
            store,
            out / "run",
            recipe,
            on_epoch=lambda row: progress(int(row["epoch"]), config.epochs),
        )
    with show("5 of 5: evaluation") as progress:
        write_evaluation(
            load(path), store, out / "evaluation", folds=(10,), draw=3, progress=progress
        )
    return _write_report(out, config, seconds=time.monotonic() - started)


def _write_report(out: Path, config: DemoConfig, *, seconds: float) -> Path:
    """Write a page with the scores and a few explanations that links to all results."""
    evaluation = out / "evaluation"
    scores = json.loads((evaluation / METRICS).read_text(encoding="utf-8"))
    explained = {}
    for kind in (HITS, MISSES):
        pages = sorted((evaluation / kind).glob("*.html"))[:1]
        explained[kind] = [
            {
                "page": page.relative_to(out).as_posix(),
                "leads": png_file(page.with_name(f"{page.stem}-leads.png")),
                "sheet": png_file(page.with_name(f"{page.stem}-sheet.png")),
            }
            for page in pages
        ]
    return write_page(
        out / REPORT,
        "demo.html.jinja",
        config=config,
        scores=scores,
        seconds=seconds,
        curve=png_file(out / "run" / CURVE),
        explained=explained,
    )
