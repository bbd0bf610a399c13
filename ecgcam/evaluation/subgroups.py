"""Scores of subgroups: by age, sex, device, site, signal quality and noise.

A difference between two groups does not prove unfairness: the groups differ in who is ill, and with
what. Groups with few positives or negatives are marked, because their scores are unreliable.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from .fold_predictions import FoldPredictions, by_class
from .paired_scores import mean_over_classes, metrics_layout, score_classes

FEW = 20  # positives, or negatives: with fewer, one record changes a fraction by more than 5 %
MOST_GROUPS = 8  # of devices, and of sites
UNKNOWN = "unknown"

_AGE_FROM_YEARS = {"under 40": 0, "40 to 59": 40, "60 to 79": 60, "80 and over": 80}


def score_subgroups(
    predictions: FoldPredictions, *, seed: int = 0, replicates: int = 1000
) -> dict[str, Any]:
    """Return the `subgroups` of metrics.json.

    `all`: the scores of all records. `by`: for each grouping, the scores of each group. These are
    AUROC, accuracy, sensitivity and specificity, with intervals over patients, laid out as in
    metrics.json. Each class also has `n`, `positives`, `negatives` and `few`: whether one of the
    two is below `few_below`. Macro scores are `few` if any class is.
    """
    records = predictions.store.records.iloc[predictions.indices]
    return {
        "few_below": FEW,
        "all": _score_group(predictions, seed=seed, replicates=replicates),
        "by": {
            kind: {
                str(name): _score_group(
                    predictions.subset(np.asarray(groups == name)), seed=seed, replicates=replicates
                )
                for name in groups.categories
            }
            for kind, groups in groups_of(records).items()
        },
    }


def groups_of(records: pd.DataFrame) -> dict[str, pd.Categorical]:
    """Return the group of each record for each grouping, with the groups in display order.

    Records without the value form the group "unknown". Devices and sites with fewer than 2 FEW
    records, and those beyond the MOST_GROUPS largest, form one group. A grouping with a single
    group is left out.
    """
    return {kind: group for kind, group in _groupings(records) if len(group.categories) > 1}


def _groupings(records: pd.DataFrame) -> Iterator[tuple[str, pd.Categorical]]:
    if "age_years" in records:
        bounds = [*_AGE_FROM_YEARS.values(), np.inf]
        ages = pd.cut(records["age_years"], bounds, right=False, labels=list(_AGE_FROM_YEARS))
        yield "age", _ordered(ages.astype("object"), [*_AGE_FROM_YEARS])
    if "sex" in records:
        yield "sex", _ordered(records["sex"], ["female", "male"])
    for kind in ("device", "site"):
        if kind in records:
            yield kind, _largest(records[kind])
    if "quality" in records:
        faults = records["quality"].map(lambda faults: "found" if len(faults) else "none found")
        yield "quality", _ordered(faults, ["none found", "found"])
    if "noise" in records:
        noise = records["noise"].map(lambda kinds: "noted" if kinds else "none noted")
        yield "noise", _ordered(noise, ["none noted", "noted"])


def _score_group(predictions: FoldPredictions, *, seed: int, replicates: int) -> dict[str, Any]:
    counts = predictions.resample(seed=seed, replicates=replicates)
    scores = score_classes(predictions, counts)
    n = len(predictions.targets)
    classes = {}
    for name, class_scores, own in zip(
        predictions.classifier.classes, scores, by_class(predictions), strict=True
    ):
        positives, known = int(own.targets.sum()), len(own.targets)
        size = {"n": known, "positives": positives, "negatives": known - positives}
        few = min(positives, known - positives) < FEW
        classes[name] = size | {"few": few} | class_scores.to_dict()
    few = any(entry["few"] for entry in classes.values())
    layout = metrics_layout(classes, mean_over_classes(scores).to_dict())
    return {"n": n, "few": few} | layout


def _ordered(values: pd.Series, first: list[str]) -> pd.Categorical:
    """Return the values as groups: these names first, then any others, then the unknown."""
    names = values.astype("object").where(values.notna(), UNKNOWN).astype(str)
    present = names.unique().tolist()
    others = sorted(name for name in present if name not in first and name != UNKNOWN)
    order = [name for name in [*first, *others, UNKNOWN] if name in present]
    return pd.Categorical(names, categories=order)


def _largest(values: pd.Series) -> pd.Categorical:
    """Return the largest groups, then all others as one, then the unknown."""
    sizes = values.dropna().astype(str).value_counts()
    large = sizes[sizes >= 2 * FEW].index[:MOST_GROUPS].tolist()
    rest = [name for name in sizes.index if name not in large]
    if len(rest) < 2:
        return _ordered(values, [*large, *rest])
    others = f"others ({len(rest)})"
    names = values.astype("object").where(values.isna() | values.astype(str).isin(large), others)
    return _ordered(names, [*large, others])
