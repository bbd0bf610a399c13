"""Evaluation report: metrics.json, predictions.parquet and report.html in one folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..evaluation.calibration import reliability_table
from ..evaluation.calibration_scores import BINS
from ..evaluation.fold_predictions import (
    ClassPredictions,
    FoldPredictions,
    by_class,
    predict_folds,
)
from ..evaluation.leakage import LeakageCheck
from ..evaluation.paired_scores import scores_of_class
from ..evaluation.scoring import all_scores
from ..evaluation.uncertainty import certainty, coverage_and_accuracy
from ..files import atomic_write, write_text
from ..inference.classifier import Classifier
from ..plots.curves import draw_confusion, draw_roc_pr
from ..plots.forest import draw_forest
from ..plots.reliability import CoverageCurve, draw_coverage, draw_reliability
from ..plots.summary import summarize
from ..processes import Progress
from ..tasks import TITLES, full_name
from .explanation_report import remove_explanations, write_explanations
from .html import figure_svg, png_file, write_page
from .mean_beats import write_mean_beats

METRICS = "metrics.json"
PREDICTIONS = "predictions.parquet"
REPORT = "report.html"
HITS, MISSES = "surest-hits", "worst-misses"

MOST_CLASSES = 6  # with subgroup figures of their own
HEADINGS = {
    "age": "age in years",
    "sex": "sex",
    "device": "recording device",
    "site": "recording site",
    "quality": "signal quality",
    "noise": "noise noted by annotators",
}

_MOST_CURVES = 6  # more curves in one figure cannot be told apart


def write_evaluation(
    classifier: Classifier,
    store: Store,
    out: Path,
    *,
    folds: Sequence[int] = (9,),
    draw: int = 0,
    beats: bool = False,
    seed: int = 0,
    replicates: int = 1000,
    progress: Progress | None = None,
    beats_progress: Progress | None = None,
) -> Path:
    """Predict and score the folds, write the results to `out`, and return the report's path.

    draw: number of the most certain correct answers, and of the most certain wrong answers, that
    are explained in subfolders. beats: draw the mean beat and mean evidence of each class too.
    progress, beats_progress: count the ECGs predicted, and then the mean beats.
    """
    predictions = predict_folds(classifier, store, folds=folds, progress=progress)
    scores = all_scores(predictions, seed=seed, replicates=replicates)
    _write_results(predictions, scores, out)
    drawn = _draw_extremes(predictions, out, draw)
    mean_beats = write_mean_beats(predictions, out, progress=beats_progress) if beats else {}
    by_name = dict(zip(classifier.full_names, _class_scores(predictions, scores), strict=True))
    classes = {name: own for name, own in by_name.items() if own["n"]}
    full_names = dict(zip(classifier.classes, classifier.full_names, strict=True))
    return write_page(
        out / REPORT,
        "evaluation.html.jinja",
        scores=scores,
        leakage=LeakageCheck(**scores["leakage"]).in_words(),
        classes=classes,
        unscored=[name for name in by_name if name not in classes],
        thresholds=dict(zip(classifier.full_names, classifier.thresholds.tolist(), strict=True)),
        normal_against={
            full_name(name, TITLES.get(name, "")): against
            for name, against in scores.get("normal_against", {}).items()
        },
        card=classifier.card,
        store=store.about,
        pictures=_pictures(predictions, scores),
        subgroups=draw_subgroups(scores["subgroups"], full_names),
        drawn=drawn,
        mean_beats={name: png_file(path) for name, path in mean_beats.items()},
    )


def _write_results(predictions: FoldPredictions, scores: Mapping[str, Any], out: Path) -> None:
    """Write the scores and the predictions of each record."""
    write_text(out / METRICS, json.dumps(scores, indent=1) + "\n")
    with atomic_write(out / PREDICTIONS) as temporary:
        predictions.to_table().to_parquet(temporary, index=False)


def _draw_extremes(
    predictions: FoldPredictions, out: Path, count: int
) -> dict[str, list[dict[str, str]]]:
    """Explain the most certain correct and wrong answers; return their pages and pictures.

    The explanations of an earlier evaluation in this folder are removed; other files stay.
    """
    drawn = {}
    extremes = predictions.most_confident_and_worst(count)
    for folder, indices in zip((HITS, MISSES), extremes, strict=True):
        remove_explanations(out / folder)
        records = [predictions.store.record(index) for index in indices]
        answers = predictions.classifier.explain(records, force=True) if records else []
        pages = write_explanations(records, answers, out / folder)
        drawn[folder] = [
            {
                "page": f"{folder}/{page.name}",  # relative to the report
                "picture": png_file(page.with_name(f"{page.stem}-sheet.png")),
                "words": f"ECG {answer.name}: {summarize(record, answer).answer}",
                "labels": _labels_in_words(predictions, index),
            }
            for page, record, answer, index in zip(pages, records, answers, indices, strict=True)
        ]
    return drawn


def _labels_in_words(predictions: FoldPredictions, index: int) -> str:
    """Return the true classes and the SCP statements of the store's record with this index."""
    (target,) = predictions.targets[predictions.indices == index] > 0
    names = np.array(predictions.classifier.full_names)[target]
    row = predictions.store.records.iloc[index]
    words = f"ECG {row['id']}; labelled: {', '.join(names) or 'none of these classes'}"
    titles = predictions.store.titles
    statements = [
        full_name(label.removeprefix("statement:"), titles.get(label, ""))
        for label in row["labels"]
        if label.startswith("statement:")
    ]
    return f"{words}; SCP statements: {', '.join(statements)}" if statements else words


