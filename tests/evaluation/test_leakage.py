"""A model says which records it has met before, wherever their store was made."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.tiny import NORMAL, changed, tiny_model, tiny_store, write_store

from ecgcam.cli.compare_command import format_comparison
from ecgcam.data.preparation import prepare
from ecgcam.data.source import split
from ecgcam.data.store import open_store
from ecgcam.evaluation.compare import compare_models
from ecgcam.evaluation.leakage import Seen, data_of, fold_digests, seen, taught_by
from ecgcam.inference.classifier import load
from ecgcam.inference.combine import combine
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models
from ecgcam.reports.evaluation_report import METRICS, REPORT, write_evaluation
from ecgcam.reports.robustness_report import PAGE, RESULTS, report_robustness
from ecgcam.training.trainer import train

OLD = {"source": "ptbxl", "fingerprint": "nine folds", "records": 180}  # as cards once had it
TRAIN, CHOOSE = [1, 2, 3], [8, 9]
SHORT = changed(epochs=1, learning_rate=5e-4)


@pytest.fixture(scope="module")
def ten_folds(tmp_path_factory):
    """A store of a whole dataset."""
    store = tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)
    return told(store, source="ptbxl", fingerprint="ten folds")


@pytest.fixture(scope="module")
def nine_folds(ten_folds):
    """That without fold 10, as the model had it."""
    return told(only(ten_folds, range(1, 10)), fingerprint="nine folds")


def told(store, **about):
    return replace(store, about=store.about | about)


def only(store, folds):
    return replace(store, records=store.records[store.records["fold"].isin(list(folds))])


def made(data, train_folds=TRAIN, validation_folds=CHOOSE, **more):
    """A provenance."""
    recipe = {"train_folds": train_folds, "validation_folds": validation_folds}
    return {"data": data, "recipe": recipe, **more}


def points(store, folds=(9,), **chosen_on):
    """What `ecgcam calibrate` keeps."""
    usual = {"folds": list(folds), "records": 7, "store": store.about["fingerprint"]}
    usual |= {"source": store.about["source"], "digests": fold_digests(store, folds)} | chosen_on
    return {
        "threshold": "youden", "band": "none", "alpha": 0.1, "classes": {}, "chosen_on": usual
    }  # fmt: skip


def of(store, folds, provenance, points=None):
    """What a model has met of these folds, as three lists; None: not known."""
    card = {"provenance": provenance, "classes": ["ABNORMAL"]}
    if points:
        card["operating_points"] = points
    return list(seen(card, store, folds).to_dict().values())


def test_what_it_learned_from_and_was_chosen_on_it_has_met_in_any_store_of_that_data(
    ten_folds, nine_folds
):
    for store in (nine_folds, ten_folds, told(ten_folds, source="moved")):
        card = (made(data_of(nine_folds)), points(nine_folds))
        assert of(store, [3, 4], *card) == [[3], [], []]
        assert of(store, [7, 8], *card) == [[], [8], []]
        assert of(store, [9], *card) == [[], [9], [9]]
        assert of(store, [4, 5], *card) == [[], [], []]
        assert of(store, [9], made(data_of(nine_folds))) == [[], [9], []]
    assert of(ten_folds, [10], *card) == [[], [], []]


def test_a_fold_is_known_by_its_own_records_in_whatever_order_they_lie(ten_folds, tmp_path):
    numbers = np.random.default_rng(0).permutation(ten_folds.indices(folds=[2, 5, 7]))
    records = ten_folds.records.iloc[numbers]
    other = write_store(
        tmp_path / "store",
        ten_folds.signals_uv(numbers),
        [["form:PVC"]] * len(numbers),
        folds=records["fold"].to_numpy(),
        id=records["id"].to_numpy(),
    )
    assert fold_digests(other) == fold_digests(ten_folds, [2, 5, 7])
    digests = fold_digests(ten_folds).values()
    assert len({digest for few in digests for digest in few}) == sum(map(len, digests)) == 80


def test_records_that_were_split_otherwise_are_met_again(ten_folds, tmp_path):
    """A table of one's own without folds is split by --seed."""
    store = tiny_store(tmp_path / "store", records=600, samples=20)
    one, two = (
        replace(store, records=store.records.assign(fold=split(store.records, seed=seed)))
        for seed in (0, 1)
    )
    card = made(data_of(one), [*range(1, 9)], [9])
    assert of(told(two, fingerprint="split by 1"), range(1, 11), card)[0] == [*range(1, 11)]


