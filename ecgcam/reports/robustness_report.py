"""Robustness report: robustness.json, robustness.csv and robustness.html in one folder."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.store import Store
from ..evaluation.leakage import LeakageCheck
from ..evaluation.paired_scores import CLINICAL, scores_of_class
from ..evaluation.robustness import measure_robustness
from ..files import atomic_write, write_text
from ..inference.classifier import Classifier
from ..plots.disturbances import draw_changes, draw_strengths
from ..processes import Progress
from .html import figure_svg, write_page

RESULTS = "robustness.json"
TABLE = "robustness.csv"
PAGE = "robustness.html"

_MOST_CLASSES = 6  # with figures of their own
_ABOUT = ("kind", "setting", "strength", "unit")  # of a disturbance


def report_robustness(
    classifier: Classifier,
    store: Store,
    out: Path,
    *,
    folds: Sequence[int] = (9,),
    seed: int = 0,
    replicates: int = 200,
    progress: Progress | None = None,
) -> Path:
    """Score the model under every disturbance, write the results to `out`, and return the page."""
    results = measure_robustness(
        classifier, store, folds=folds, seed=seed, replicates=replicates, progress=progress
    )
    write_text(out / RESULTS, json.dumps(results, indent=1) + "\n")
    with atomic_write(out / TABLE) as temporary:
        table(results).to_csv(temporary, index=False)
    titles = dict(zip(classifier.classes, classifier.full_names, strict=True))
    return write_page(
        out / PAGE,
        "robustness.html.jinja",
        results=results,
        leakage=LeakageCheck(**results["leakage"]).in_words(),
        card=classifier.card,
        store=store.about,
        parts=[
            {"title": titles[name] if name else None} | _part(results, name)
            for name in _class_names(results)[: _MOST_CLASSES + 1]
        ],
        classes=len(classifier.classes),
        skipped=list(_skipped(results["skipped"])),
    )


def table(results: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per disturbance and class, undisturbed first; the mean of classes is "macro".

    Columns: kind, setting, strength, unit, class, and for each score itself, its `…_change`, and
    the interval of the change as `…_change_low` and `…_change_high`.
    """
    rows = []
    undisturbed = {"kind": "undisturbed"} | results["undisturbed"]
    for disturbance in (undisturbed, *results["disturbances"]):
        for name in _class_names(results):
            scores = scores_of_class(disturbance, name)
            row = {key: disturbance.get(key) for key in _ABOUT}
            several = "classes" in disturbance
            row["class"] = name or ("macro" if several else results["classes"][0])
            for score in CLINICAL:
                low, high = scores.get(f"{score}_change_ci") or (None, None)
                row |= {score: scores[score], f"{score}_change": scores.get(f"{score}_change")}
                row |= {f"{score}_change_low": low, f"{score}_change_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def _class_names(results: Mapping[str, Any]) -> list[str | None]:
    """Return the names for `scores_of_class`: None, and each class if there are several."""
    return [None, *results["undisturbed"].get("classes", ())]


def _part(results: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Return the scores and figures of one class, or of the model if the name is None."""
    undisturbed = scores_of_class(results["undisturbed"], name)
    disturbances = [
        {key: disturbance[key] for key in _ABOUT} | scores_of_class(disturbance, name)
        for disturbance in results["disturbances"]
    ]
    graded = [entry for entry in disturbances if entry["strength"] is not None]
    single = [entry for entry in disturbances if entry["strength"] is None]
    return {
        "undisturbed": undisturbed,
        "disturbances": disturbances,
        "strengths": figure_svg(draw_strengths(undisturbed, graded)) if graded else None,
        "changes": figure_svg(draw_changes(undisturbed, single)) if single else None,
    }


def _skipped(skipped: Sequence[Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """Yield the skipped disturbances, those of one kind and reason together."""
    for (kind, reason), members in groupby(
        skipped, key=lambda entry: (entry["kind"], entry["reason"])
    ):
        settings = ", ".join(member["setting"] for member in members)
        yield {"kind": kind, "settings": settings, "reason": reason}