def _class_scores(predictions: FoldPredictions, scores: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the scores of each class; a single class has those of the model."""
    if "classes" not in scores:
        return [scores]
    return [scores["classes"][name] for name in predictions.classifier.classes]


def _pictures(predictions: FoldPredictions, scores: dict[str, Any]) -> dict[str, str]:
    """Draw ROC and precision-recall curves, calibration, coverage, and the confusion matrix."""
    names = predictions.classifier.full_names
    first = _first_known(predictions)
    tables = {
        name: reliability_table(own.targets, own.probabilities, bins=BINS)
        for name, own in first.items()
    }
    curves = {name: (own.targets, own.probabilities) for name, own in first.items()}
    pictures = {
        "curves": draw_roc_pr(curves),
        "reliability": draw_reliability(tables),
        "coverage": draw_coverage(_coverage_curves(predictions, scores)),
    }
    if "confusion" in scores:
        if len(names) == 1:
            names = (f"{names[0]}: no", f"{names[0]}: yes")
        pictures["confusion"] = draw_confusion(np.array(scores["confusion"]), class_names=names)
    return {name: figure_svg(figure) for name, figure in pictures.items()}


def _coverage_curves(
    predictions: FoldPredictions, scores: dict[str, Any]
) -> dict[str, CoverageCurve]:
    """Return a curve per class; for exclusive classes one, by the highest probability."""
    classifier, probabilities = predictions.classifier, predictions.probabilities
    if classifier.exclusive:
        certainties = probabilities.max(axis=1)
        return {"most probable class": _curve(predictions.correct, certainties)}
    class_scores = _class_scores(predictions, scores)
    curves = {}
    for name, own in _first_known(predictions).items():
        k = classifier.full_names.index(name)
        sure = certainty(own.probabilities, threshold=float(classifier.thresholds[k]))
        curves[name] = _curve(own.decisions == own.targets, sure, class_scores[k].get("band"))
    return curves


def _first_known(predictions: FoldPredictions) -> dict[str, ClassPredictions]:
    """Return the first classes that are known in some records, by their full names."""
    pairs = zip(predictions.classifier.full_names, by_class(predictions), strict=True)
    known = [(name, own) for name, own in pairs if own.known.any()]
    return dict(known[:_MOST_CURVES])


def _curve(
    correct: NDArray[np.bool_], certainties: NDArray[Any], band: dict[str, Any] | None = None
) -> CoverageCurve:
    _, coverage, accuracy = coverage_and_accuracy(correct, certainties)
    return CoverageCurve(
        coverage=coverage,
        accuracy=accuracy,
        records=correct.size,
        band=(band["coverage"], band["accuracy"]) if band and band["coverage"] else None,
    )


def draw_subgroups(
    subgroups: Mapping[str, Any], full_names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return the subgroup scores and figures of the model, then of each of several classes.

    subgroups: as in metrics.json. Each entry has `name` (full name; None for the model), `all`,
    `by` (groups by the headings HEADINGS) and `picture`. At most MOST_CLASSES classes; empty if
    the records have no groups.
    """
    if not subgroups["by"]:
        return []
    names = [None, *list(subgroups["all"].get("classes", ()))[:MOST_CLASSES]]
    parts = []
    for name in names:
        overall = scores_of_class(subgroups["all"], name)
        groups = {
            HEADINGS[kind]: {group: scores_of_class(of, name) for group, of in members.items()}
            for kind, members in subgroups["by"].items()
        }
        forest = draw_forest(overall, groups, few_below=subgroups["few_below"])
        title = full_names[name] if name else None
        parts.append({"name": title, "all": overall, "by": groups, "picture": figure_svg(forest)})
    return parts
