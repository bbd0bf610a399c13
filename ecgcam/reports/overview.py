"""The overview of a PTB-XL-shaped folder: one page to look at, and the same as JSON."""

import json
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import __version__
from ..data.ptbxl import read_folder
from ..data.source import Source
from ..data.survey import (
    AGE_EDGES_YEARS,
    Findings,
    read_signal,
    survey_signals,
    survey_tables,
)
from ..files import atomic_write, check_output_folder
from ..plots.curves import draw_counts, draw_matrix, draw_missing
from ..plots.sheet import draw_sheet
from ..signals.record import Record
from .html import figure_svg, write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, NUMBERS = "overview.html", "overview.json"
MOST_IDS = 40  # in a list on the page; the JSON has them all


def overview(
    source: Path, out: Path, *, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Write `overview.html` and `overview.json` of a PTB-XL-shaped folder to the folder `out`.

    Every signal is read once, those of 100 Hz unless there are only those of 500 Hz.
    progress: called with the number of signals read, and of all.
    Returns the path of the page. Raises DatasetError if the tables cannot be used, or `out` is a
    file.
    """
    check_output_folder(out)
    rate_hz = _rate_hz(source)
    folder = read_folder(source, rate_hz=rate_hz)
    found: dict[str, Any] = {
        "source": source.resolve().name,
        "rate_hz": rate_hz,
        **survey_tables(source, folder),
        "quality": survey_signals(folder, progress=progress),
    }
    found["samples"] = _samples(folder, found["superclasses"], found["quality"])
    with atomic_write(out / NUMBERS) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return write_page(
        out / PAGE,
        "overview.html.jinja",
        found=found,
        pictures=_pictures(found),
        samples=_sample_pictures(folder, found["samples"]),
        with_findings=len(_with_findings(found["quality"])),
        most=MOST_IDS,
        version=__version__,
    )


def _rate_hz(folder: Path) -> int:
    only_500 = (folder / "records500").is_dir() and not (folder / "records100").is_dir()
    return 500 if only_500 else 100


def _with_findings(quality: Findings) -> set[object]:
    return {entry["id"] for entries in quality.values() for entry in entries}


def _samples(folder: Source, superclasses: list[str], quality: Findings) -> dict[str, int]:
    """For each superclass the first record that has no other, and a signal without findings.

    One in which the readers noted noise only where there is no better.
    """
    bad = _with_findings(quality)
    records = folder.records.sort_values("noise", key=lambda noise: noise != "", kind="stable")
    samples: dict[str, int] = {}
    for record, labels in zip(records["id"], records["labels"], strict=True):
        own = [name for name in superclasses if f"superclass:{name}" in labels]
        if len(own) == 1 and record not in bad:
            samples.setdefault(own[0], record)
    return {name: samples[name] for name in superclasses if name in samples}


def _pictures(found: dict[str, Any]) -> dict[str, str]:
    names = found["superclasses"]
    together = pd.DataFrame(found["co_occurrence"], index=names, columns=names)
    ages = pd.Series(found["age"]["groups"])
    missing = pd.Series(found["missing_values"]) / max(found["records"], 1)
    return {
        "co_occurrence": figure_svg(draw_matrix(together)),
        "ages": figure_svg(draw_counts(ages)),
        "missing": figure_svg(draw_missing(missing)),
    }


def _sample_pictures(folder: Source, samples: dict[str, int]) -> dict[str, dict[str, object]]:
    """For each superclass its sample's id, statements, and sheet."""
    chosen = folder.records[folder.records["id"].isin(list(samples.values()))]
    rows = {row["id"]: row for row in chosen.to_dict("records")}
    return {
        name: {
            "id": record,
            "statements": list(json.loads(rows[record]["scp_codes"])),
            "picture": figure_svg(_sheet(rows[record])),
        }
        for name, record in samples.items()
    }


def _sheet(row: Mapping[Hashable, Any]) -> "Figure":
    """The ECG of a row on paper, with age and sex where the table tells them."""
    signal_mv, rate_hz = read_signal(Path(row["path"]))
    record = Record(
        signal_mv=signal_mv,
        rate_hz=rate_hz,
        name=f"record {row['id']}",
        age_years=row["age_years"] if row["age_years"] < AGE_EDGES_YEARS[-1] else None,
        sex=None if pd.isna(row["sex"]) else row["sex"],
    )
    return draw_sheet(record)
