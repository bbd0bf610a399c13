"""What disturbances do to a model, as a folder: robustness.json, a table, and a page to look at."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from ..data.store import Store
from ..evaluation.fold_predictions import Progress
from ..evaluation.leakage import Seen
from ..evaluation.paired_scores import CLINICAL, scores_of_class
from ..evaluation.robustness import measure_robustness
from ..files import atomic_write
from ..inference.classifier import Classifier
from ..plots.disturbances import draw_changes, draw_strengths
from .html import figure_svg, write_page

RESULTS = "robustness.json"
TABLE = "robustness.csv"
PAGE = "robustness.html"

_MOST_CLASSES = 6  # drawn each for itself


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
    """Try the model with every disturbance and write what came of it to `out`; the page's path."""
    found = measure_robustness(
        classifier, store, folds=folds, seed=seed, replicates=replicates, progress=progress
    )
    with atomic_write(out / RESULTS) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    with atomic_write(out / TABLE) as temporary:
        table(found).to_csv(temporary, index=False)
    return write_page(
        out / PAGE,
        "robustness.html.jinja",
        found=found,
        met=Seen(**found["seen"]).in_words(),
        card=classifier.card,
        store=store.about,
        parts=[_part(found, name) for name in _names(found)[: _MOST_CLASSES + 1]],
        classes=len(classifier.classes),
        skipped=list(_skipped(found["skipped"])),
    )


def table(found: Mapping[str, Any]) -> pd.DataFrame:
    """One row a trial and class, the undisturbed first; of several classes their mean as "macro".

    Columns: kind, setting, strength, unit, class, and for each score itself, its `…_change`, and
    the interval of the change as `…_change_low` and `…_change_high`.
    """
    rows = []
    for told in ({"kind": "undisturbed"} | found["undisturbed"], *found["disturbances"]):
        for name in _names(found):
            scores = scores_of_class(told, name)
            row = {key: told.get(key) for key in ("kind", "setting", "strength", "unit")}
            row["class"] = name or ("macro" if "classes" in told else found["classes"][0])
            for score in CLINICAL:
                low, high = scores.get(f"{score}_change_ci") or (None, None)
                row |= {score: scores[score], f"{score}_change": scores.get(f"{score}_change")}
                row |= {f"{score}_change_low": low, f"{score}_change_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def _names(found: Mapping[str, Any]) -> list[str | None]:
    """Return the names for `scores_of_class`: None, and each class if there are several."""
    return [None, *found["undisturbed"].get("classes", ())]


def _part(found: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """The pictures and the trials of one class, or of the whole."""
    undisturbed = scores_of_class(found["undisturbed"], name)
    trials = [
        {key: trial[key] for key in ("kind", "setting", "strength", "unit")}
        | scores_of_class(trial, name)
        for trial in found["disturbances"]
    ]
    graded = [trial for trial in trials if trial["strength"] is not None]
    single = [trial for trial in trials if trial["strength"] is None]
    return {
        "name": name,
        "undisturbed": undisturbed,
        "trials": trials,
        "strengths": figure_svg(draw_strengths(undisturbed, graded)) if graded else None,
        "changes": figure_svg(draw_changes(undisturbed, single)) if single else None,
    }


def _skipped(skipped: Sequence[Mapping[str, str]]) -> Iterator[dict[str, str]]:
    """What was not tried, that of one kind and reason together."""
    for (kind, reason), members in groupby(skipped, key=lambda one: (one["kind"], one["reason"])):
        what = ", ".join(member["setting"] for member in members)
        yield {"kind": kind, "what": what, "reason": reason}