def test_other_data_of_the_same_name_it_has_not_met(nine_folds, tmp_path):
    """Neither another hospital's, nor other ids, nor other signals under the same ids."""
    data, chosen = data_of(nine_folds), points(nine_folds)
    other = told(tiny_store(tmp_path / "store", records=200, seed=4), source="ptbxl")
    renamed = replace(nine_folds, records=nine_folds.records.assign(id=range(180)))
    for store in (other, told(renamed, fingerprint="renamed")):
        assert of(store, range(1, 10), made(data), chosen) == [[], [], []]


def test_a_card_without_digests_knows_its_own_store_alone(ten_folds, nine_folds):
    before = {"digests": {}}
    assert of(nine_folds, [1, 9], made(OLD), points(nine_folds, **before)) == [[1], [9], [9]]
    assert of(ten_folds, [1, 9], made(OLD), points(nine_folds, **before)) == [None] * 3
    assert of(ten_folds, [9], made(OLD)) == [None, None, []]
    published = {"source": "weights published with the EMBC 2025 paper"}
    assert of(ten_folds, [9], published) == [None, None, []]


@pytest.mark.parametrize(
    "hostile",
    [{"data": 5}, {"data": {}, "recipe": {"train_folds": "123"}}, {"combined": [3, {}]},
     {"combined": "abc"}, {"data": OLD, "recipe": {"train_folds": [[1], None, "1"]}},
     made({"folds": {"1": 5, "2": [[], {}], "3": None}}), made({"folds": {}}),
     made(OLD, taught_by=[3, {"data": 5}]), made(OLD, taught_by={}), made(OLD, taught_by="abc")],
)  # fmt: skip
def test_a_strangers_card_is_no_trouble(hostile, nine_folds):
    assert of(nine_folds, [7], hostile)[0] in (None, [])
    assert len(taught_by([{"provenance": hostile}])) in (1, 2, 3)


def test_several_models_as_one_have_met_what_any_of_them_has(ten_folds, nine_folds):
    data = data_of(nine_folds)
    one, more = made(data), made(data, [5], [9])
    strange = {"source": "a stranger"}

    def combined(*members):
        return one | {"combined": [{"sha256": "", "provenance": member} for member in members]}

    assert of(ten_folds, [1, 5, 9], combined(one, more))[:2] == [[1, 5], [9]]
    assert of(ten_folds, [1, 9], combined(combined(one, more), strange))[:2] == [[1], [9]]
    assert of(ten_folds, [7], combined(one, strange))[:2] == [None, None]
    assert of(ten_folds, [8], combined(one, made(data, [8], [9])))[:2] == [[8], []]


def test_a_pupil_has_met_what_its_teachers_learned_from(ten_folds, tmp_path):
    """One teacher, two as one, and the teachers of a teacher; the rest it has not met."""

    def model(name, folds, **how):
        recipe = changed(SHORT, train_folds=folds, validation_folds=(8,), **how)
        return train(ten_folds, tmp_path / name, recipe)

    teacher, other = model("teacher", (1, 2, 9)), model("other", (4,))
    pupil = model("pupil", (1, 2), teachers=(str(teacher),))
    both = combine([teacher, other], tmp_path / "both.safetensors")
    of_both = model("of both", (3,), teachers=(str(both),))
    grandchild = model("grandchild", (5,), teachers=(str(pupil), str(of_both)))
    for path, met in ((teacher, [1, 2, 9]), (pupil, [1, 2, 9]), (of_both, [1, 2, 3, 4, 9]),
                      (grandchild, [1, 2, 3, 4, 5, 9])):  # fmt: skip
        assert of(ten_folds, range(1, 11), read_card(path)["provenance"])[:2] == [met, [8]]


