"""The study's configurations: each is a recipe, and its teachers are runs of others."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from support.tiny import NORMAL, SUPERCLASS, tiny_model, tiny_store

from ecgcam.inference.classifier import load
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models
from ecgcam.training.config import TrainConfig

STUDY = Path(__file__).parents[2] / "benchmarks" / "study"


@pytest.fixture(scope="module")
def study():
    sys.path.insert(0, str(STUDY))
    import run

    yield run
    sys.path.remove(str(STUDY))


def test_every_configuration_is_a_recipe(study):
    for name in study.configurations():
        config = study.recipe(study.Run(name, 3), Path("runs"))
        assert config.seed == 3
        assert config.train_folds == tuple(range(1, 9))
        assert config.validation_folds == (9,)


def test_every_teacher_is_a_run_of_another_configuration(study):
    for name in study.configurations():
        for teacher in study.teachers_of(study.Run(name, 0)):
            assert teacher.name in set(study.configurations()) - {name}


def test_a_run_is_named_by_what_it_leaves_out(study):
    assert str(study.Run("crop5", 2)) == "crop5-2"
    assert str(study.Run("crop5", 2, (1, 2))) == "crop5-2-without-1-2"
    written = [str(one) for one in study.teachers_of(study.Run("out-of-fold", 0))]
    assert written == study.configurations()["out-of-fold"]["teachers"]


def test_in_a_cross_validation_no_teacher_has_seen_what_is_left_out(study):
    run = study.Run("normal-taught", 0, (3, 4))
    assert study.recipe(run, Path("runs")).train_folds == (1, 2, 5, 6, 7, 8)
    for teacher in study.teachers_of(run):
        config = study.recipe(teacher, Path("runs"))
        assert not set(config.train_folds) & {3, 4, 9}
    taught = study.recipe(run, Path("runs")).teachers
    assert taught[0] == "runs/crop5-0-without-3-4/model.safetensors"


def test_teachers_out_of_fold_are_trained_anew_for_a_cross_validation(study):
    """Each of the six folds is judged by one that has seen neither it nor what is left out."""
    assert len(study.teachers_of(study.Run("normal-cross", 0))) == 8  # nobody has seen fold 9
    run = study.Run("normal-cross-resnet", 0, (3, 4))
    teachers = study.teachers_of(run)
    assert [str(teacher) for teacher in teachers] == [
        "superclass-big-0-without-1-2-nor-3-4",
        "superclass-big-0-without-5-6-nor-3-4",
        "superclass-big-0-without-7-8-nor-3-4",
    ]
    judged = []
    for teacher in teachers:
        config = study.recipe(teacher, Path("runs"))
        assert not {*config.train_folds, *config.validation_folds} & {3, 4, 9}
        assert not set(config.train_folds) & set(config.validation_folds)
        judged += set(study.recipe(run, Path("runs")).train_folds) - set(config.train_folds)
    assert sorted(judged) == [1, 2, 5, 6, 7, 8]


def test_teachers_of_teachers_see_nothing_of_it_either(study, monkeypatch):
    chain = {
        "pupil": {"teachers": ["middle-0-without-1-2", "middle-0-without-3-4"]},
        "middle": {"teachers": ["first-0"]},
    }
    monkeypatch.setattr(study, "configurations", lambda: chain)
    (middle,) = study.teachers_of(study.Run("pupil", 0, (1, 2)))
    assert str(middle) == "middle-0-without-3-4-nor-1-2"
    assert study.teachers_of(middle) == [study.Run("first", 0, (3, 4), (1, 2))]


def test_a_run_of_another_recipe_is_not_taken_for_the_configurations(study, tmp_path):
    wanted = study.recipe(study.Run("normal-cross-four", 0), Path("runs"))
    elsewhere = study.recipe(study.Run("normal-cross-four", 0), Path("other") / "runs")
    for config, differs in ((elsewhere, None), (replace(wanted, out_of_fold=False), "out_of_fold")):
        said = {"config": asdict(config), "data": ""}
        (tmp_path / study.CONFIG).write_text(json.dumps(said), encoding="utf-8")
        if differs is None:
            study.refuse_another(tmp_path, wanted)
            continue
        with pytest.raises(ValueError, match=f"started with {differs} False, not True. Move"):
            study.refuse_another(tmp_path, wanted)


def test_a_card_says_so_if_its_teachers_were_chosen_on_fold_9(study):
    from ship import limits_of_teachers

    def limits(*teachers):
        return limits_of_teachers({"recipe": {"teachers": list(teachers)}})

    (of_each,) = limits("superclass-resnet-0", "superclass-resnet-1")
    assert of_each.startswith("Fold 9 also chose the epoch of each of its 2 teachers: its scores")
    (of_some,) = limits("superclass-resnet-0", "superclass-big-0-without-1-2")
    assert "the epoch of 1 of its 2 teachers" in of_some
    assert limits() == limits("superclass-big-0-without-1-2") == []
    said = {
        name: limits_of_teachers(read_card(path)["provenance"])
        for name, path in shipped_models().items()
    }
    assert said["normal"] == said["superclass-large"] == []
    assert "of each of its 7 teachers" in said["superclass"][0]


def test_a_teacher_that_was_given_by_the_name_of_a_shipped_model_keeps_it(study):
    from ship import _by_names

    teachers = ["superclass", "/home/me/runs/large-crop5-0/model.safetensors"]
    said = {"combined": [{"recipe": {"teachers": teachers, "epochs": 3}}]}
    named = ["superclass", "large-crop5-0"]
    assert _by_names(said) == {"combined": [{"recipe": {"teachers": named, "epochs": 3}}]}
    assert study._named(TrainConfig(teachers=tuple(teachers)))["teachers"] == named


def test_normal_or_not_is_put_together_from_the_superclasses(study, tmp_path):
    """By scikit-learn, an ECG without a superclass being abnormal."""
    store = tiny_store(tmp_path / "store")
    path = tiny_model(tmp_path / "model.safetensors", task=SUPERCLASS)
    records = store.labelled(NORMAL, folds=[9])
    said = load(path).judge(store.signals_mv(records.indices))[0]
    no = 1 / (1 + np.exp(said))
    abnormal = 1 - (1 - no[:, 0]) * no[:, 1:].prod(1)
    wanted = roc_auc_score(records.targets[:, 0], abnormal)
    assert study.put_together(store, path, (9,)) == pytest.approx(wanted)


def test_the_scores_kept_are_of_configurations(study):
    for table in (study.RESULTS, study.CROSS_VALIDATION):
        kept = pd.read_csv(table)
        assert set(kept["configuration"]) <= set(study.configurations())
        run = [column for column in ("configuration", "seed", "left_out") if column in kept]
        assert not kept.duplicated(run).any()
