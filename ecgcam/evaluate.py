"""Scores of a model on the folds of a store, with intervals by bootstrap over patients."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .bootstrap import resample_patients
from .classifier import Classifier
from .errors import ModelError, RecordError
from .labels import SUPERCLASSES, Task
from .leads import lead_order
from .metrics import scores_with_intervals
from .operating_points import OperatingPoints
from .seen import Seen, seen
from .store import Store
from .trust_scores import trust_scores

Progress = Callable[[int, int], None]

_BLOCK = 512  # records read and judged at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """What a model said of the records of some folds, beside what is true.

    numbers: (n,) the records' numbers in the store. targets, logits, probabilities: (n, classes).
    dropped: how many records of these folds the task leaves out.
    """

    classifier: Classifier
    store: Store
    folds: tuple[int, ...]
    numbers: NDArray[np.int64]
    targets: NDArray[np.float32]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    dropped: int

    @property
    def decisions(self) -> NDArray[np.bool_]:
        """(n, classes): whether each class is part of the decision."""
        if self.classifier.exclusive:
            best = self.probabilities.argmax(axis=1)
            return best[:, None] == np.arange(len(self.classifier.classes))
        return self.probabilities >= self.classifier.thresholds


def judge_folds(
    classifier: Classifier,
    store: Store,
    *,
    folds: Sequence[int],
    progress: Progress | None = None,
) -> Judged:
    """Judge every record of these folds that the model's task keeps.

    Raises ModelError if the store's signals are not what the model takes, DatasetError if these
    folds hold no record for its task.
    """
    task = Task.from_dict(classifier.card["task"]).fitted_to(store.vocabulary)
    labelled = store.some_labelled(task, folds=folds)
    logits = judge_numbers(classifier, store, labelled.numbers, progress=progress)
    return Judged(
        classifier=classifier,
        store=store,
        folds=tuple(folds),
        numbers=labelled.numbers,
        targets=labelled.targets,
        logits=logits,
        probabilities=classifier.probabilities(logits),
        dropped=labelled.dropped,
    )


def judge_numbers(
    classifier: Classifier,
    store: Store,
    numbers: NDArray[np.int64],
    *,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """The logits (records, classes) of these records of a store.

    Raises ModelError if the store's signals are not what the model takes.
    """
    rows = _fitting_leads(classifier, store)
    logits = []
    for at in range(0, len(numbers), _BLOCK):
        block = numbers[at : at + _BLOCK]
        logits.append(classifier.judge(store.signals_mv(block)[:, rows])[0])
        if progress:
            progress(at + len(block), len(numbers))
    return np.concatenate(logits)


def score(judged: Judged, *, seed: int = 0, replicates: int = 1000) -> dict[str, Any]:
    """What metrics.json holds: the scores with intervals, and what was scored.

    The model's own thresholds decide. A task of one class called ABNORMAL is also scored as the
    paper does, the normal records against those of each other superclass.
    """
    classifier = judged.classifier
    folds = list(judged.folds)
    met = seen(classifier.card, judged.store, folds)
    answer = {
        "task": classifier.card["task"]["name"],
        "fold": folds[0] if len(folds) == 1 else folds,
        "n_dropped": judged.dropped,
        "parameters": classifier.card["parameters"],
        "seen": met.to_dict(),
        "bootstrap": {"over": "patients", "replicates": replicates, "seed": seed},
        **_scores(judged, np.arange(len(judged.numbers)), seed=seed, replicates=replicates),
    }
    if classifier.classes == ("ABNORMAL",) and "superclass" in judged.store.vocabulary:
        answer["normal_against"] = {
            name: _scores(judged, places, seed=seed, replicates=replicates)
            for name in SUPERCLASSES[1:]
            if len(places := _normal_and(judged, name))
        }
    for name, added in _trust(judged, seed=seed, replicates=replicates).items():
        (answer["classes"][name] if "classes" in answer else answer).update(added)
    if classifier.operating_points is not None:
        answer["chosen"] = _chosen(classifier.operating_points, met)
    return answer


def predictions(judged: Judged) -> pd.DataFrame:
    """One row a record: id, fold, and for each class target, logit, probability, decision."""
    known = judged.store.records.iloc[judged.numbers]
    table = {"id": known["id"].to_numpy(), "fold": known["fold"].to_numpy()}
    for k, name in enumerate(judged.classifier.classes):
        table[f"target_{name}"] = judged.targets[:, k].astype(np.int8)
        table[f"logit_{name}"] = judged.logits[:, k]
        table[f"probability_{name}"] = judged.probabilities[:, k]
        table[f"decision_{name}"] = judged.decisions[:, k]
    return pd.DataFrame(table)


def surest_and_worst(judged: Judged, count: int) -> tuple[list[int], list[int]]:
    """The records that are decided rightly and furthest from doubt, and the worst misses.

    Both as numbers in the store, the most telling first: by how far the probability of some
    class is on the right, or the wrong, side of its threshold.
    """
    right_side = np.where(judged.targets > 0, 1, -1)
    margins = (judged.probabilities - judged.classifier.thresholds) * right_side
    right = (judged.decisions == (judged.targets > 0)).all(axis=1)
    surest = np.flatnonzero(right)[np.argsort(-margins[right].min(axis=1), kind="stable")]
    worst = np.flatnonzero(~right)[np.argsort(margins[~right].min(axis=1), kind="stable")]
    return judged.numbers[surest[:count]].tolist(), judged.numbers[worst[:count]].tolist()


def _fitting_leads(classifier: Classifier, store: Store) -> list[int]:
    """Where the model's leads stand in the store; ModelError if its signals do not fit."""
    needed = (classifier.rate_hz, round(classifier.rate_hz * classifier.duration_s))
    if (store.rate_hz, store.samples) != needed:
        raise ModelError(
            f"the model takes {needed[1]} samples at {needed[0]:g} Hz; {store.folder} holds "
            f"{store.samples} at {store.rate_hz:g} Hz. `ecgcam prepare --resample` can make it fit."
        )
    try:
        return lead_order(store.leads, classifier.leads)
    except RecordError as error:
        raise ModelError(f"{store.folder}: {error}") from None


