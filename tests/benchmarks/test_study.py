"""The study's configurations: each is a recipe, and its teachers are runs of others."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file
from sklearn.metrics import roc_auc_score
from support.tiny import (
    NORMAL,
    SUPERCLASS,
    changed,
    tiny_model,
    tiny_network,
    tiny_store,
    write_store,
)

from ecgcam.data.statements import Statement
from ecgcam.inference.card import make_card
from ecgcam.inference.combine import combine
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import copy_with_card, load_network, read_card, save_model
from ecgcam.inference.zoo import shipped_models
from ecgcam.tasks import Task
from ecgcam.training.augment import make_augmentation
from ecgcam.training.recipe_file import make_config
from ecgcam.training.run_folder import write_settings

STUDY = Path(__file__).parents[2] / "benchmarks" / "study"


@pytest.fixture(scope="module")
def study():
    sys.path.insert(0, str(STUDY))
    import run

    yield run
    sys.path.remove(str(STUDY))


@pytest.fixture(scope="module")
def recipes(study):
    import recipes

    return recipes


def test_every_configuration_is_a_recipe(recipes):
    for name in recipes.configurations():
        config = recipes.recipe(recipes.Run(name, 3), Path("runs"))
        assert config.seed == 3
        assert config.data.train_folds == tuple(range(1, 9))
        assert config.data.validation_folds == (9,)
        make_augmentation(config.augmentation, rate_hz=100)


def test_a_configuration_replaces_settings_of_the_one_that_it_is_like(recipes):
    crop5, validated, depthwise = (
        recipes.recipe(recipes.Run(name, 0), Path("runs"))
        for name in ("crop5", "validated", "superclass-depthwise")
    )
    assert validated == changed(crop5, unvalidated_fraction=0.0, epochs=30)
    assert crop5.optimizer.precision == "float32"
    assert depthwise.network.arguments == {"widths": [64, 96, 128, 160]}  # without `blocks`


def test_the_recipe_file_of_a_configuration_is_printed(recipes):
    command = [sys.executable, str(STUDY / "recipes.py"), "gentle", "--seed", "2"]
    printed = subprocess.run(command, cwd=STUDY.parents[1], check=True, capture_output=True)
    config = make_config(tomllib.loads(printed.stdout.decode()), source="gentle")
    assert config == recipes.recipe(recipes.Run("gentle", 2), Path("runs"))


def test_every_teacher_is_a_run_of_another_configuration(recipes):
    for name in recipes.configurations():
        for teacher in recipes.teachers_of(recipes.Run(name, 0)):
            assert teacher.name in set(recipes.configurations()) - {name}


def test_the_name_of_a_run_has_the_folds_left_out(recipes):
    assert str(recipes.Run("crop5", 2)) == "crop5-2"
    assert str(recipes.Run("crop5", 2, (1, 2))) == "crop5-2-without-1-2"
    names = [str(teacher) for teacher in recipes.teachers_of(recipes.Run("out-of-fold", 0))]
    assert names == recipes.configurations()["out-of-fold"]["distillation"]["teachers"]


def test_in_a_cross_validation_no_teacher_is_trained_on_the_folds_left_out(recipes):
    run = recipes.Run("normal-taught", 0, (3, 4))
    assert recipes.recipe(run, Path("runs")).data.train_folds == (1, 2, 5, 6, 7, 8)
    for teacher in recipes.teachers_of(run):
        config = recipes.recipe(teacher, Path("runs"))
        assert not set(config.data.train_folds) & {3, 4, 9}
    paths = recipes.recipe(run, Path("runs")).distillation.teachers
    assert paths[0] == "runs/crop5-0-without-3-4/model.safetensors"


def test_teachers_out_of_fold_are_trained_anew_for_a_cross_validation(recipes):
    """Each of the six folds is predicted by a teacher that saw neither it nor those left out."""
    assert len(recipes.teachers_of(recipes.Run("normal-cross", 0))) == 8  # none has seen fold 9
    run = recipes.Run("normal-cross-resnet", 0, (3, 4))
    teachers = recipes.teachers_of(run)
    assert [str(teacher) for teacher in teachers] == [
        "superclass-big-0-without-1-2-nor-3-4",
        "superclass-big-0-without-5-6-nor-3-4",
        "superclass-big-0-without-7-8-nor-3-4",
    ]
    predicted = []
    for teacher in teachers:
        config = recipes.recipe(teacher, Path("runs"))
        assert not {*config.data.train_folds, *config.data.validation_folds} & {3, 4, 9}
        assert not set(config.data.train_folds) & set(config.data.validation_folds)
        predicted += set(recipes.recipe(run, Path("runs")).data.train_folds) - set(
            config.data.train_folds
        )
    assert sorted(predicted) == [1, 2, 5, 6, 7, 8]


def test_teachers_of_teachers_do_not_see_them_either(recipes, monkeypatch):
    chain = {
        "student": {"distillation": {"teachers": ["mid-0-without-1-2", "mid-0-without-3-4"]}},
        "mid": {"distillation": {"teachers": ["first-0"]}},
    }
    monkeypatch.setattr(recipes, "configurations", lambda: chain)
    (middle,) = recipes.teachers_of(recipes.Run("student", 0, (1, 2)))
    assert str(middle) == "mid-0-without-3-4-nor-1-2"
    assert recipes.teachers_of(middle) == [recipes.Run("first", 0, (3, 4), (1, 2))]


def test_a_run_of_another_recipe_is_refused(study, recipes, tmp_path):
    run = recipes.Run("normal-cross-four", 0)
    config, moved = (recipes.recipe(run, Path(folder)) for folder in ("runs", "other/runs"))
    write_settings(tmp_path, moved, {})
    study.check_same_recipe(tmp_path, config)
    write_settings(tmp_path, changed(config, out_of_fold=False), {})
    with pytest.raises(ValueError, match=r"started with distillation\.out_of_fold False, not True"):
        study.check_same_recipe(tmp_path, config)


def test_the_limits_name_teachers_that_fold_9_chose(study):
    from ship import limits_of_teachers, recipes_of

    def limits(*teachers):
        return limits_of_teachers([{"distillation": {"teachers": list(teachers)}}])

    (of_each,) = limits("superclass-resnet-0", "superclass-resnet-1")
    assert of_each.startswith("Fold 9 also chose the epoch of each of its 2 teachers, which")
    (of_some,) = limits("superclass-resnet-0", "superclass-big-0-without-1-2")
    assert "the epoch of 1 of its 2 teachers" in of_some
    assert limits() == limits("superclass-big-0-without-1-2") == []
    for name, path in shipped_models().items():
        card = read_card(path)
        sentences = limits_of_teachers(recipes_of(card["provenance"]))
        assert len(sentences) == (name in ("statements", "statements-large"))
        assert set(sentences) <= set(card["about"]["limits"])


def test_a_card_says_that_fold_9_chose_the_epoch_unless_the_last_one_is_kept(study):
    from ship import about_training

    recipe = {"distillation": {"teachers": []}, "additivity": {"weight": 1.0, "first_epoch": 1}}
    best = about_training({"recipe": recipe})
    assert "fold 9 chose the epoch, the temperature and the thresholds" in best["data"]
    assert best["limits"][-1].endswith(
        "fold 9 chose the epoch, the temperature and the thresholds."
    )
    recipe["additivity"]["first_epoch"] = 16
    last = about_training({"recipe": recipe})
    assert "fold 9 chose the temperature and the thresholds" in last["data"]
    assert "epoch" not in "".join(last["limits"])
    both = {"recipe": recipe | {"additivity": {"weight": 0.0}}}, {"recipe": recipe}
    members = about_training({"combined": [{"provenance": one} for one in both]})
    assert "the epoch, the temperature" in members["data"]


def test_figures_of_a_card_are_rounded_and_nothing_else(study):
    from ship import rounded

    card = {"a": [0.123456789, 12, None, "0.123456789"], "b": {"c": (1234567.0, True)}}
    assert rounded([0.123456789], digits=7) == [0.1234568]
    assert rounded(card) == {"a": [0.12346, 12, None, "0.123456789"], "b": {"c": [1234600.0, True]}}


def test_a_halved_model_has_rounded_layers_and_hardly_other_answers(study, tmp_path):
    from ship import halve

    path = tiny_model(tmp_path / "m.safetensors", backbone="leadwise")
    halved = halve(path, tmp_path / "half.safetensors")
    assert halved.stat().st_size < 0.8 * path.stat().st_size
    before, after = load_file(path), load_file(halved)
    for name, array in before.items():
        assert after[name].dtype == (np.float16 if array.ndim > 1 else array.dtype)
        np.testing.assert_allclose(after[name], array, rtol=2**-11, atol=2**-25)
    signal_mv = np.random.default_rng(0).normal(0, 0.3, (20, 12, 500)).astype(np.float32)
    old, new = (load(model).run(signal_mv).logits for model in (path, halved))
    assert 0 < np.abs(old - new).max() < 0.01
    assert read_card(halved) == read_card(path)


def test_what_two_scales_add_is_the_logit(study, tmp_path):
    from scales import _added, two_scales

    store = tiny_store(tmp_path / "store")
    config = {"widths": (4, 6), "blocks": (1, 1), "rhythm": {"width": 3, "blocks": 1, "kernel": 9}}
    network = tiny_network(classes=1, backbone="local", backbone_config=config, leads=store.leads,
                           duration_s=store.samples / store.rate_hz)  # fmt: skip
    records = store.labelled(NORMAL, folds=None)
    signal_mv = torch.from_numpy(store.signals_mv(records.indices))
    with torch.no_grad():
        logits, bias = network(signal_mv).logits, network.bias()
    torch.testing.assert_close(sum(_added(network, store, records)) + bias, logits)
    (longer,) = two_scales(network, store, records)["longer"]
    assert 0 < longer < 1
    models = [
        save_model(
            tmp_path / f"{k}.safetensors", network, make_card(network, NORMAL, provenance={})
        )
        for k in range(2)
    ]
    both, _ = load_network(combine(models, tmp_path / "both.safetensors"))
    assert two_scales(both, store, records) == two_scales(network, store, records)
    network.head.weight.data[:, -3:] = 0
    assert two_scales(network, store, records)["longer"] == [0.0]
    assert two_scales(tiny_network(), store, records) is None


def test_teachers_are_named_without_their_folders(study):
    from ship import teachers_by_name

    teachers = ["superclass", "/home/me/runs/large-crop5-0/model.safetensors"]
    card = {"combined": [{"recipe": {"distillation": {"teachers": teachers, "weight": 0.5}}}]}
    names = ["superclass", "large-crop5-0"]
    expected = {"combined": [{"recipe": {"distillation": {"teachers": names, "weight": 0.5}}}]}
    assert teachers_by_name(card) == expected
    settings = study.settings_by_name(changed(teachers=teachers))
    assert settings["distillation.teachers"] == names


def test_the_page_of_a_model_shows_the_goals_of_its_map(study, tmp_path):
    from ship import page_of

    shipped = shipped_models()["normal"]
    figure = {"name": "F, deletion", "subject": "towards ABNORMAL", "value": 0.9223, "records": 200}
    figures = [
        figure | {"interval": [0.8, 1.1], "goal": {"bound": 1.15, "at_least": True}, "met": False},
        figure | {"name": "recognized", "interval": None, "goal": None, "met": None},
    ]
    card = read_card(shipped)
    card["about"]["scorecard"] = {
        "fold": 9, "quick": False, "goals": {"met": 0, "of": 1},
        "frame": {"sees_s": 2.11, "stands_for_s": 0.08},
        "parts": [{"part": "faithfulness", "figures": figures}],
    }  # fmt: skip
    page = page_of(copy_with_card(shipped, card, tmp_path / "normal.safetensors"))
    assert "A frame sees 2.11 s and stands for 80 ms. 0 of 1 goals" in page
    row = "| F, deletion | towards ABNORMAL | 0.922 (0.8 to 1.1) | ≥ 1.15 | **missed** |"
    assert row in page
    assert "recognized" not in page


def test_the_auroc_of_abnormal_is_computed_from_the_superclasses(study, tmp_path):
    """Reference: scikit-learn, with ECGs without a superclass as abnormal."""
    store = tiny_store(tmp_path / "store")
    path = tiny_model(tmp_path / "model.safetensors", task=SUPERCLASS)
    records = store.labelled(NORMAL, folds=[9])
    logits = load(path).run(store.signals_mv(records.indices))[0]
    no = 1 / (1 + np.exp(logits))
    abnormal = 1 - (1 - no[:, 0]) * no[:, 1:].prod(1)
    expected = roc_auc_score(records.targets[:, 0], abnormal)
    assert study.abnormal_auroc(store, path, (9,)) == pytest.approx(expected)


def test_the_tasks_that_follow_from_statements(study, tmp_path, monkeypatch):
    """Reference: scikit-learn, over the records with a label of the kind."""
    import statement_scores

    statements = {
        "NORM": Statement(code="NORM", superclass="NORM", subclass="NORM"),
        "IMI": Statement(code="IMI", superclass="MI", subclass="IMI"),
        "AMI": Statement(code="AMI", superclass="MI", subclass="AMI"),
        "PVC": Statement(code="PVC", form=True),
        "SR": Statement(code="SR", rhythm=True),
    }
    found = statement_scores.tasks(statements)
    assert found["superclass"] == {"NORM": ["NORM"], "MI": ["IMI", "AMI"]}
    assert list(found["diagnostic"]) == ["NORM", "IMI", "AMI"]
    assert (list(found["form"]), list(found["rhythm"])) == (["PVC"], ["SR"])

    rng = np.random.default_rng(0)
    codes = [list(rng.choice(list(statements), rng.integers(0, 3), replace=False))
             for _ in range(60)]  # fmt: skip
    labels = [[f"statement:{code}" for code in row] for row in codes]
    store = write_store(tmp_path / "store", rng.normal(0, 200, (60, 12, 500)).astype(np.int16),
                        labels, folds=[9] * 60)  # fmt: skip
    task = Task(name="all", classes=tuple(statements),
                members=tuple((f"statement:{code}",) for code in statements))  # fmt: skip
    path = tiny_model(tmp_path / "m.safetensors", task=task)
    scores = statement_scores.score_tasks(store, path, statements)

    classifier = load(path)
    p = classifier.probabilities(classifier.run(store.signals_mv(range(60))).logits)
    kept = [k for k, row in enumerate(codes) if {"NORM", "IMI", "AMI"} & set(row)]
    infarction = [bool({"IMI", "AMI"} & set(codes[k])) for k in kept]
    normal = ["NORM" in codes[k] for k in kept]
    diagnosed = 1 - (1 - p[kept, :3]).prod(axis=1)  # each of these records is
    expected = np.mean([
        roc_auc_score(normal, p[kept, 0] / diagnosed),
        roc_auc_score(infarction, (1 - (1 - p[kept, 1]) * (1 - p[kept, 2])) / diagnosed),
    ])  # fmt: skip
    assert scores["superclass"].macro_auroc == pytest.approx(expected)
    assert (scores["superclass"].classes, scores["superclass"].records) == (2, len(kept))
    assert scores["form"].classes == 0  # no negative record
    assert scores["form"].records == sum("PVC" in row for row in codes)
    assert scores["all"].classes == 5
    counts = [sum(code in row for row in codes) for code in statements]
    fewer = statement_scores.score_tasks(store, path, statements, least=max(counts))
    assert fewer["all"].classes == counts.count(max(counts)) < 5


def test_every_kept_score_has_its_configuration(study, recipes):
    for table in (study.RESULTS, study.CROSS_VALIDATION):
        kept = pd.read_csv(table)
        assert set(kept["configuration"]) <= set(recipes.configurations())
        run = [column for column in ("configuration", "seed", "left_out") if column in kept]
        assert not kept.duplicated(run).any()
