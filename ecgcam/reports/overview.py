"""Overview of a folder with PTB-XL's layout: one page, and the same numbers as JSON."""

import json
from collections.abc import Hashable, Mapping
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
from ..files import check_output_folder, write_text
from ..plots.curves import draw_counts, draw_matrix, draw_missing
from ..plots.sheet import draw_sheet
from ..processes import Progress
from ..signals.record import Record
from ..tasks import SUPERCLASS_TITLES, full_name
from .html import figure_svg, write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, NUMBERS = "overview.html", "overview.json"
MOST_IDS = 40  # in a list of the page; the JSON has all


def overview(source: Path, out: Path, *, progress: Progress | None = None) -> Path:
    """Write overview.html and overview.json about a folder with PTB-XL's layout; return the page.

    Every signal is read once: those of 100 Hz, or those of 500 Hz if there are no others.
    progress: called with the number of signals read, and of all signals. Raises DatasetError if
    the tables cannot be used or `out` is a file.
    """
    check_output_folder(out)
    rate_hz = _rate_hz(source)
    folder = read_folder(source, rate_hz=rate_hz)
    survey: dict[str, Any] = {
        "source": source.resolve().name,
        "rate_hz": rate_hz,
        **survey_tables(source, folder),
        "quality": survey_signals(folder, progress=progress),
    }
    survey["samples"] = _samples(folder, survey["superclasses"], survey["quality"])
    write_text(out / NUMBERS, json.dumps(survey, indent=1) + "\n")
    titles = {
        name: full_name(name, SUPERCLASS_TITLES.get(name, "")) for name in survey["superclasses"]
    }
    return write_page(
        out / PAGE,
        "overview.html.jinja",
        survey=survey,
        titles=titles,
        pictures=_pictures(survey, list(titles.values())),
        samples=_sample_pictures(folder, survey),
        with_findings=len(_with_findings(survey["quality"])),
        most=MOST_IDS,
        version=__version__,
    )


def _rate_hz(folder: Path) -> int:
    only_500 = (folder / "records500").is_dir() and not (folder / "records100").is_dir()
    return 500 if only_500 else 100


def _with_findings(quality: Findings) -> set[object]:
    return {entry["id"] for entries in quality.values() for entry in entries}


def _samples(folder: Source, superclasses: list[str], quality: Findings) -> dict[str, int]:
    """Return for each superclass the first record with no other, and no findings in its signal.

    Records in which the annotators noted noise come last.
    """
    bad = _with_findings(quality)
    records = folder.records.sort_values("noise", key=lambda noise: noise != "", kind="stable")
    samples: dict[str, int] = {}
    for record_id, labels in zip(records["id"], records["labels"], strict=True):
        names = [name for name in superclasses if f"superclass:{name}" in labels]
        if len(names) == 1 and record_id not in bad:
            samples.setdefault(names[0], record_id)
    return {name: samples[name] for name in superclasses if name in samples}


def _pictures(survey: dict[str, Any], names: list[str]) -> dict[str, str]:
    """Return the figures of the page; names: of the superclasses."""
    pairs = pd.DataFrame(survey["co_occurrence"], index=names, columns=names)
    missing = pd.Series(survey["missing_values"]) / max(survey["records"], 1)
    return {
        "co_occurrence": figure_svg(draw_matrix(pairs)),
        "ages": figure_svg(draw_counts(pd.Series(survey["age"]["groups"]))),
        "missing": figure_svg(draw_missing(missing)),
    }


def _sample_pictures(folder: Source, survey: dict[str, Any]) -> dict[str, dict[str, object]]:
    """Return for each superclass its sample's id, statements spelled out, and sheet."""
    titles = {entry["code"]: entry["description"] for entry in survey["statements"]}
    rows = folder.records.set_index("id", drop=False)
    samples = {}
    for name, record_id in survey["samples"].items():
        row = rows.loc[record_id].to_dict()
        codes = json.loads(row["scp_codes"])
        samples[name] = {
            "id": record_id,
            "statements": [full_name(code, titles.get(code, "")) for code in codes],
            "picture": figure_svg(_sheet(row)),
        }
    return samples


def _sheet(row: Mapping[Hashable, Any]) -> "Figure":
    """Draw the ECG of a row, with age and sex where the table has them."""
    signal_mv, rate_hz = read_signal(Path(row["path"]))
    record = Record(
        signal_mv=signal_mv,
        rate_hz=rate_hz,
        name=f"record {row['id']}",
        age_years=row["age_years"] if row["age_years"] < AGE_EDGES_YEARS[-1] else None,
        sex=None if pd.isna(row["sex"]) else row["sex"],
    )
    return draw_sheet(record)
