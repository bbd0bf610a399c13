"""A calibrated model reaches on its fold what its card promises, and stays the same otherwise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.special import expit, softmax
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, tiny_model, tiny_store

from ecgcam.cli.card_text import scores_text
from ecgcam.data.store import Store
from ecgcam.errors import DatasetError, ModelError
from ecgcam.evaluation.calibration import fit_temperature
from ecgcam.evaluation.calibration_scores import calibration_scores
from ecgcam.evaluation.calibrator import RULES, CalibrateConfig, calibrate, calibrated_card
from ecgcam.evaluation.fold_predictions import FoldPredictions, predict_folds
from ecgcam.evaluation.leakage import digest_tables, teacher_provenance, training_data
from ecgcam.evaluation.scoring import score
from ecgcam.inference.classifier import Classifier
from ecgcam.inference.decisions import KEY
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models
from ecgcam.signals.leads import LEADS

EMPTY_STORE = Store(
    folder=Path("empty"),
    about={"fingerprint": "synthetic", "leads": [], "samples": 0, "shards": []},
    records=pd.DataFrame({"id": [], "fold": [], "shard": [], "row": []}),
)
FOLDS = (8, 9, 10)
UNTRAINED = CalibrateConfig(band="coverage=0.8")  # untrained models may reach no accuracy


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture
def model(tmp_path):
    """Return a function that writes a model file for a task; arguments override its card."""

    def make(task=NORMAL, **card):
        return tiny_model(tmp_path / f"{task.name}.safetensors", task=task, card=card)

    return make


@pytest.fixture(scope="module")
def fold_9(published_classifier, fold_9_store):
    return predict_folds(published_classifier, fold_9_store, folds=[9])


def overconfident(*, count=3000, task=NORMAL, seed=0, **card):
    """Return predictions whose logits are twice the true ones."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, (count, len(task.classes)))
    if task.exclusive:
        targets = np.eye(len(task.classes))[[rng.choice(len(p), p=p) for p in softmax(true, 1)]]
    else:
        targets = rng.random(true.shape) < expit(true)
    defaults = {
        "classes": list(task.classes), "leads": list(LEADS), "rate_hz": 100.0, "duration_s": 10.0,
        "thresholds": [0.5] * len(task.classes), "temperature": 1.0, "task": task.to_dict(),
        "parameters": 0, "provenance": {},
    }  # fmt: skip
    return make_predictions(targets.astype(np.float32), 2 * true, defaults | card)


def make_predictions(targets, logits, card):
    classifier = Classifier(None, bias=np.zeros(len(card["classes"])), card=card)
    logits = np.asarray(logits, np.float32)
    return FoldPredictions(
        classifier=classifier,
        store=EMPTY_STORE,
        folds=(9,),
        indices=np.arange(len(targets)),
        targets=targets,
        logits=logits,
        probabilities=classifier.probabilities(logits),
        dropped=0,
    )


def with_card(predictions, card):
    """Return the predictions of the same model with another card."""
    classifier = Classifier(None, bias=predictions.classifier.bias, card=card)
    probabilities = classifier.probabilities(predictions.logits)
    return replace(predictions, classifier=classifier, probabilities=probabilities)


@pytest.mark.parametrize("task", [NORMAL, SUPERCLASS, RHYTHM])
def test_the_temperature_that_was_applied_is_fitted(task):
    card = calibrated_card(overconfident(task=task), CalibrateConfig(threshold="none"))
    assert card["temperature"] == pytest.approx(2, rel=0.06)


@pytest.mark.parametrize("shift", [True, False])
def test_only_the_bias_and_the_calibrated_card_entries_change(store, model, tmp_path, shift):
    path, out = model(), tmp_path / "new" / "calibrated.safetensors"
    before = path.read_bytes()
    card = calibrate(path, store, out, replace(UNTRAINED, shift=shift), folds=FOLDS)
    assert path.read_bytes() == before
    assert read_card(out) == json.loads(json.dumps(card))
    changed = {"temperature", "thresholds", KEY, "fold_digests"}
    changed |= {"provenance"} if shift else set()
    assert {key for key in card if card[key] != read_card(path).get(key)} == changed
    added = card["provenance"]["bias_shift"] if shift else [0]
    assert shift == any(added)
    for name, weights in load_file(path).items():
        expected = weights + np.array(added, np.float32) if name == "head.bias" else weights
        assert np.array_equal(load_file(out)[name], expected)


