"""The data-leakage check: a model's card recognises ECGs that it was trained or tuned on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.tiny import NORMAL, changed, tiny_model, tiny_store, write_store

from ecgcam.cli.compare_command import format_comparison
from ecgcam.data.preparation import prepare
from ecgcam.data.source import split
from ecgcam.data.store import open_store
from ecgcam.evaluation.compare import compare_models
from ecgcam.evaluation.leakage import (
    LeakageCheck,
    check_leakage,
    digest_tables,
    teacher_provenance,
    training_data,
)
from ecgcam.inference.combine import combine
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models
from ecgcam.reports.evaluation_report import METRICS, REPORT, write_evaluation
from ecgcam.reports.robustness_report import PAGE, RESULTS, report_robustness
from ecgcam.training.trainer import train

TRAIN, VALIDATION = [1, 2, 3], [8, 9]
SHORT = changed(epochs=1, learning_rate=5e-4)


@pytest.fixture(scope="module")
def ten_folds(tmp_path_factory):
    """A store of a whole dataset."""
    store = tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)
    return with_about(store, source="ptbxl", fingerprint="ten folds")


@pytest.fixture(scope="module")
def nine_folds(ten_folds):
    """The store of the model: the same without fold 10."""
    return with_about(subset(ten_folds, range(1, 10)), fingerprint="nine folds")


def with_about(store, **about):
    return replace(store, about=store.about | about)


def subset(store, folds):
    return replace(store, records=store.records[store.records["fold"].isin(list(folds))])


def provenance(store, train_folds=TRAIN, validation_folds=VALIDATION, **more):
    recipe = {"data": {"train_folds": train_folds, "validation_folds": validation_folds}}
    return {"data": training_data(store), "recipe": recipe, **more}


def card_of(provenance, store=None, chosen_on=()):
    """Return the card of a model trained on a store; chosen_on: the folds of its thresholds."""
    card = {"provenance": provenance, "classes": ["ABNORMAL"]}
    if store:
        card["fold_digests"] = digest_tables(store)
    if chosen_on:
        on = {"folds": list(chosen_on), "records": 7, "store": store.about["fingerprint"]}
        points = {"threshold": "youden", "band": "none", "alpha": 0.1, "classes": {}}
        card["operating_points"] = points | {"chosen_on": on}
    return card


def check(card, store, folds):
    """Return the three results of the check as a list; None: not known."""
    return list(check_leakage(card, store, folds).to_dict().values())


def rewritten(store, indices, folder, *, folds, **columns):
    """Write some records as another store, with other ids."""
    labels = [["superclass:NORM"]] * len(indices)
    return write_store(folder, store.signals_uv(indices), labels, folds=folds, **columns)


def test_training_and_tuning_data_are_recognised_in_any_store_of_the_dataset(ten_folds, nine_folds):
    card = card_of(provenance(nine_folds), nine_folds, chosen_on=[9])
    for store in (nine_folds, ten_folds, with_about(ten_folds, source="moved")):
        assert check(card, store, [3, 4]) == [[3], [], []]
        assert check(card, store, [7, 8]) == [[], [8], []]
        assert check(card, store, [9]) == [[], [9], [9]]
        assert check(card, store, [4, 5]) == [[], [], []]
    assert check(card, ten_folds, [10]) == [[], [], []]
    uncalibrated = card_of(provenance(nine_folds), nine_folds)
    assert check(uncalibrated, ten_folds, [9]) == [[], [9], []]


def test_ecgs_are_recognised_under_other_ids_folds_and_in_another_order(ten_folds, tmp_path):
    indices = np.random.default_rng(0).permutation(ten_folds.indices(folds=[2, 5]))
    store = rewritten(ten_folds, indices, tmp_path / "store", folds=np.where(indices % 3, 7, 4))
    card = card_of(provenance(ten_folds, [2], []), ten_folds)
    assert check(card, store, [4, 7])[0] == [4, 7]
    other = card_of(provenance(ten_folds, [3], []), ten_folds)
    assert check(other, store, [4, 7])[0] == []


def test_a_fold_keeps_64_digests_of_12_digits(tmp_path):
    store = tiny_store(tmp_path / "store", records=1000, samples=20)
    (table,) = digest_tables(store).values()
    assert {fold: len(digests) for fold, digests in table.items()} == {
        str(fold): 64 for fold in range(1, 11)
    }
    digests = [digest for digests in table.values() for digest in digests]
    assert {len(digest) for digest in digests} == {12}
    assert len(set(digests)) == 640


def test_a_random_subset_of_the_training_ecgs_is_recognised_as_often_as_promised(tmp_path):
    """With PTB-XL's ratio of kept to all digests: 64 of 2177 in a fold, subsets of 200.

    Half of the subsets of 25 are missed (0.47); of 40 subsets of 200, none (0.9 by chance).
    """
    rng = np.random.default_rng(0)
    signals_uv = rng.integers(-500, 500, (2177, 1, 8))
    labels = [["superclass:NORM"]] * len(signals_uv)
    store = write_store(tmp_path / "store", signals_uv, labels, folds=1, leads=["I"])
    card = card_of(provenance(store, [1], []), store)
    missed = {}
    for size in (25, 200):
        subsets = [rng.choice(2177, size, replace=False) for _ in range(40)]
        stores = [
            with_about(replace(store, records=store.records.iloc[some]), fingerprint="subset")
            for some in subsets
        ]
        missed[size] = sum(check(card, some, [1])[0] == [] for some in stores)
    assert missed[200] == 0
    assert 10 <= missed[25] <= 28


def test_records_that_were_split_again_are_recognised(tmp_path):
    """A CSV table without folds is split by --seed."""
    store = tiny_store(tmp_path / "store", records=600, samples=20)
    first, second = (
        replace(store, records=store.records.assign(fold=split(store.records, seed=seed)))
        for seed in (0, 1)
    )
    card = card_of(provenance(first, [*range(1, 9)], [9]), first)
    store = with_about(second, fingerprint="split by 1")
    assert check(card, store, range(1, 11))[0] == [*range(1, 11)]


def test_other_data_of_the_same_name_and_ids_are_not_recognised(nine_folds, tmp_path):
    card = card_of(provenance(nine_folds), nine_folds, chosen_on=[9])
    other = tiny_store(tmp_path / "store", records=200, seed=4)
    assert check(card, with_about(other, source="ptbxl"), range(1, 10)) == [[], [], []]


def test_without_digests_only_the_store_of_the_same_fingerprint_is_known(ten_folds, nine_folds):
    card = card_of(provenance(nine_folds), nine_folds, chosen_on=[9])
    del card["fold_digests"]
    assert check(card, nine_folds, [1, 9]) == [[1], [9], [9]]
    assert check(card, ten_folds, [1, 9]) == [None] * 3
    assert check(card_of(provenance(nine_folds)), ten_folds, [9]) == [None, None, []]
    published = {"source": "weights published with the EMBC 2025 paper"}
    assert check(card_of(published), ten_folds, [9]) == [None, None, []]


@pytest.mark.parametrize(
    "hostile",
    [{"data": 5}, {"data": {}, "recipe": {"train_folds": "123"}}, {"combined": [3, {}]},
     {"combined": "abc"}, {"data": {"fingerprint": "x"}, "recipe": {"train_folds": [[1], "1"]}},
     {"data": {"fingerprint": []}, "recipe": {"data": 5}}, {"recipe": {"teachers": 5}},
     {"teacher_provenance": [3, {"data": 5}]}, {"teacher_provenance": "abc"}],
)  # fmt: skip
def test_a_hostile_provenance_is_harmless(hostile, nine_folds):
    card = card_of(hostile) | {"fold_digests": {"x": {"1": ["ab"]}}}
    assert check(card, nine_folds, [7])[0] in (None, [])
    assert len(teacher_provenance([card])) in (1, 2, 3)


def test_a_combined_model_was_trained_on_the_data_of_any_member(ten_folds, nine_folds):
    first, second = provenance(nine_folds), provenance(nine_folds, [5], [9])
    unknown = {"source": "unknown"}

    def combined(*members):
        return first | {"combined": [{"sha256": "", "provenance": member} for member in members]}

    def checked(provenance, folds):
        return check(card_of(provenance, nine_folds), ten_folds, folds)[:2]

    assert checked(combined(first, second), [1, 5, 9]) == [[1, 5], [9]]
    assert checked(combined(combined(first, second), unknown), [1, 9]) == [[1], [9]]
    assert checked(combined(first, unknown), [7]) == [None, None]
    assert checked(combined(first, provenance(nine_folds, [8], [9])), [8]) == [[8], []]


def test_a_student_was_trained_on_the_data_of_its_teachers(ten_folds, tmp_path):
    """Teachers may be single models, combined models, and students themselves."""

    def model(name, folds, **settings):
        recipe = changed(SHORT, train_folds=folds, validation_folds=(8,), **settings)
        return train(ten_folds, tmp_path / name, recipe)

    teacher, other = model("teacher", (1, 2, 9)), model("other", (4,))
    student = model("student", (1, 2), teachers=(str(teacher),))
    both = combine([teacher, other], tmp_path / "both.safetensors")
    of_both = model("of both", (3,), teachers=(str(both),))
    grandchild = model("grandchild", (5,), teachers=(str(student), str(of_both)))
    store = with_about(ten_folds, fingerprint="another store")
    expected = {
        teacher: [1, 2, 9],
        student: [1, 2, 9],
        both: [1, 2, 4, 9],
        of_both: [1, 2, 3, 4, 9],
        grandchild: [1, 2, 3, 4, 5, 9],
    }
    for path, trained_on in expected.items():
        assert check(read_card(path), store, range(1, 11))[:2] == [trained_on, [8]]


def test_the_digests_of_the_teachers_data_are_kept(ten_folds, tmp_path):
    """A student of one hospital with a teacher of another recognises the ECGs of both."""
    other = tiny_store(tmp_path / "store", records=200, seed=4)
    teacher = train(other, tmp_path / "teacher", changed(SHORT, train_folds=(1, 2)))
    recipe = changed(SHORT, train_folds=(3,), teachers=(str(teacher),))
    card = read_card(train(ten_folds, tmp_path / "student", recipe))
    assert set(card["fold_digests"]) == {"ten folds", other.about["fingerprint"]}
    assert check(card, with_about(other, fingerprint="moved"), range(1, 11))[0] == [1, 2]
    assert check(card, with_about(ten_folds, fingerprint="moved"), range(1, 11))[0] == [3]


def test_a_card_that_only_names_its_teachers_does_not_know_their_data(nine_folds):
    student = provenance(nine_folds)
    student["recipe"]["distillation"] = {"teachers": ["runs/large/model.safetensors"]}
    card = card_of(student, nine_folds)
    assert check(card, nine_folds, [1, 9])[:2] == [[1], [9]]
    assert check(card, nine_folds, [4])[:2] == [None, None]
    teachers = teacher_provenance([card])
    of_student = card_of(provenance(nine_folds, [5], [9], teacher_provenance=teachers), nine_folds)
    assert check(of_student, nine_folds, [4])[:2] == [None, None]


def test_no_fold_chose_the_epoch_of_a_model_whose_last_epoch_is_kept(nine_folds):
    late = provenance(nine_folds, [1, 2], [9])
    late["recipe"]["additivity"] = {"weight": 0.3, "first_epoch": 16}
    card = card_of(late, nine_folds)
    assert check(card, nine_folds, [1, 9]) == [[1], [], []]
    pupil = provenance(nine_folds, [3], [8], teacher_provenance=teacher_provenance([card]))
    assert check(card_of(pupil, nine_folds), nine_folds, [8, 9])[:2] == [[], [8]]
    for other in ({"weight": 0.3, "first_epoch": 1}, {"weight": 0, "first_epoch": 16}, {}):
        late["recipe"]["additivity"] = other
        assert check(card, nine_folds, [1, 9])[:2] == [[1], [9]]


def test_the_shipped_models_recognise_a_fold_of_the_real_ptbxl(ptbxl_folder, tmp_path):
    """Fold 2 alone, in a folder of another name and so in a store of another fingerprint."""
    store = open_store(prepare(ptbxl_folder, tmp_path / "store").folder)
    for path in shipped_models().values():
        assert check(read_card(path), store, [2]) == [[2], [], []]


def test_the_shipped_models_recognise_200_training_ecgs_of_ptbxl(ptbxl_folder, tmp_path):
    whole = open_store(prepare(ptbxl_folder, tmp_path / "whole").folder)
    indices = np.random.default_rng(0).choice(len(whole.records), 200, replace=False)
    store = rewritten(whole, indices, tmp_path / "store", folds=10)
    for path in shipped_models().values():
        assert check(read_card(path), store, [10]) == [[10], [], []]


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_knows_what_its_folds_were_used_for(name):
    card = read_card(shipped_models()[name])
    ((fingerprint, table),) = card["fold_digests"].items()
    assert {fold: len(digests) for fold, digests in table.items()} == {
        str(fold): 64 for fold in range(1, 10)
    }
    assert card["operating_points"]["chosen_on"]["store"] == fingerprint
    digests = {int(fold): set(own) for fold, own in table.items()}
    assert sum(map(len, digests.values())) == len(set.union(*digests.values()))


@pytest.mark.parametrize("name", shipped_models())
def test_synthetic_ecgs_in_a_folder_called_ptbxl_are_new_to_a_shipped_model(name, synthetic_store):
    card = read_card(shipped_models()[name])
    store = with_about(synthetic_store, source="ptbxl")
    assert check_leakage(card, store, range(1, 11)).in_words() == []


def test_what_is_not_known_is_null_and_a_sentence():
    unknown = LeakageCheck(trained_on=None, epoch_chosen_on=None, thresholds_chosen_on=None)
    assert json.dumps(unknown.to_dict()) == json.dumps(dict.fromkeys(unknown.to_dict()))
    assert [sentence[:25] for sentence in unknown.in_words()] == ["It is not known whether t"] * 2


def test_every_report_shows_the_check(tmp_path):
    store = tiny_store(tmp_path / "store", records=200)
    card = card_of(provenance(store, [1, 2], [3]), store)
    path = tiny_model(
        tmp_path / "model.safetensors", task=NORMAL, card={"provenance": card["provenance"]}
    )
    model, folds = load(path), (2, 3)
    write_evaluation(model, store, tmp_path, folds=folds, replicates=3)
    report_robustness(model, store, tmp_path, folds=folds, replicates=3)
    comparison = compare_models(model, model, store, folds=folds, replicates=3)
    expected = {"trained_on": [2], "epoch_chosen_on": [3], "thresholds_chosen_on": []}
    for file in (METRICS, RESULTS):
        assert json.loads((tmp_path / file).read_text())["leakage"] == expected
    assert comparison["a"]["leakage"] == comparison["b"]["leakage"] == expected
    sentence = "The model was trained on fold 2: expect lower scores on new ECGs."
    for page in (REPORT, PAGE):
        assert sentence in (tmp_path / page).read_text()
    assert f"\nA: {sentence}" in format_comparison(comparison)
    write_evaluation(model, store, tmp_path, folds=[4], replicates=3)
    assert "The model was trained on" not in (tmp_path / REPORT).read_text()
