"""What a card says of doubts comes back as it was, and a hostile one is refused."""

import json

import numpy as np
import pytest

from ecgcam.errors import ModelError
from ecgcam.inference.decisions import (
    KEY,
    Band,
    ChosenOn,
    ClassPoints,
    ConformalLimits,
    OperatingPoint,
    OperatingPoints,
)

CLASSES = ("MI", "CD", "HYP")


def class_points(**about):
    usual = {
        "positives": 30,
        "negatives": 70,
        "points": {
            "youden": OperatingPoint(threshold=0.4, sensitivity=0.9, specificity=0.8),
            "sensitivity=0.95": OperatingPoint(threshold=0.2, sensitivity=0.96, specificity=0.5),
        },
        "band": Band(low=0.3, high=0.6),
        "conformal": ConformalLimits(positive_from=0.35, negative_up_to=0.7),
    }
    return ClassPoints(**usual | about)


def points(**about):
    usual = {
        "chosen_on": ChosenOn(folds=(8, 9), records=100, store="abc"),
        "threshold": "youden",
        "band": "accuracy=0.95",
        "alpha": 0.1,
        "classes": {"MI": class_points(), "HYP": class_points(band=None)},
    }
    return OperatingPoints(**usual | about)


def card(**about):
    return {"classes": list(CLASSES), KEY: json.loads(json.dumps(points(**about).to_dict()))}


def test_points_come_back_from_json_as_they_were():
    assert OperatingPoints.from_card(card()) == points()


def test_a_card_without_them_knows_nothing():
    assert OperatingPoints.from_card({"classes": ["MI"]}) is None


@pytest.mark.parametrize(
    ("probability", "uncertain"), [(0.3, False), (0.31, True), (0.59, True), (0.6, False)]
)
def test_a_class_is_uncertain_within_its_own_band_alone(probability, uncertain):
    found = points().uncertain(CLASSES, np.full(3, probability, np.float32))
    assert found == (("MI",) if uncertain else ())


def test_without_any_band_nobody_knows_what_is_uncertain():
    without = points(classes={"MI": class_points(band=None)})
    assert without.uncertain(CLASSES, np.full(3, 0.5, np.float32)) is None


def setting(*keys, to):
    def change(found):
        *path, last = keys
        for key in path:
            found = found[key]
        found[last] = to

    return change


@pytest.mark.parametrize(
    "change",
    [
        *(setting(KEY, to=to) for to in (None, 5, "text", [], [1], {}, {"x": {}})),
        *(setting(KEY, key, to=None) for key in ("chosen_on", "alpha", "classes")),
        *(setting(KEY, "alpha", to=to) for to in (0, 1, -1, float("nan"), "x", [], 10**400)),
        *(setting(KEY, "chosen_on", to=to) for to in ([], {"folds": [9]}, {"records": 5})),
        *(setting(KEY, "chosen_on", "folds", to=to) for to in (9, ["x"], [None], [float("inf")])),
        setting(KEY, "classes", to=["MI"]),
        setting(KEY, "classes", "NORM", to=points().to_dict()["classes"]["MI"]),
        *(setting(KEY, "classes", "MI", to=to) for to in (None, 5, [], {})),
        *(setting(KEY, "classes", "MI", "points", to=to) for to in (None, [], {"youden": 0.5})),
        *(
            setting(KEY, "classes", "MI", "points", "youden", key, to=to)
            for key in ("threshold", "sensitivity", "specificity", "more")
            for to in (-0.1, 1.1, float("nan"), float("inf"), 10**400, "0.5", None, [])
        ),
        *(setting(KEY, "classes", "MI", "band", to=to) for to in (5, [0.1, 0.2], {"low": 0.1})),
        *(setting(KEY, "classes", "MI", "band", "low", to=to) for to in (0.7, -1, "0.3", None)),
        *(setting(KEY, "classes", "MI", "conformal", to=to) for to in (None, 5, {})),
        *(
            setting(KEY, "classes", "MI", "conformal", key, to=to)
            for key in ("positive_from", "negative_up_to", "more")
            for to in (-0.1, 1.1, float("nan"), "0.5", None)
        ),
        *(
            setting(KEY, "classes", "MI", "positives", to=to)
            for to in (None, "many", [], float("inf"), float("nan"))
        ),
    ],
)
def test_a_hostile_card_is_refused(change):
    hostile = card()
    change(hostile)
    with pytest.raises(ModelError, match="invalid 'operating_points'"):
        OperatingPoints.from_card(hostile)