@pytest.mark.parametrize("task", [NORMAL, SUPERCLASS])
def test_a_shift_keeps_decisions_and_the_law_and_corrects_the_mean(store, model, tmp_path, task):
    path, out = model(task, temperature=1.5), tmp_path / "shifted.safetensors"
    calibrate(path, store, out, CalibrateConfig(threshold="none", band="none"), folds=FOLDS)
    before, after = (predict_folds(load(file), store, folds=FOLDS) for file in (path, out))
    assert np.array_equal(after.decisions, before.decisions)
    mean = after.probabilities.mean(axis=0)
    np.testing.assert_allclose(mean, after.targets.mean(axis=0), atol=0.02)
    logits, evidence, _ = after.classifier.run(store.signals_mv([0, 1]))
    np.testing.assert_allclose(evidence.mean(-1) + after.classifier.bias, logits, atol=1e-5)


def test_a_model_can_be_calibrated_in_place_and_again(store, model):
    path = model()
    config = replace(UNTRAINED, shift=False)
    first = calibrate(path, store, path, config, folds=FOLDS)
    assert calibrate(path, store, path, config, folds=FOLDS) == first


def test_the_card_sums_up_the_shifts_of_several_calibrations(store, model):
    path = model()
    before = load(path).bias
    for _ in range(2):
        card = calibrate(path, store, path, UNTRAINED, folds=FOLDS)
    shift = card["provenance"]["bias_shift"]
    np.testing.assert_allclose(shift, load(path).bias - before, atol=1e-5)


@pytest.mark.parametrize("before", [["x"], [None], [[0.5]], [10**400], [1e300], "x", [0.5, 0.5]])
def test_an_invalid_bias_shift_in_the_card_is_replaced(store, model, tmp_path, before):
    out = tmp_path / "calibrated.safetensors"
    path = model(provenance={"bias_shift": before})
    shift = calibrate(path, store, out, UNTRAINED, folds=FOLDS)["provenance"]["bias_shift"]
    np.testing.assert_allclose(shift, load(out).bias - load(path).bias, atol=1e-5)


@pytest.mark.parametrize("name", shipped_models())
def test_a_recalibrated_shipped_model_loses_the_scores_at_its_earlier_thresholds(
    name, synthetic_store, tmp_path
):
    before, out = read_card(shipped_models()[name])["about"], tmp_path / "calibrated.safetensors"
    config = CalibrateConfig(band="coverage=0.8")
    for path in (Path(name), out):
        calibrate(path, synthetic_store, out, config, folds=(5, 9))
        about = read_card(out)["about"]
        assert set(about) == set(before) - {"scores", "subgroups"}
        anew = "; temperature and thresholds were chosen anew on folds 5, 9 of folder"
        assert about["data"] == before["data"] + anew
        kept = set(about) - {"data"}
        assert {key: about[key] for key in kept} == {key: before[key] for key in kept}
    assert scores_text(read_card(out)) == "not scored"
    assert read_card(shipped_models()[name])["about"] == before


def test_a_failure_leaves_the_file_as_it_was(store, model, monkeypatch):
    def stop_half_way(path, data):
        path.write_text("half")
        raise KeyboardInterrupt

    path = model()
    before = path.read_bytes()
    monkeypatch.setattr("pathlib.Path.write_bytes", stop_half_way)
    with pytest.raises(KeyboardInterrupt):
        calibrate(path, store, path, UNTRAINED, folds=FOLDS)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("task", [NORMAL, SUPERCLASS])
@pytest.mark.parametrize("rule", ["youden", "accuracy", "sensitivity=0.8", "specificity=.7"])
def test_the_card_agrees_with_an_evaluation_on_the_same_fold(store, model, tmp_path, task, rule):
    out = tmp_path / "calibrated.safetensors"
    config = CalibrateConfig(threshold=rule, band="coverage=0.7", alpha=0.2)
    card = calibrate(model(task), store, out, config, folds=FOLDS)
    scores = score(predict_folds(load(out), store, folds=FOLDS), replicates=2)
    for k, name in enumerate(task.classes):
        in_card = card[KEY]["classes"][name]
        scored = scores["classes"][name] if len(task.classes) > 1 else scores
        assert set(in_card["points"]) == {*RULES, rule}
        assert in_card["points"][rule]["threshold"] == card["thresholds"][k]
        for point_rule, point in in_card["points"].items():
            for key in ("sensitivity", "specificity"):
                measured = scored["operating_points"][point_rule][key]
                assert measured == pytest.approx(point[key])
                if point_rule.startswith(key):
                    assert point[key] >= float(point_rule.partition("=")[2])
        assert scored["recall"] == pytest.approx(in_card["points"][rule]["sensitivity"])
        assert scored["band"]["coverage"] >= 0.7
        for kind in ("positive", "negative"):
            assert scored["conformal"][f"{kind}_coverage"] >= 0.8
        confusion = np.array(scored["confusion"])
        assert [in_card["negatives"], in_card["positives"]] == confusion.sum(axis=1).tolist()
    assert scores["chosen"]["on_these_records"] is True
    assert scores["chosen"]["folds"] == FOLDS


