"""A calibrated model keeps on its fold what its card promises, and is else the model it was."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.special import expit, softmax
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, tiny_model, tiny_store

from ecgcam.cli.card_text import scores_in_words
from ecgcam.data.store import Store
from ecgcam.errors import DatasetError, ModelError
from ecgcam.evaluation.calibration import fit_temperature
from ecgcam.evaluation.calibrator import calibrate, calibrated
from ecgcam.evaluation.choices import ASKED_FOR, CalibrateConfig
from ecgcam.evaluation.fold_predictions import FoldPredictions, predict_folds
from ecgcam.evaluation.leakage import data_of, fold_digests, taught_by
from ecgcam.evaluation.scoring import score
from ecgcam.evaluation.trust_scores import trust_scores
from ecgcam.inference.classifier import Classifier, load
from ecgcam.inference.decisions import KEY
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models
from ecgcam.signals.leads import LEADS

NOWHERE = Store(  # of records that are judged already
    folder=Path("nowhere"),
    about={"fingerprint": "made up", "leads": [], "samples": 0, "shards": []},
    records=pd.DataFrame({"id": [], "fold": [], "shard": [], "row": []}),
)
FOLDS = (8, 9, 10)
UNTRAINED = CalibrateConfig(band="coverage=0.8")  # a band that even guessing has


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture
def model(tmp_path):
    """Makes a model file for a task; the card says what it is told to."""

    def make(task=NORMAL, **card):
        return tiny_model(tmp_path / f"{task.name}.safetensors", task=task, card=card)

    return make


@pytest.fixture(scope="module")
def fold_9(published_classifier, fold_9_store):
    return predict_folds(published_classifier, fold_9_store, folds=[9])


def drawn(*, count=3000, task=NORMAL, seed=0, **card):
    """Records whose logits are twice what they should be, as if a model had judged them."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 2, (count, len(task.classes)))
    if task.exclusive:
        targets = np.eye(len(task.classes))[[rng.choice(len(p), p=p) for p in softmax(true, 1)]]
    else:
        targets = rng.random(true.shape) < expit(true)
    usual = {
        "classes": list(task.classes), "leads": list(LEADS), "rate_hz": 100.0, "duration_s": 10.0,
        "thresholds": [0.5] * len(task.classes), "temperature": 1.0, "task": task.to_dict(),
        "parameters": 0, "provenance": {},
    }  # fmt: skip
    return judged(targets.astype(np.float32), 2 * true, usual | card)


def judged(targets, logits, card):
    classifier = Classifier(None, bias=np.zeros(len(card["classes"])), card=card)
    logits = np.asarray(logits, np.float32)
    return FoldPredictions(
        classifier=classifier,
        store=NOWHERE,
        folds=(9,),
        indices=np.arange(len(targets)),
        targets=targets,
        logits=logits,
        probabilities=classifier.probabilities(logits),
        dropped=0,
    )


def under(card, judged, places=slice(None)):
    """What was judged at these places, by the model under another card."""
    classifier = Classifier(None, bias=judged.classifier.bias, card=card)
    return replace(
        judged,
        classifier=classifier,
        indices=judged.indices[places],
        targets=judged.targets[places],
        logits=judged.logits[places],
        probabilities=classifier.probabilities(judged.logits[places]),
    )


@pytest.mark.parametrize("task", [NORMAL, SUPERCLASS, RHYTHM])
def test_the_temperature_that_was_applied_is_found(task):
    card = calibrated(drawn(task=task), CalibrateConfig(threshold="none"))
    assert card["temperature"] == pytest.approx(2, rel=0.06)


@pytest.mark.parametrize("shift", [True, False])
def test_all_weights_but_the_bias_stay_and_the_card_keeps_the_rest(store, model, tmp_path, shift):
    path, out = model(), tmp_path / "new" / "calibrated.safetensors"
    before = path.read_bytes()
    card = calibrate(path, store, out, replace(UNTRAINED, shift=shift), folds=FOLDS)
    assert path.read_bytes() == before
    assert read_card(out) == json.loads(json.dumps(card))
    changed = {"temperature", "thresholds", KEY} | ({"provenance"} if shift else set())
    assert {key for key in card if card[key] != read_card(path).get(key)} == changed
    added = card["provenance"]["bias_shift"] if shift else [0]
    assert shift == any(added)
    for name, weights in load_file(path).items():
        wanted = weights + np.array(added, np.float32) if name == "head.bias" else weights
        assert np.array_equal(load_file(out)[name], wanted)