def test_a_card_that_only_names_its_teachers_does_not_know_what_they_learned_from(nine_folds):
    pupil = made(data_of(nine_folds))
    pupil["recipe"]["teachers"] = ["runs/large/model.safetensors"]
    assert of(nine_folds, [1, 9], pupil)[:2] == [[1], [9]]
    assert of(nine_folds, [4], pupil)[:2] == [None, None]
    of_pupil = made(data_of(nine_folds), [5], [9], taught_by=taught_by([{"provenance": pupil}]))
    assert of(nine_folds, [4], of_pupil)[:2] == [None, None]


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_knows_the_folds_of_a_store_that_a_user_prepares(name, monkeypatch):
    """All ten folds of PTB-XL, where its own store had nine: another fingerprint."""
    card = read_card(shipped_models()[name])
    digests = card["provenance"]["data"]["folds"] | {"10": ["of no record that it had"]}

    def of_these(_, folds):
        return {str(fold): digests[str(fold)] for fold in folds}

    monkeypatch.setattr("ecgcam.evaluation.leakage.fold_digests", of_these)
    store = SimpleNamespace(about={"source": "ptbxl", "fingerprint": "of ten folds"})
    for fold in range(1, 9):
        assert seen(card, store, [fold]) == Seen(
            learned_from=(fold,), epoch_chosen_on=(), points_chosen_on=()
        )
    assert seen(card, store, [9]) == Seen(
        learned_from=(), epoch_chosen_on=(9,), points_chosen_on=(9,)
    )
    assert seen(card, store, [10]) == Seen(learned_from=(), epoch_chosen_on=(), points_chosen_on=())


def test_the_shipped_models_know_the_real_ptbxl(ptbxl_folder, tmp_path):
    """Fold 2 alone, in a folder of another name."""
    store = open_store(prepare(ptbxl_folder, tmp_path / "store").folder)
    for path in shipped_models().values():
        assert seen(read_card(path), store, [2]).learned_from == (2,)


@pytest.mark.parametrize("name", shipped_models())
def test_made_up_ecgs_in_a_folder_called_ptbxl_no_shipped_model_has_met(name, synthetic_store):
    card = read_card(shipped_models()[name])
    store = told(synthetic_store, source="ptbxl")
    assert seen(card, store, range(1, 11)).in_words() == []


def test_a_reader_is_told_in_every_report(tmp_path):
    store = tiny_store(tmp_path / "store", records=200)
    path = tiny_model(tmp_path / "model.safetensors", task=NORMAL, card={
        "provenance": made(data_of(store), [1, 2], [3])
    })  # fmt: skip
    model, folds = load(path), (2, 3)
    write_evaluation(model, store, tmp_path, folds=folds, replicates=3)
    report_robustness(model, store, tmp_path, folds=folds, replicates=3)
    found = compare_models(model, model, store, folds=folds, replicates=3)
    wanted = {"learned_from": [2], "epoch_chosen_on": [3], "points_chosen_on": []}
    for file in (METRICS, RESULTS):
        assert json.loads((tmp_path / file).read_text())["seen"] == wanted
    assert found["a"]["seen"] == found["b"]["seen"] == wanted
    told = "The model has learned from fold 2: new ECGs will show less. The epoch of the model was"
    for page in (REPORT, PAGE):
        assert told in (tmp_path / page).read_text()
    assert f"\nA: {told}" in format_comparison(found)
    write_evaluation(model, store, tmp_path, folds=[4], replicates=3)
    assert "The model has learned" not in (tmp_path / REPORT).read_text()