def test_the_accuracy_outside_the_band_is_reached():
    predictions = overconfident(seed=3)
    config = CalibrateConfig(threshold="sensitivity=0.9", band="accuracy=0.9")
    calibrated = with_card(predictions, calibrated_card(predictions, config))
    band = calibrated.classifier.operating_points.classes["ABNORMAL"].band
    outside = ~band.holds(calibrated.probabilities[:, 0])
    correct = calibrated.decisions == (calibrated.targets > 0)
    assert correct.mean() < 0.9 <= correct[outside].mean()
    assert correct[outside].mean() == pytest.approx(0.9, abs=0.01)


def test_without_a_new_threshold_all_decisions_stay():
    thresholds = [0.5, 0.1, 0.93, 0, 0.7]
    predictions = overconfident(task=SUPERCLASS, thresholds=thresholds, temperature=1.5)
    card = calibrated_card(predictions, CalibrateConfig(threshold="none"))
    assert card["temperature"] == pytest.approx(2, rel=0.05)
    assert np.array_equal(with_card(predictions, card).decisions, predictions.decisions)
    assert (card["thresholds"][0], card["thresholds"][3]) == (0.5, 0)
    assert set(card[KEY]["classes"]["MI"]["points"]) == set(RULES)
    assert card[KEY]["threshold"] == "none"


def test_the_band_can_be_left_out():
    card = calibrated_card(overconfident(), CalibrateConfig(band="none"))
    assert card[KEY]["classes"]["ABNORMAL"]["band"] is None


@pytest.mark.parametrize("only", [0, 1])
def test_a_class_of_one_kind_keeps_its_decisions_and_gets_no_points(only):
    predictions = overconfident(task=SUPERCLASS)
    predictions.targets[:, 2] = only
    card = calibrated_card(predictions, CalibrateConfig())
    assert set(card[KEY]["classes"]) == {"NORM", "MI", "CD", "HYP"}
    decisions = with_card(predictions, card).decisions[:, 2]
    assert np.array_equal(decisions, predictions.decisions[:, 2])


def test_a_specificity_that_no_threshold_reaches_is_left_out_unless_it_decides():
    targets = np.array([[0], [0], [1], [0], [1]], np.float32)
    logits = np.array([[-1], [0], [1], [3], [3]])  # of the two highest, one is wrong
    predictions = make_predictions(targets, logits, overconfident().classifier.card)
    config = CalibrateConfig(band="coverage=0.5")
    points = calibrated_card(predictions, config)[KEY]["classes"]["ABNORMAL"]["points"]
    assert set(points) == {"youden", "sensitivity=0.90", "sensitivity=0.95"}
    with pytest.raises(DatasetError, match=r"class ABNORMAL: .* specificity of 0\.667; expected"):
        calibrated_card(predictions, replace(config, threshold="specificity=0.9"))


def test_the_error_for_an_impossible_band_names_the_class():
    targets = np.array([[0], [0], [1], [0]], np.float32)
    card = overconfident().classifier.card
    predictions = make_predictions(targets, np.array([[-1], [0], [1], [5]]), card)
    with pytest.raises(DatasetError, match=r"class ABNORMAL: no abstention band .* 0\.750 at best"):
        calibrated_card(predictions, CalibrateConfig())


def test_exclusive_classes_get_a_temperature_only(store, model, tmp_path):
    path, out = model(RHYTHM), tmp_path / "calibrated.safetensors"
    with pytest.raises(ModelError, match="'rhythm' exclude one another.*`--threshold none`"):
        calibrate(path, store, out, UNTRAINED, folds=FOLDS)
    assert not out.exists()
    card = calibrate(path, store, out, CalibrateConfig(threshold="none"), folds=FOLDS)
    before = predict_folds(load(path), store, folds=FOLDS)
    temperature = fit_temperature(before.targets, before.logits, exclusive=True)
    assert card["temperature"] == pytest.approx(temperature)
    assert card["thresholds"] == [0.5, 0.5]
    assert "bias_shift" not in card["provenance"]
    assert load(out).predict(store.record(0), force=True).uncertain is None
    scores = score(predict_folds(load(out), store, folds=FOLDS), replicates=2)
    assert scores["classes"]["SR"].keys() >= {"auroc", "calibration"}
    assert "band" not in scores["classes"]["SR"]