def _scores(
    judged: Judged, places: NDArray[np.int64], *, seed: int, replicates: int
) -> dict[str, Any]:
    """The scores of the records at these places."""
    classifier = judged.classifier
    return scores_with_intervals(
        judged.targets[places],
        judged.probabilities[places],
        decisions=judged.decisions[places],
        class_names=classifier.classes,
        patients=judged.store.records["patient"].to_numpy()[judged.numbers[places]],
        exclusive=classifier.exclusive,
        rng=np.random.default_rng(seed),
        replicates=replicates,
    )


def _trust(judged: Judged, *, seed: int, replicates: int) -> dict[str, dict[str, Any]]:
    """For each class its calibration, and what the points, band and sets of the card reach."""
    classifier = judged.classifier
    patients = judged.store.records["patient"].to_numpy()[judged.numbers]
    counts = resample_patients(
        patients, rng=np.random.default_rng(seed), replicates=replicates
    ).astype(np.float32)
    points = classifier.operating_points
    return {
        name: trust_scores(
            judged.targets[:, k],
            judged.probabilities[:, k],
            threshold=float(classifier.thresholds[k]),
            chosen=points.classes.get(name) if points else None,
            counts=counts,
        )
        for k, name in enumerate(classifier.classes)
    }


def _chosen(points: OperatingPoints, met: Seen) -> dict[str, Any]:
    """What the card's points were chosen by and on; whether on some of these, None: not known."""
    on_these = met.points_chosen_on
    return {
        **asdict(points.chosen_on),
        "threshold": points.threshold,
        "band": points.band,
        "alpha": points.alpha,
        "on_these_records": None if on_these is None else bool(on_these),
    }


def _normal_and(judged: Judged, superclass: str) -> NDArray[np.int64]:
    """The places of the normal records and of those that have the superclass."""
    labels = judged.store.records["labels"].iloc[judged.numbers]
    has = np.array([f"superclass:{superclass}" in found for found in labels])
    return np.flatnonzero(has | (judged.targets[:, 0] == 0)) if has.any() else np.empty(0, np.int64)
