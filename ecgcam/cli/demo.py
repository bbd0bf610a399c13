"""The whole way on made-up ECGs, each stage by the function that its command calls."""

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
from ..inference.classifier import load
from ..reports.evaluation_report import HITS, METRICS, MISSES, REPORT, write_evaluation
from ..reports.html import png_file, write_page
from ..reports.overview import overview
from ..training.config import TrainConfig
from ..training.run_folder import CURVE, OnEpoch
from ..training.trainer import train

Show = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """How many ECGs are made up, how long the network trains on them."""

    records: int = 1000
    epochs: int = 15
    seed: int = 0


def run_demo(out: Path, config: DemoConfig, *, show: Show, on_epoch: OnEpoch) -> Path:
    """Make up ECGs, look at them, prepare, train, evaluate, explain; the path of the report.

    show: a context manager for a title that gives what to call with the work done, and of how
    much. Raises DatasetError if `out` holds something already, ValueError for a seed that torch
    does not take, both before anything is written.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: there is something already; the demo needs a new folder.")
    # Few records make few steps: a rate that rises and falls learns them in little time.
    recipe = TrainConfig(
        epochs=config.epochs,
        batch=64,
        learning_rate=5e-3,
        schedule="onecycle",
        seed=config.seed,
    )
    started = time.monotonic()
    with show("made-up ECGs") as progress:
        folder = synthesize(out / "ecgs", config.records, seed=config.seed, progress=progress)
    with show("overview") as progress:
        overview(folder, out / "overview", progress=progress)
    with show("prepared") as progress:
        store = open_store(prepare(folder, out / "store", progress=progress).folder)
    model = load(train(store, out / "run", recipe, on_epoch=on_epoch))
    with show("evaluated") as progress:
        write_evaluation(model, store, out / "evaluation", folds=(10,), draw=3, progress=progress)
    seconds = time.monotonic() - started
    return _write_report(out, config, seconds)


def _write_report(out: Path, config: DemoConfig, seconds: float) -> Path:
    """One page that shows what was made and leads to all of it."""
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
