"""An evaluation as a folder: metrics.json, predictions.parquet, and report.html to look at."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..evaluation.calibration import reliability_table
from ..evaluation.calibration_scores import BINS
from ..evaluation.fold_predictions import FoldPredictions, Progress, predict_folds
from ..evaluation.leakage import Seen
from ..evaluation.paired_scores import scores_of_class
from ..evaluation.scoring import all_scores
from ..evaluation.uncertainty import certainty, coverage_and_accuracy
from ..files import atomic_write
from ..inference.classifier import Classifier
from ..inference.results import Explanation
from ..plots.curves import draw_confusion, draw_roc_pr
from ..plots.forest import draw_forest
from ..plots.reliability import CoverageCurve, draw_coverage, draw_reliability
from ..plots.summary import class_results
from ..signals.record import Record
from .explanation_report import remove_explanations, write_explanations
from .html import figure_svg, png_file, write_page

METRICS = "metrics.json"
PREDICTIONS = "predictions.parquet"
REPORT = "report.html"
HITS, MISSES = "surest-hits", "worst-misses"

MOST_CLASSES = 6  # subgroups drawn
HEADINGS = {
    "age": "age in years",
    "sex": "sex",
    "device": "recording device",
    "site": "recording site",
    "quality": "faults of the signal",
    "noise": "noise noted by annotators",
}

_MOST_CURVES = 6  # more curves in one picture cannot be told apart


def write_evaluation(
    classifier: Classifier,
    store: Store,
    out: Path,
    *,
    folds: Sequence[int] = (9,),
    draw: int = 0,
    seed: int = 0,
    replicates: int = 1000,
    progress: Progress | None = None,
) -> Path:
    """Judge the folds, score them, and write what came of it to `out`; the report's path.

    draw: explain so many of the surest hits and of the worst misses, in folders beside.
    """
    judged = predict_folds(classifier, store, folds=folds, progress=progress)
    scores = all_scores(judged, seed=seed, replicates=replicates)
    with atomic_write(out / METRICS) as temporary:
        temporary.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    with atomic_write(out / PREDICTIONS) as temporary:
        judged.to_table().to_parquet(temporary, index=False)
    drawn = _draw_extremes(judged, out, draw)
    return write_page(
        out / REPORT,
        "evaluation.html.jinja",
        scores=scores,
        met=Seen(**scores["seen"]).in_words(),
        classes=_class_scores(classifier, scores),
        card=classifier.card,
        store=store.about,
        pictures=_pictures(judged, scores),
        subgroups=drawn_subgroups(scores["subgroups"]),
        drawn=drawn,
    )


def _draw_extremes(
    judged: FoldPredictions, out: Path, count: int
) -> dict[str, list[dict[str, str]]]:
    """The page of each such record, relative to the report, its sheet as a picture, its labels.

    Those of an earlier evaluation in this folder go; whatever else lies there stays.
    """
    drawn = {}
    for folder, numbers in zip((HITS, MISSES), judged.most_confident_and_worst(count), strict=True):
        remove_explanations(out / folder)
        records = [judged.store.record(number) for number in numbers]
        answers = judged.classifier.explain(records) if records else []
        pages = write_explanations(records, answers, out / folder)
        drawn[folder] = [
            {
                "page": f"{folder}/{page.name}",
                "picture": png_file(page.with_name(f"{page.stem}-sheet.png")),
                "words": f"ECG {answer.name}: {_answer_in_words(record, answer)}",
                "labels": _labels_in_words(judged, number),
            }
            for page, record, answer, number in zip(pages, records, answers, numbers, strict=True)
        ]
    return drawn


def _labels_in_words(judged: FoldPredictions, number: int) -> str:
    """The classes that are true of the store's record of this number, and its SCP statements."""
    (target,) = judged.targets[judged.indices == number]
    true = [name for name, yes in zip(judged.classifier.classes, target > 0, strict=True) if yes]
    known = judged.store.records.iloc[number]
    words = f"ECG {known['id']}; labelled: {', '.join(true) or 'none of these classes'}"
    kinds = [label.split(":", 1) for label in known["labels"]]
    statements = ", ".join(name for kind, name in kinds if kind == "statement")
    return f"{words}; SCP statements: {statements}" if statements else words