@pytest.mark.parametrize("task", [NORMAL, SUPERCLASS])
def test_a_shift_alone_leaves_every_decision_and_the_evidence_adds_up(store, model, tmp_path, task):
    path, out = model(task, temperature=1.5), tmp_path / "shifted.safetensors"
    calibrate(path, store, out, CalibrateConfig(threshold="none", band="none"), folds=FOLDS)
    before, after = (predict_folds(load(file), store, folds=FOLDS) for file in (path, out))
    assert np.array_equal(after.decisions, before.decisions)
    mean = after.probabilities.mean(axis=0)  # of the likeliest: as many as there are
    np.testing.assert_allclose(mean, after.targets.mean(axis=0), atol=0.02)
    logits, evidence = after.classifier.run(store.signals_mv([0, 1]))
    np.testing.assert_allclose(evidence.mean(-1) + after.classifier.bias, logits, atol=1e-5)


def test_a_model_can_be_calibrated_in_its_place_and_again(store, model):
    path = model()
    config = replace(UNTRAINED, shift=False)
    first = calibrate(path, store, path, config, folds=FOLDS)
    again = calibrate(path, store, path, config, folds=FOLDS)
    assert again == first


def test_the_card_keeps_what_was_added_in_all(store, model):
    path = model()
    before = load(path).bias
    for _ in range(2):
        card = calibrate(path, store, path, UNTRAINED, folds=FOLDS)
    np.testing.assert_allclose(
        card["provenance"]["bias_shift"], load(path).bias - before, atol=1e-5
    )


@pytest.mark.parametrize("before", [["x"], [None], [[0.5]], [10**400], [1e300], "x", [0.5, 0.5]])
def test_what_a_strangers_card_calls_a_shift_is_no_part_of_the_sum(store, model, tmp_path, before):
    out = tmp_path / "calibrated.safetensors"
    path = model(provenance={"bias_shift": before})
    card = calibrate(path, store, out, UNTRAINED, folds=FOLDS)
    np.testing.assert_allclose(
        card["provenance"]["bias_shift"], load(out).bias - load(path).bias, atol=1e-5
    )


@pytest.mark.parametrize("name", shipped_models())
def test_a_shipped_model_calibrated_anew_tells_no_score_of_its_earlier_thresholds(
    name, synthetic_store, tmp_path
):
    before, out = read_card(shipped_models()[name])["about"], tmp_path / "calibrated.safetensors"
    config = CalibrateConfig(band="coverage=0.8")
    for path in (Path(name), out):
        calibrate(path, synthetic_store, out, config, folds=(5, 9))
        about = read_card(out)["about"]
        assert set(about) == set(before) - {"scores", "subgroups"}
        chosen_anew = "; temperature and thresholds were chosen anew on folds 5, 9 of folder"
        assert about["data"] == before["data"] + chosen_anew
        kept = set(about) - {"data"}
        assert {key: about[key] for key in kept} == {key: before[key] for key in kept}
    assert scores_in_words(read_card(out)) == "not scored"
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
@pytest.mark.parametrize("by", ["youden", "accuracy", "sensitivity=0.8", "specificity=.7"])
def test_what_the_card_says_of_its_fold_is_what_evaluating_the_file_there_finds(
    store, model, tmp_path, task, by
):
    out = tmp_path / "calibrated.safetensors"
    config = CalibrateConfig(threshold=by, band="coverage=0.7", alpha=0.2)
    card = calibrate(model(task), store, out, config, folds=FOLDS)
    scores = score(predict_folds(load(out), store, folds=FOLDS), replicates=2)
    for k, name in enumerate(task.classes):
        known = card[KEY]["classes"][name]
        found = scores["classes"][name] if len(task.classes) > 1 else scores
        assert set(known["points"]) == {*ASKED_FOR, by}
        assert known["points"][by]["threshold"] == card["thresholds"][k]
        for each, point in known["points"].items():
            reached = found["operating_points"][each]
            for of in ("sensitivity", "specificity"):
                assert reached[of] == pytest.approx(point[of])
                if each.startswith(of):
                    assert point[of] >= float(each.partition("=")[2])
        assert found["recall"] == pytest.approx(known["points"][by]["sensitivity"])
        assert found["band"]["coverage"] >= 0.7
        for kind in ("positive", "negative"):
            assert found["conformal"][f"{kind}_coverage"] >= 0.8
        confusion = np.array(found["confusion"])
        assert [known["negatives"], known["positives"]] == confusion.sum(axis=1).tolist()
    assert scores["chosen"]["on_these_records"] is True
    assert scores["chosen"]["folds"] == FOLDS


