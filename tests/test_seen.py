"""A model says which records it has met before, wherever their store was made."""

import json
from types import SimpleNamespace

import pytest
from tiny import NORMAL, tiny_model, tiny_store

from ecgcam.classifier import load
from ecgcam.compare import as_text, compare_models
from ecgcam.evaluation_report import METRICS, REPORT, evaluate
from ecgcam.modelfile import read_card
from ecgcam.robustness_report import PAGE, RESULTS, report_robustness
from ecgcam.seen import Seen, seen
from ecgcam.shipped import shipped_models

DATA = {"source": "ptbxl", "fingerprint": "nine folds"}
MADE = {"data": DATA, "recipe": {"train_folds": [1, 2, 3], "validation_folds": [8, 9]}}
POINTS = {
    "threshold": "youden", "band": "none", "alpha": 0.1, "classes": {},
    "chosen_on": {"folds": [9], "records": 7, "store": "nine folds", "source": "ptbxl"},
}  # fmt: skip


def of(folds, provenance=MADE, *, points=None, source="ptbxl", fingerprint="nine folds"):
    """What a model has met of these folds, as three lists; None: not known."""
    card = {"provenance": provenance, "classes": ["ABNORMAL"]}
    if points:
        card["operating_points"] = points
    store = SimpleNamespace(about={"source": source, "fingerprint": fingerprint})
    return list(seen(card, store, folds).to_dict().values())


@pytest.mark.parametrize("same", [{}, {"fingerprint": "ten folds"}, {"source": "moved"}])
def test_what_it_learned_from_and_was_chosen_on_it_has_met_in_any_store_of_that_data(same):
    assert of([3, 4], points=POINTS, **same) == [[3], [], []]
    assert of([7, 8], points=POINTS, **same) == [[], [8], []]
    assert of([9], points=POINTS, **same) == [[], [9], [9]]
    assert of([4, 5], points=POINTS, **same) == [[], [], []]
    assert of([9]) == [[], [9], []]


def test_of_other_data_and_of_a_card_that_says_nothing_it_is_not_known():
    other = {"source": "mine", "fingerprint": "other"}
    assert of([9], points=POINTS, **other) == [None, None, None]
    assert of([9], **other) == [None, None, []]
    assert of([9], {"source": "weights published with the EMBC 2025 paper"}) == [None, None, []]
    unnamed = {"data": {"fingerprint": "other"}, "recipe": MADE["recipe"]}
    assert of([1], unnamed, source=None) == [None, None, []]


@pytest.mark.parametrize(
    "hostile",
    [{"data": 5}, {"data": {}, "recipe": {"train_folds": "123"}}, {"combined": [3, {}]},
     {"combined": "abc"}, {"data": DATA, "recipe": {"train_folds": [[1], None, "1"]}}],
)  # fmt: skip
def test_a_strangers_card_is_no_trouble(hostile):
    assert of([1, 9], hostile)[0] in (None, [])


def test_points_of_a_card_that_names_no_source_are_of_the_data_that_it_learned_from():
    before = POINTS | {"chosen_on": {"folds": [9], "records": 7, "store": "nine folds"}}
    assert of([9], points=before, fingerprint="ten folds")[2] == [9]
    elsewhere = POINTS | {"chosen_on": {"folds": [9], "records": 7, "store": "elsewhere"}}
    assert of([9], points=elsewhere, fingerprint="ten folds")[2] is None


def test_several_models_as_one_have_met_what_any_of_them_has():
    more = {"data": DATA, "recipe": {"train_folds": [5], "validation_folds": [9]}}
    strange = {"source": "a stranger"}

    def combined(*members):
        return MADE | {"combined": [{"sha256": "", "provenance": one} for one in members]}

    assert of([1, 5, 9], combined(MADE, more))[:2] == [[1, 5], [9]]
    assert of([1, 9], combined(combined(MADE, more), strange))[:2] == [[1], [9]]
    assert of([7], combined(MADE, strange))[:2] == [None, None]


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_knows_the_folds_of_a_store_that_a_user_prepares(name):
    """All ten folds of PTB-XL, where its own store had nine: another fingerprint."""
    card = read_card(shipped_models()[name])
    store = SimpleNamespace(about={"source": "ptbxl", "fingerprint": "of ten folds"})
    assert seen(card, store, [1]) == Seen(
        learned_from=(1,), epoch_chosen_on=(), points_chosen_on=()
    )
    assert seen(card, store, [9]) == Seen(
        learned_from=(), epoch_chosen_on=(9,), points_chosen_on=(9,)
    )
    assert seen(card, store, [10]).in_words() == []


def test_a_reader_is_told_in_every_report(tmp_path):
    store = tiny_store(tmp_path / "store", records=200)
    about = {"source": "made up", "fingerprint": "of another store"}
    path = tiny_model(tmp_path / "model.safetensors", task=NORMAL, card={
        "provenance": {"data": about, "recipe": {"train_folds": [1, 2], "validation_folds": [3]}}
    })  # fmt: skip
    model, folds = load(path), (2, 3)
    evaluate(model, store, tmp_path, folds=folds, replicates=3)
    report_robustness(model, store, tmp_path, folds=folds, replicates=3)
    found = compare_models(model, model, store, folds=folds, replicates=3)
    wanted = {"learned_from": [2], "epoch_chosen_on": [3], "points_chosen_on": []}
    for file in (METRICS, RESULTS):
        assert json.loads((tmp_path / file).read_text())["seen"] == wanted
    assert found["a"]["seen"] == found["b"]["seen"] == wanted
    told = "The model has learned from fold 2: new ECGs will show less. The epoch of the model was"
    for page in (REPORT, PAGE):
        assert told in (tmp_path / page).read_text()
    assert f"\nA: {told}" in as_text(found)
    evaluate(model, store, tmp_path, folds=[4], replicates=3)
    assert "The model has learned" not in (tmp_path / REPORT).read_text()
