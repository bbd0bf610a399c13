"""Overview of a dataset or a store: one page, and the same numbers as JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import __version__
from ..data.signal_survey import Findings, survey_signals
from ..data.survey import AGE_EDGES_YEARS, Surveyed, open_surveyed, survey_tables, with_people
from ..files import check_output_folder, write_text
from ..plots.curves import draw_counts, draw_matrix, draw_missing
from ..plots.sheet import draw_sheet
from ..processes import Progress
from ..signals.record import Record
from ..tasks import full_name
from .html import figure_svg, write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, NUMBERS = "overview.html", "overview.json"
MOST_IDS = 40  # in a list of the page; the JSON has all
MOST_CLASSES = 12  # in tables and figures of the page


def overview(source: Path, out: Path, *, progress: Progress | None = None) -> Path:
    """Write overview.html and overview.json about a dataset or a store; return the page.

    source: a store, or whatever `prepare` takes. Every signal is read once: of PTB-XL those of
    100 Hz, or those of 500 Hz if there are no others. progress: called with the number of signals
    read, and of all signals. Raises DatasetError if the source cannot be used or `out` is a file.
    """
    check_output_folder(out)
    surveyed = open_surveyed(source)
    ids = surveyed.records["id"].tolist()
    signals = survey_signals(ids, surveyed.read, folder=surveyed.folder, progress=progress)
    surveyed = with_people(surveyed, signals.people)
    survey: dict[str, Any] = {
        "source": source.resolve().name,
        **survey_tables(surveyed),
        "rates_hz": signals.rates,
        "durations_s": signals.durations,
        "quality": signals.findings,
    }
    survey["samples"] = _samples(surveyed, survey)
    write_text(out / NUMBERS, json.dumps(survey, indent=1) + "\n")
    titles = {name: full_name(name, title) for name, title in survey["class_titles"].items()}
    shown = _most_frequent(survey)
    return write_page(
        out / PAGE,
        "overview.html.jinja",
        survey=survey,
        titles=titles,
        shown=shown,
        noun="superclass" if survey["kind"] == "superclass" else "class",
        pictures=_pictures(survey, titles, shown),
        samples=_sample_pictures(surveyed, survey),
        with_findings=len(_with_findings(survey["quality"])),
        most=MOST_IDS,
        version=__version__,
    )


def _most_frequent(survey: dict[str, Any]) -> list[str]:
    """Return the most frequent classes, in their order."""
    names, counts = survey["class_names"], survey["classes"]
    frequent = sorted(names, key=lambda name: -counts[name])[:MOST_CLASSES]
    return [name for name in names if name in frequent]


def _with_findings(quality: Findings) -> set[object]:
    return {entry["id"] for entries in quality.values() for entry in entries}


def _samples(surveyed: Surveyed, survey: dict[str, Any]) -> dict[str, Any]:
    """Return for each class the first record with no other, and no findings in its signal.

    Records in which the annotators noted noise come last. Without classes, the sample of "" is the
    first record without findings.
    """
    bad = _with_findings(survey["quality"])
    records, kind = surveyed.records, survey["kind"]
    if "noise" in records:
        records = records.sort_values("noise", key=lambda noise: noise != "", kind="stable")
    shown = _most_frequent(survey)
    samples: dict[str, Any] = {}
    for record_id, labels in zip(records["id"].tolist(), records["labels"], strict=True):
        names = [name for name in survey["class_names"] if f"{kind}:{name}" in labels]
        if record_id not in bad and len(names) == (1 if shown else 0):
            samples.setdefault(names[0] if names else "", record_id)
    return {name: samples[name] for name in (*shown, "") if name in samples}


def _pictures(survey: dict[str, Any], titles: dict[str, str], shown: list[str]) -> dict[str, str]:
    """Return the figures of the page. shown: the classes in them."""
    pairs = pd.DataFrame(
        survey["co_occurrence"], index=survey["class_names"], columns=survey["class_names"]
    )
    pairs = pairs.loc[shown, shown].rename(index=titles, columns=titles)
    missing = pd.Series(survey["missing_values"]) / max(survey["records"], 1)
    pictures = {
        "ages": figure_svg(draw_counts(pd.Series(survey["age"]["groups"]))),
        "missing": figure_svg(draw_missing(missing)),
    }
    if len(shown) > 1:
        pictures["co_occurrence"] = figure_svg(draw_matrix(pairs))
    return pictures


def _sample_pictures(surveyed: Surveyed, survey: dict[str, Any]) -> dict[str, dict[str, object]]:
    """Return for each class its sample's id, labels spelled out, and sheet."""
    positions = {record_id: k for k, record_id in enumerate(surveyed.records["id"].tolist())}
    return {
        name: {
            "id": record_id,
            "labels": _labels_in_words(surveyed, survey, positions[record_id]),
            "picture": figure_svg(_sheet(surveyed, positions[record_id])),
        }
        for name, record_id in survey["samples"].items()
    }


def _labels_in_words(surveyed: Surveyed, survey: dict[str, Any], index: int) -> list[str]:
    """Return a record's statements, or its classes where there are none, spelled out."""
    labels = [label.split(":", 1) for label in surveyed.records["labels"].iloc[index]]
    kind = "statement" if survey["statements"] else survey["kind"]
    titles = {entry["code"]: entry["description"] for entry in survey["statements"]}
    titles |= survey["class_titles"] if kind == survey["kind"] else {}
    return [full_name(name, titles.get(name, "")) for of, name in labels if of == kind]


def _sheet(surveyed: Surveyed, index: int) -> "Figure":
    """Draw the ECG of a record, with age and sex where they are known."""
    signal, row = surveyed.read(index), surveyed.records.iloc[index]
    age, sex = row.get("age_years"), row.get("sex")
    record = Record(
        signal_mv=signal.signal_mv,
        rate_hz=signal.rate_hz,
        leads=signal.leads,
        name=f"record {row['id']}",
        age_years=None if pd.isna(age) or age >= AGE_EDGES_YEARS[-1] else float(age),
        sex=None if pd.isna(sex) else str(sex),
    )
    return draw_sheet(record)