def test_the_band_leaves_as_many_right_decisions_as_promised():
    records = drawn(seed=3)
    card = calibrated(records, CalibrateConfig(threshold="sensitivity=0.9", band="accuracy=0.9"))
    again = under(card, records)
    band = again.classifier.operating_points.classes["ABNORMAL"].band
    sure = ~band.holds(again.probabilities[:, 0])
    right = again.decisions == (again.targets > 0)
    assert right.mean() < 0.9 <= right[sure].mean()
    assert right[sure].mean() == pytest.approx(0.9, abs=0.01)


def test_without_a_new_threshold_every_decision_stays():
    limits = [0.5, 0.1, 0.93, 0, 0.7]
    records = drawn(task=SUPERCLASS, thresholds=limits, temperature=1.5)
    card = calibrated(records, CalibrateConfig(threshold="none"))
    assert card["temperature"] == pytest.approx(2, rel=0.05)
    assert np.array_equal(under(card, records).decisions, records.decisions)
    assert (card["thresholds"][0], card["thresholds"][3]) == (0.5, 0)
    assert set(card[KEY]["classes"]["MI"]["points"]) == set(ASKED_FOR)
    assert card[KEY]["threshold"] == "none"


def test_without_a_band_the_model_never_says_that_it_is_not_sure():
    card = calibrated(drawn(), CalibrateConfig(band="none"))
    assert card[KEY]["classes"]["ABNORMAL"]["band"] is None


@pytest.mark.parametrize("only", [0, 1])
def test_a_class_of_one_kind_keeps_its_decisions_and_gets_no_points(only):
    records = drawn(task=SUPERCLASS)
    records.targets[:, 2] = only
    card = calibrated(records, CalibrateConfig())
    assert set(card[KEY]["classes"]) == {"NORM", "MI", "CD", "HYP"}
    decided = under(card, records).decisions[:, 2]
    assert np.array_equal(decided, records.decisions[:, 2])


def test_a_specificity_that_no_threshold_reaches_is_left_out_unless_it_was_asked_for():
    targets = np.array([[0], [0], [1], [0], [1]], np.float32)
    logits = np.array([[-1], [0], [1], [3], [3]])  # the surest yes is wrong as often as right
    records = judged(targets, logits, drawn().classifier.card)
    config = CalibrateConfig(band="coverage=0.5")
    points = calibrated(records, config)[KEY]["classes"]["ABNORMAL"]["points"]
    assert set(points) == {"youden", "sensitivity=0.90", "sensitivity=0.95"}
    with pytest.raises(DatasetError, match=r"class ABNORMAL: .* specificity of 0\.667; needed"):
        calibrated(records, replace(config, threshold="specificity=0.9"))


def test_a_band_that_cannot_be_is_told_by_class():
    targets = np.array([[0], [0], [1], [0]], np.float32)
    records = judged(targets, np.array([[-1], [0], [1], [5]]), drawn().classifier.card)
    with pytest.raises(DatasetError, match=r"class ABNORMAL: no band leaves so many .* 0\.750 at"):
        calibrated(records, CalibrateConfig())


def test_of_exclusive_classes_the_temperature_alone_is_fitted(store, model, tmp_path):
    path, out = model(RHYTHM), tmp_path / "calibrated.safetensors"
    with pytest.raises(ModelError, match="'rhythm' exclude one another.*`--threshold none`"):
        calibrate(path, store, out, UNTRAINED, folds=FOLDS)
    assert not out.exists()
    card = calibrate(path, store, out, CalibrateConfig(threshold="none"), folds=FOLDS)
    there = predict_folds(load(path), store, folds=FOLDS)
    wanted = fit_temperature(there.targets, there.logits, exclusive=True)
    assert card["temperature"] == pytest.approx(wanted)
    assert card["thresholds"] == [0.5, 0.5]
    assert "bias_shift" not in card["provenance"]
    answer = load(out).predict(store.record(0))
    assert answer.uncertain is answer.conformal_sets is None
    scores = score(predict_folds(load(out), store, folds=FOLDS), replicates=2)
    assert scores["classes"]["SR"].keys() >= {"auroc", "calibration"}
    assert "band" not in scores["classes"]["SR"]


