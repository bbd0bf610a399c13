"""The same scores for parts of the people: by age, sex, device, site and the signal's quality.

A difference between two groups is no proof of unfairness: they differ in who is ill, and of what.
Groups with few of either kind of record are marked, for their figures cannot be relied on.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .bootstrap import resample_patients
from .fold_predictions import FoldPredictions
from .paired_scores import in_metrics_form, mean_over_classes, score_classes

FEW = 20  # positives, or negatives: with fewer, one record moves a share by more than 5 %
MOST_GROUPS = 8  # of devices, and of sites
UNKNOWN = "unknown"

_AGE_YEARS = {"under 40": 0, "40 to 59": 40, "60 to 79": 60, "80 and over": 80}  # where each begins


def score_subgroups(
    judged: FoldPredictions, *, seed: int = 0, replicates: int = 1000
) -> dict[str, Any]:
    """What metrics.json holds as `subgroups`.

    `all`: the scores of all records. `by`: for each way to part them, those of each group. They
    are AUROC, accuracy, sensitivity and specificity, with intervals over patients, laid out as in
    metrics.json; beside those of a class stand `n`, `positives`, `negatives` and `few`: whether
    one of the two is below `few_below`. Beside macro scores `few` is whether it is so of any class.
    """

    def scored(inside: NDArray[np.bool_]) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        return _score_group(judged, inside, rng=rng, replicates=replicates)

    records = judged.store.records.iloc[judged.indices]
    return {
        "few_below": FEW,
        "all": scored(np.ones(len(records), bool)),
        "by": {
            kind: {str(name): scored(group == name) for name in group.categories}
            for kind, group in groups_of(records).items()
        },
    }


def groups_of(records: pd.DataFrame) -> dict[str, pd.Categorical]:
    """For each way to part the records the group of each, the groups in their order.

    Records of which something is not known are a group of their own. Of devices and sites those
    with fewer than 2 FEW records, or beyond the MOST_GROUPS largest, are together. A way that
    leaves all records in one group is left out.
    """
    return {kind: group for kind, group in _parted(records) if len(group.categories) > 1}


def _parted(records: pd.DataFrame) -> Iterator[tuple[str, pd.Categorical]]:
    if "age_years" in records:
        bounds = [*_AGE_YEARS.values(), np.inf]
        bands = pd.cut(records["age_years"], bounds, right=False, labels=list(_AGE_YEARS))
        yield "age", _in_order(bands.astype("object"), [*_AGE_YEARS])
    if "sex" in records:
        yield "sex", _in_order(records["sex"], ["female", "male"])
    for kind in ("device", "site"):
        if kind in records:
            yield kind, _largest(records[kind])
    if "quality" in records:
        found = records["quality"].map(lambda faults: "found" if len(faults) else "none found")
        yield "quality", _in_order(found, ["none found", "found"])
    if "noise" in records:
        noted = records["noise"].map(lambda kinds: "noted" if kinds else "none noted")
        yield "noise", _in_order(noted, ["none noted", "noted"])


def _score_group(
    judged: FoldPredictions, inside: NDArray[np.bool_], *, rng: np.random.Generator, replicates: int
) -> dict[str, Any]:
    """The scores of the judged records that are inside (n,)."""
    patients = judged.store.records["patient"].to_numpy()[judged.indices[inside]]
    targets = judged.targets[inside]
    scores = score_classes(
        targets,
        judged.probabilities[inside],
        judged.decisions[inside],
        counts=resample_patients(patients, rng=rng, replicates=replicates),
    )
    positives = targets.sum(axis=0).astype(int).tolist()
    classes = {
        name: {**_size(len(targets), positive), **score.to_dict()}
        for name, positive, score in zip(judged.classifier.classes, positives, scores, strict=True)
    }
    few = any(one["few"] for one in classes.values())
    told = in_metrics_form(classes, mean_over_classes(scores).to_dict())
    return {"n": len(targets), "few": few} | told


def _size(n: int, positives: int) -> dict[str, Any]:
    few = min(positives, n - positives) < FEW
    return {"n": n, "positives": positives, "negatives": n - positives, "few": few}


def _in_order(values: pd.Series, first: list[str]) -> pd.Categorical:
    """The groups that are there: these first, then any other, then those not known."""
    words = values.astype("object").where(values.notna(), UNKNOWN).astype(str)
    there = words.unique().tolist()
    others = sorted(name for name in there if name not in first and name != UNKNOWN)
    order = [name for name in [*first, *others, UNKNOWN] if name in there]
    return pd.Categorical(words, categories=order)


def _largest(values: pd.Series) -> pd.Categorical:
    """The groups with the most records, then the others together, then those not known."""
    counts = values.dropna().astype(str).value_counts()
    large = counts[counts >= 2 * FEW].index[:MOST_GROUPS].tolist()
    rest = [name for name in counts.index if name not in large]
    if len(rest) < 2:
        return _in_order(values, [*large, *rest])
    others = f"others ({len(rest)})"
    named = values.astype("object").where(values.isna() | values.astype(str).isin(large), others)
    return _in_order(named, [*large, others])