def test_folds_that_the_model_or_a_teacher_was_trained_on_are_refused(store, model, tmp_path):
    provenance = {
        "data": {"fingerprint": store.about["fingerprint"]},
        "recipe": {"train_folds": [1, 2, 8]},
    }
    path, out = model(provenance=provenance), tmp_path / "calibrated.safetensors"
    with pytest.raises(DatasetError, match="was trained on fold 8 of this data"):
        calibrate(path, store, out, UNTRAINED, folds=(8, 9))
    elsewhere = {"fingerprint": "of more folds", "source": store.about["source"]}
    same = provenance | {"data": elsewhere}
    teachers = teacher_provenance([{"provenance": same}])
    student = {"recipe": {"train_folds": [1]}, "teacher_provenance": teachers}
    digests = {"of more folds": digest_tables(store)[store.about["fingerprint"]]}
    for known in (same, student | {"data": training_data(store)}):
        path = model(provenance=known, fold_digests=digests)
        with pytest.raises(DatasetError, match="was trained on fold 8 of this data"):
            calibrate(path, store, out, UNTRAINED, folds=(8,))
    assert not out.exists()
    path = model(provenance=provenance)
    calibrate(path, store, out, UNTRAINED, folds=(9, 10))
    same_name = model(provenance=provenance | {"data": elsewhere})
    calibrate(same_name, store, out, UNTRAINED, folds=(8, 9))


@pytest.mark.parametrize("provenance", [{"data": 5}, {"recipe": []}, {"data": {}, "recipe": {}}])
def test_a_model_of_unknown_origin_can_be_calibrated(store, model, tmp_path, provenance):
    out = tmp_path / "calibrated.safetensors"
    calibrate(model(provenance=provenance), store, out, UNTRAINED, folds=FOLDS)
    chosen_on = load(out).operating_points.chosen_on
    assert chosen_on.records == 60
    assert chosen_on.source == store.about["source"]
    assert read_card(out)["fold_digests"] == digest_tables(store)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"threshold": "best"}, "threshold is 'best'; expected youden"),
        ({"threshold": "sensitivity"}, "threshold is"),
        ({"threshold": "youden=0.9"}, "threshold is"),
        ({"threshold": "sensitivity=1.5"}, "threshold is"),
        ({"threshold": "sensitivity=0.0"}, "threshold is"),
        ({"threshold": "specificity=nan"}, "threshold is"),
        ({"band": "youden"}, "band is 'youden'; expected accuracy=0.95"),
        ({"band": "coverage=-0.5"}, "band is"),
        ({"alpha": 0}, "alpha is 0; expected above 0 and below 1"),
        ({"alpha": 1.0}, "alpha is"),
        ({"alpha": float("nan")}, "alpha is"),
    ],
)
def test_an_invalid_configuration_is_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        CalibrateConfig(**settings)


def test_choices_on_half_of_the_patients_of_fold_9_hold_for_the_other_half(fold_9):
    """Real records: on average over 20 splits, promises are kept within chance."""
    patients = np.unique(fold_9.patients)
    rng = np.random.default_rng(0)
    config = CalibrateConfig(threshold="sensitivity=0.95")
    measured = []
    for _ in range(20):
        half = np.isin(fold_9.patients, rng.permutation(patients)[: patients.size // 2])
        card = calibrated_card(fold_9.subset(half), config)
        other = with_card(fold_9.subset(~half), card)
        scores = calibration_scores(
            other.targets[:, 0],
            other.probabilities[:, 0],
            threshold=card["thresholds"][0],
            chosen=other.classifier.operating_points.classes["ABNORMAL"],
            counts=np.ones((1, len(other.targets)), np.float32),
        )
        measured.append(
            [scores["operating_points"]["sensitivity=0.95"]["sensitivity"],
             scores["band"]["accuracy"],
             scores["conformal"]["positive_coverage"],
             scores["conformal"]["negative_coverage"]]
        )  # fmt: skip
    sensitivity, accuracy, positive, negative = np.mean(measured, axis=0)
    assert sensitivity == pytest.approx(0.95, abs=0.01)
    assert accuracy == pytest.approx(0.95, abs=0.015)
    assert positive == pytest.approx(0.9, abs=0.01)
    assert negative == pytest.approx(0.9, abs=0.01)