def test_records_that_the_model_has_learned_from_are_refused(store, model, tmp_path):
    provenance = {
        "data": {"fingerprint": store.about["fingerprint"]},
        "recipe": {"train_folds": [1, 2, 8]},
    }
    path, out = model(provenance=provenance), tmp_path / "calibrated.safetensors"
    with pytest.raises(DatasetError, match="has learned from fold 8 of this data"):
        calibrate(path, store, out, UNTRAINED, folds=(8, 9))
    elsewhere = {"fingerprint": "of more folds", "source": store.about["source"]}
    same = provenance | {"data": data_of(store) | elsewhere}
    pupil = {"recipe": {"train_folds": [1]}, "taught_by": taught_by([{"provenance": same}])}
    for known in (same, pupil | {"data": data_of(store)}):
        with pytest.raises(DatasetError, match="has learned from fold 8 of this data"):
            calibrate(model(provenance=known), store, out, UNTRAINED, folds=(8,))
    assert not out.exists()
    path = model(provenance=provenance)
    calibrate(path, store, out, UNTRAINED, folds=(9, 10))
    named_alike = model(provenance=provenance | {"data": elsewhere})
    calibrate(named_alike, store, out, UNTRAINED, folds=(8, 9))


@pytest.mark.parametrize("provenance", [{"data": 5}, {"recipe": []}, {"data": {}, "recipe": {}}])
def test_a_model_of_unknown_origin_can_be_calibrated(store, model, tmp_path, provenance):
    out = tmp_path / "calibrated.safetensors"
    calibrate(model(provenance=provenance), store, out, UNTRAINED, folds=FOLDS)
    assert load(out).operating_points.chosen_on.records == 60
    assert load(out).operating_points.chosen_on.source == store.about["source"]
    assert load(out).operating_points.chosen_on.digests == fold_digests(store, FOLDS)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"threshold": "best"}, "threshold is 'best'; needed: youden"),
        ({"threshold": "sensitivity"}, "threshold is"),
        ({"threshold": "youden=0.9"}, "threshold is"),
        ({"threshold": "sensitivity=1.5"}, "threshold is"),
        ({"threshold": "sensitivity=0.0"}, "threshold is"),
        ({"threshold": "specificity=nan"}, "threshold is"),
        ({"band": "youden"}, "band is 'youden'; needed: accuracy=0.95"),
        ({"band": "coverage=-0.5"}, "band is"),
        ({"alpha": 0}, "alpha must be above 0 and below 1, got 0"),
        ({"alpha": 1.0}, "alpha must be"),
        ({"alpha": float("nan")}, "alpha must be"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(settings, reason):
    with pytest.raises(ValueError, match=reason):
        CalibrateConfig(**settings)


def test_chosen_on_half_of_the_patients_of_fold_9_it_holds_for_the_other_half(fold_9):
    """Real records: on average over 20 splits, what was promised is met to within chance."""
    patients = fold_9.store.records["patient"].to_numpy()[fold_9.indices]
    names = np.unique(patients)
    rng = np.random.default_rng(0)
    config = CalibrateConfig(threshold="sensitivity=0.95")
    found = []
    for _ in range(20):
        half = np.isin(patients, rng.permutation(names)[: names.size // 2])
        card = calibrated(under(fold_9.classifier.card, fold_9, half), config)
        other = under(card, fold_9, ~half)
        scores = trust_scores(
            other.targets[:, 0],
            other.probabilities[:, 0],
            threshold=card["thresholds"][0],
            chosen=other.classifier.operating_points.classes["ABNORMAL"],
            counts=np.ones((1, len(other.targets)), np.float32),
        )
        found.append(
            [scores["operating_points"]["sensitivity=0.95"]["sensitivity"],
             scores["band"]["accuracy"],
             scores["conformal"]["positive_coverage"],
             scores["conformal"]["negative_coverage"]]
        )  # fmt: skip
    sensitivity, right, positive, negative = np.mean(found, axis=0)
    assert sensitivity == pytest.approx(0.95, abs=0.01)
    assert right == pytest.approx(0.95, abs=0.015)
    assert positive == pytest.approx(0.9, abs=0.01)
    assert negative == pytest.approx(0.9, abs=0.01)
