"""Scores of a model of all statements, on every task that follows from its probabilities.

    python benchmarks/study/statement_scores.py STORE MODEL PTBXL

PTBXL is the folder that the store was made of; its scp_statements.csv says which statements make up
each superclass and subclass. A class of several statements is present if any of them is, as if they
were independent: 1 - the product of (1 - p). As in the published comparisons (Strodthoff et al.
2021), a task is scored on the records with at least one label of its kind, by the mean AUROC over
the classes with positive and negative records.

The published networks of a task were trained on such records alone. Ours was trained on all, so its
probability of a class is divided by that of any label of the kind.

Prints one line per task, on fold 9. There 21 of the 71 statements have fewer than ten records, and
their AUROC is mostly luck: --least 10 leaves them out.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecgcam.data.ptbxl import read_statements
from ecgcam.data.statements import Statement
from ecgcam.data.store import Store, open_store
from ecgcam.evaluation.fold_predictions import predict_records
from ecgcam.evaluation.metrics import binary_scores
from ecgcam.inference.loading import load

FOLD = 9
Classes = dict[str, list[str]]  # the statements of each class


@dataclass(frozen=True, kw_only=True)
class TaskScore:
    """A macro-AUROC, and how many classes and records it was scored on."""

    macro_auroc: float
    classes: int
    records: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("ptbxl", type=Path)
    parser.add_argument(
        "--least", type=int, default=1, help="fewest positive records of a class that counts"
    )
    arguments = parser.parse_args()
    store, statements = open_store(arguments.store), read_statements(arguments.ptbxl)
    scores = score_tasks(store, arguments.model, statements, least=arguments.least)
    for task, score in scores.items():
        of = f"{score.classes:>2} classes, {score.records} records"
        sys.stdout.write(f"{task:<11} {score.macro_auroc:.4f}   {of}\n")


def score_tasks(
    store: Store, model: Path, statements: Mapping[str, Statement], *, least: int = 1
) -> dict[str, TaskScore]:
    """Return the score of each task over the classes with at least `least` positive records."""
    classifier = load(model)
    indices = store.indices(folds=[FOLD])
    probabilities = classifier.probabilities(predict_records(classifier, store, indices))
    column = {name: k for k, name in enumerate(classifier.classes)}
    present = [
        {label.removeprefix("statement:") for label in labels if label.startswith("statement:")}
        for labels in store.records["labels"].iloc[indices]
    ]
    scores = {}
    for task, classes in tasks(statements).items():
        of_kind = set().union(*classes.values())
        kept = np.array([bool(of_kind & names) for names in present])
        any_label = _any_of(probabilities[kept], [column[n] for n in of_kind if n in column])
        found = []
        for members in classes.values():
            known = [column[name] for name in members if name in column]
            target = np.array([bool(names.intersection(members)) for names in present])[kept]
            if known and least <= target.sum() < len(target):
                found.append(_auroc(target, _any_of(probabilities[kept], known) / any_label))
        score = float(np.mean(found)) if found else float("nan")
        scores[task] = TaskScore(macro_auroc=score, classes=len(found), records=int(kept.sum()))
    return scores


def tasks(statements: Mapping[str, Statement]) -> dict[str, Classes]:
    """Return the classes of each task, by their statements."""
    every = {code: [code] for code in statements}
    grouped: dict[str, Classes] = {"subclass": {}, "superclass": {}}
    for code, statement in statements.items():
        for kind, classes in grouped.items():
            if (name := getattr(statement, kind)) is not None:
                classes.setdefault(name, []).append(code)
    diagnostic = {code for code, statement in statements.items() if statement.superclass}
    return {
        "all": every,
        "diagnostic": {code: every[code] for code in every if code in diagnostic},
        **grouped,
        "form": {code: every[code] for code in every if statements[code].form},
        "rhythm": {code: every[code] for code in every if statements[code].rhythm},
    }


def _any_of(probabilities: NDArray[np.float32], columns: Sequence[int]) -> NDArray[np.float64]:
    """Compute the probability of any of these statements, as if they were independent."""
    present = np.clip(probabilities[:, columns].astype(np.float64), 1e-30, 1 - 1e-12)
    any_of: NDArray[np.float64] = -np.expm1(np.log1p(-present).sum(axis=1))
    return any_of


def _auroc(target: NDArray[np.bool_], probability: NDArray[np.float64]) -> float:
    return binary_scores(target.astype(np.float32), probability)["auroc"]


if __name__ == "__main__":
    main()
