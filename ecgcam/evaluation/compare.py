"""Two models on the same records: is one better, and could that be chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import ModelError
from ..inference.classifier import Classifier
from ..tasks import Task
from .bootstrap import resample_patients
from .fold_predictions import FoldPredictions, Progress, predict_folds
from .leakage import Seen, seen
from .metrics import share_or_none
from .paired_scores import ClinicalScores, difference, mean_over_classes, score_classes

RESULTS = "compare.json"


def compare_models(
    a: Classifier,
    b: Classifier,
    store: Store,
    *,
    folds: Sequence[int],
    seed: int = 0,
    replicates: int = 1000,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """What compare.json holds: the scores of both models and their differences, a - b.

    Each decides at its own thresholds. Both are scored on the same replicates over patients, so
    `difference_ci` and `p_value` (two-sided) are of the paired difference; no p is corrected for
    how many there are. Raises ModelError if the two have different tasks, and what
    `evaluate.predict_folds` raises.
    """
    _refuse_other_task(a, b)
    judged = [
        predict_folds(model, store, folds=folds, progress=_half(progress, half))
        for half, model in enumerate((a, b))
    ]
    counts = resample_patients(
        store.records["patient"].to_numpy()[judged[0].indices],
        rng=np.random.default_rng(seed),
        replicates=replicates,
    )
    return {
        "task": a.card["task"]["name"],
        "fold": folds[0] if len(folds) == 1 else list(folds),
        "n": len(judged[0].indices),
        "a": _about(a, store, folds),
        "b": _about(b, store, folds),
        "bootstrap": {"over": "patients", "replicates": replicates, "seed": seed},
        "wholly_right": _wholly_right(*judged, counts=counts),
        **_by_class(*judged, counts=counts),
    }


def _refuse_other_task(a: Classifier, b: Classifier) -> None:
    """ModelError if the two would be asked different questions, or about different records."""
    one, other = (asdict(Task.from_dict(model.card["task"])) for model in (a, b))
    for field in ("classes", "members", "exclusive", "unlabelled"):
        if one[field] != other[field]:
            raise ModelError(
                f"the two models have different tasks: {field} = {_words(one[field])} and "
                f"{field} = {_words(other[field])}. Needed: two models of one task."
            )


def _words(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _half(progress: Progress | None, half: int) -> Progress | None:
    """The progress of one of two models, as part of the whole."""
    if progress is None:
        return None
    return lambda done, total: progress(done + half * total, 2 * total)


def _about(model: Classifier, store: Store, folds: Sequence[int]) -> dict[str, Any]:
    known = {key: model.card[key] for key in ("backbone", "parameters", "leads", "thresholds")}
    met = seen(model.card, store, folds).to_dict()
    return known | {"temperature": model.temperature, "seen": met}


def _by_class(
    a: FoldPredictions, b: FoldPredictions, *, counts: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """`classes`, the scores of each, and where there are several `macro`, of their mean."""
    of_a, of_b = (
        score_classes(one.targets, one.probabilities, one.decisions, counts=counts)
        for one in (a, b)
    )
    names = a.classifier.classes
    answer: dict[str, Any] = {
        "classes": {n: _side_by_side(*pair) for n, *pair in zip(names, of_a, of_b, strict=True)}
    }
    if len(names) > 1:
        answer["macro"] = _side_by_side(mean_over_classes(of_a), mean_over_classes(of_b))
    return answer


def _side_by_side(a: ClinicalScores, b: ClinicalScores) -> dict[str, dict[str, Any]]:
    """For each score `a`, `a_ci`, `b`, `b_ci`, `difference`, `difference_ci` and `p_value`."""
    told_a, told_b = a.to_dict(), b.to_dict()
    return {
        score: {
            "a": told_a[score],
            "a_ci": told_a[f"{score}_ci"],
            "b": told_b[score],
            "b_ci": told_b[f"{score}_ci"],
            **change,
        }
        for score, change in a.minus(b).items()
    }


def _wholly_right(
    a: FoldPredictions, b: FoldPredictions, *, counts: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """The share of records of which a model decides every class rightly, and who alone does."""
    right = [(one.decisions == (one.targets > 0)).all(axis=1) for one in (a, b)]
    shares = [np.append(one.mean(), counts @ one / counts.sum(axis=1)) for one in right]
    every = np.ones_like(right[0])
    return {
        "a": float(shares[0][0]),
        "a_ci": share_or_none(shares[0][1:], among=every, counts=counts),
        "b": float(shares[1][0]),
        "b_ci": share_or_none(shares[1][1:], among=every, counts=counts),
        **difference(*shares),
        "only_a": int((right[0] & ~right[1]).sum()),
        "only_b": int((right[1] & ~right[0]).sum()),
    }


def as_text(found: Mapping[str, Any]) -> str:
    """The same as lines to read: a row a class and score."""
    parts = {**found["classes"], **({"mean": found["macro"]} if "macro" in found else {})}
    rows = [("class", "score", "A", "B", "A - B", "p")]
    for name, scores in parts.items():
        for score, told in scores.items():
            rows.append((name, score.replace("auroc", "AUROC"), *_cells(told)))
    whole = found["wholly_right"]
    if "macro" in found:  # of one class it is the accuracy
        rows.append(("every", "wholly right", *_cells(whole)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    alone = f"{whole['only_a']:,} records only A has wholly right, {whole['only_b']:,} only B."
    met = [f"{side.upper()}: {' '.join(said)}" for side in "ab" if (said := _met(found[side]))]
    return "\n".join([*lines, alone, *met])


def _met(model: Mapping[str, Any]) -> list[str]:
    return Seen(**model["seen"]).in_words()


def _cells(told: Mapping[str, Any]) -> tuple[str, str, str, str]:
    p = told["p_value"]
    return (
        _with_interval(told["a"], told["a_ci"], ".4f"),
        _with_interval(told["b"], told["b_ci"], ".4f"),
        _with_interval(told["difference"], told["difference_ci"], "+.4f"),
        "-" if p is None else f"{p:.3f}",
    )


def _with_interval(value: float | None, interval: Sequence[float] | None, style: str) -> str:
    if value is None:
        return "-"
    if interval is None:
        return f"{value:{style}}"
    return f"{value:{style}} [{interval[0]:{style}}, {interval[1]:{style}}]"