def _answer_in_words(record: Record, answer: Explanation) -> str:
    """Return the answer for the first class, or why there is none."""
    if answer.refused is not None:
        return f"no prediction: {answer.refused}"
    return class_results(record, answer)[0].in_words


def _class_scores(classifier: Classifier, scores: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The scores of each class, also where there is one."""
    found: dict[str, dict[str, Any]] = scores.get("classes") or {classifier.classes[0]: scores}
    return found


def _pictures(judged: FoldPredictions, scores: dict[str, Any]) -> dict[str, str]:
    """ROC and precision-recall curves, and confusion where one table can show it."""
    classes = judged.classifier.classes
    shown = slice(0, _MOST_CURVES)
    curves = draw_roc_pr(
        judged.targets[:, shown].astype(int),
        scores=judged.probabilities[:, shown],
        class_names=classes[shown],
    )
    pictures = {"curves": figure_svg(curves)}
    if "confusion" in scores:
        one = len(classes) == 1
        names = (f"not {classes[0]}", classes[0]) if one else classes
        table = draw_confusion(np.array(scores["confusion"]), class_names=names)
        pictures["confusion"] = figure_svg(table)
    tables = {
        name: reliability_table(judged.targets[:, k], judged.probabilities[:, k], bins=BINS)
        for k, name in enumerate(classes[shown])
    }
    pictures["reliability"] = figure_svg(draw_reliability(tables))
    pictures["coverage"] = figure_svg(draw_coverage(_coverage_curves(judged, scores)))
    return pictures


def _coverage_curves(judged: FoldPredictions, scores: dict[str, Any]) -> dict[str, CoverageCurve]:
    """A curve a class; of exclusive classes one, by the probability of the likeliest."""
    classifier, probabilities = judged.classifier, judged.probabilities
    right = judged.decisions == (judged.targets > 0)
    if classifier.exclusive:
        return {"the likeliest class": _curve(right.all(axis=1), probabilities.max(axis=1))}
    class_scores = _class_scores(classifier, scores)
    curves = {}
    for k, name in enumerate(classifier.classes[:_MOST_CURVES]):
        sure = certainty(probabilities[:, k], threshold=float(classifier.thresholds[k]))
        curves[name] = _curve(right[:, k], sure, class_scores[name].get("band"))
    return curves


def _curve(
    right: NDArray[np.bool_], certainties: NDArray[Any], band: dict[str, Any] | None = None
) -> CoverageCurve:
    _, coverage, accuracy = coverage_and_accuracy(right, certainties)
    return CoverageCurve(
        coverage=coverage,
        accuracy=accuracy,
        records=right.size,
        band=(band["coverage"], band["accuracy"]) if band and band["coverage"] else None,
    )


def drawn_subgroups(subgroups: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a page shows of them: the whole, then where there are several each class.

    For each its `name` (None for the whole), `all`, `by`, with HEADINGS for the ways to part
    them, and a `picture`. Of many classes the first MOST_CLASSES; nothing where there is no way
    to part the records.
    """
    if not subgroups["by"]:
        return []
    names = [None, *list(subgroups["all"].get("classes", ()))[:MOST_CLASSES]]
    return [_drawn(subgroups, name) for name in names]


def _drawn(subgroups: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    overall = scores_of_class(subgroups["all"], name)
    groups = {
        HEADINGS[kind]: {group: scores_of_class(told, name) for group, told in members.items()}
        for kind, members in subgroups["by"].items()
    }
    forest = draw_forest(overall, groups, few_below=subgroups["few_below"])
    return {"name": name, "all": overall, "by": groups, "picture": figure_svg(forest)}
