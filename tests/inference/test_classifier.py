"""The classifier judges Records of any rate, length and order of leads, and says what it did."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, softmax
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, tiny_model

from ecgcam.data.synthetic.people import draw_heart, draw_person
from ecgcam.errors import ModelError, RecordError
from ecgcam.inference.classifier import BATCH, Classifier
from ecgcam.inference.decisions import Band, ChosenOn, ClassPoints, ConformalLimits, OperatingPoints
from ecgcam.inference.engine import EngineOutput
from ecgcam.inference.loading import load
from ecgcam.inference.results import Explanation, Prediction
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record


class OfAnySignal(Classifier):
    """A classifier that predicts levels and steps as well, which are no ECGs."""

    def predict(self, ecgs, **options):
        return super().predict(ecgs, force=True, **options)

    def explain(self, ecgs, **options):
        return super().explain(ecgs, force=True, **options)


def copying(task=SUPERCLASS, *, bias=0.0, **card):
    """A classifier whose evidence of its k-th class is the k-th lead, so every number is known."""
    count = len(task.classes)

    def engine(signal_mv):
        evidence = signal_mv[:, :count]
        return EngineOutput(evidence.mean(-1) + np.float32(bias), evidence)

    usual = {
        "classes": list(task.classes),
        "leads": list(LEADS),
        "rate_hz": 100.0,
        "duration_s": 10.0,
        "thresholds": [0.5] * count,
        "temperature": 1.0,
        "task": task.to_dict(),
    }
    return OfAnySignal(engine, bias=np.full(count, bias, np.float32), card=usual | card)


def record(levels=(0,) * 12, *, duration_s=10.0, rate_hz=100.0, **about):
    """Each lead a constant but V6, which starts 1 mV higher: all flat, nothing would be judged."""
    signal = np.repeat(np.array(levels, float)[:, None], round(duration_s * rate_hz), axis=1)
    signal[-1, 0] += 1
    return Record(signal_mv=signal, rate_hz=rate_hz, **about)


def smooth(*, rate_hz=100, duration_s=10.0, seed=0, **about):
    """A made-up heart without noise: the same waves at whatever rate they are sampled."""
    rng = np.random.default_rng(seed)
    heart = draw_heart(draw_person(rng), rng, duration_s=duration_s)
    signal_mv = heart.leads_mv(np.arange(round(duration_s * rate_hz)) / rate_hz)
    return Record(signal_mv=signal_mv, rate_hz=rate_hz, **about)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    return load(tiny_model(path, task=SUPERCLASS, duration_s=10))


def assert_adds_up(answer):
    np.testing.assert_allclose(answer.evidence.mean(-1) + answer.bias, answer.logits, atol=1e-5)


def test_what_it_is_comes_from_the_card(classifier):
    assert classifier.classes == SUPERCLASS.classes
    assert classifier.leads == LEADS
    assert (classifier.rate_hz, classifier.duration_s, classifier.temperature) == (100, 10, 1)
    assert classifier.thresholds.tolist() == [0.5] * 5
    assert classifier.bias.shape == (5,)
    assert classifier.card["parameters"] > 0


def test_the_numbers_of_an_answer():
    answer = copying(bias=0.5).explain(record([1, -2, 0.1, 0, 3, *[0] * 7], name="x"))
    assert isinstance(answer, Explanation)
    assert answer.name == "x"
    np.testing.assert_allclose(answer.logits, [1.5, -1.5, 0.6, 0.5, 3.5])
    np.testing.assert_allclose(answer.probabilities, expit([1.5, -1.5, 0.6, 0.5, 3.5]), rtol=1e-6)
    assert answer.decision == ("NORM", "STTC", "CD", "HYP")
    assert answer.evidence.shape == (5, 1000)
    assert not answer.heatmap.any()  # constant maps single out no moment
    assert_adds_up(answer)


def test_a_prediction_is_the_same_without_maps(classifier):
    ecg = smooth()
    prediction, explanation = classifier.predict(ecg), classifier.explain(ecg)
    assert type(prediction) is Prediction
    assert np.array_equal(prediction.logits, explanation.logits)
    assert prediction.decision == explanation.decision


def test_every_record_adds_up_alone_and_in_a_list_alike(classifier):
    ecgs = [smooth(seed=seed) for seed in range(5)]
    for together, ecg in zip(classifier.explain(ecgs), ecgs, strict=True):
        alone = classifier.explain(ecg)
        assert_adds_up(together)
        np.testing.assert_allclose(together.logits, alone.logits, atol=1e-5)
        np.testing.assert_allclose(together.evidence, alone.evidence, atol=1e-5)
        np.testing.assert_allclose(together.heatmap, alone.heatmap, atol=1e-4)
        assert together.heatmap.shape == (5, 1000)
        assert together.heatmap.min() == 0
        assert together.heatmap.max() == 1


def test_a_refused_record_in_the_middle_keeps_its_place():
    classifier = copying()
    bad = record(duration_s=2, name="short")
    answers = classifier.predict([record([1] * 12, name="a"), bad, record([2] * 12, name="b")])
    assert [answer.name for answer in answers] == ["a", "short", "b"]
    assert [answer.logits.tolist() for answer in answers] == [[1] * 5, [], [2] * 5]
    assert "lasts 2 s; expected at least 5 s" in answers[1].refused
    assert answers[1].decision == ()
    assert answers[0].refused is answers[2].refused is None


def test_a_list_of_refused_records_is_a_list_of_refusals():
    short = record(duration_s=1)
    assert all(answer.refused for answer in copying().explain([short, short]))


def test_a_record_alone_that_cannot_be_judged_is_an_error(classifier):
    with pytest.raises(RecordError, match="expected at least 5 s"):
        classifier.predict(smooth(duration_s=4))
    with pytest.raises(RecordError, match="leads V6 are missing"):
        classifier.explain(Record(signal_mv=np.zeros((11, 1000)), rate_hz=100, leads=LEADS[:11]))


def test_what_is_wrong_with_the_signal_is_said_once_wherever_it_comes_from(classifier):
    signal_mv = smooth().signal_mv.copy()
    signal_mv[10] = 0.3
    ecg = Record(signal_mv=signal_mv, rate_hz=100)
    of_a_store = replace(ecg, warnings=("flat V5",))
    answers = [classifier.predict(ecg), *classifier.explain([ecg, of_a_store])]
    assert [answer.warnings for answer in answers] == [("flat V5",)] * 3


def test_a_record_is_refused_if_all_the_leads_that_are_looked_at_are_flat():
    flat = np.full((12, 1000), 0.2)
    with pytest.raises(RecordError, match="f: I, II, .*, V6 are flat: there is nothing"):
        copying().predict(Record(signal_mv=flat, rate_hz=100, name="f"))
    flat[5] = smooth().signal_mv[5]
    ecg = Record(signal_mv=flat, rate_hz=100)
    of_all, of_two = copying(), copying(leads=["I", "II"])
    assert of_all.explain([ecg])[0].refused is None
    (answer,) = of_two.explain([ecg])
    assert "I, II are flat" in answer.refused
    assert answer.decision == ()


def test_nothing_gives_nothing(classifier):
    assert classifier.predict([]) == []
    assert classifier.explain(np.empty((0, 12, 1000), np.float32)) == []


def test_an_array_is_judged_like_its_records(classifier):
    ecgs = [smooth(seed=seed) for seed in range(3)]
    found = classifier.explain(np.stack([ecg.signal_mv for ecg in ecgs]))
    for answer, wanted in zip(found, classifier.explain(ecgs), strict=True):
        assert np.array_equal(answer.logits, wanted.logits)
    assert [answer.name for answer in found] == ["0", "1", "2"]


def test_a_record_of_an_array_that_is_no_ecg_is_refused_in_its_place(classifier):
    signals = np.stack([smooth(seed=seed).signal_mv for seed in range(3)])
    signals[1, 3, 500:550] = np.nan
    refused = [answer.refused for answer in classifier.predict(signals)]
    assert refused[0] is refused[2] is None
    assert "aVR" in refused[1]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (np.zeros((12, 1000), np.float32), ValueError),
        (np.zeros(1000, np.float32), ValueError),
        (["record.hea"], TypeError),
        ("record.hea", TypeError),
        ([None], TypeError),
        (7, TypeError),
    ],
)
def test_what_is_no_ecg_at_all_is_the_callers_mistake(classifier, wrong, error):
    with pytest.raises(error):
        classifier.predict(wrong)


@pytest.mark.parametrize("rate_hz", [500, 250, 1000, 257, 50])
def test_another_rate_is_resampled(classifier, rate_hz):
    there, here = classifier.explain([smooth(rate_hz=rate_hz), smooth()])
    assert there.warnings == (f"resampled from {rate_hz} to 100 Hz",)
    assert here.warnings == ()
    assert there.heatmap.shape == (5, 10 * rate_hz)
    assert_adds_up(there)
    np.testing.assert_allclose(there.logits, here.logits, atol=0.05)


def test_leads_go_by_name(classifier):
    ecg, order = smooth(), np.random.default_rng(1).permutation(12)
    mixed = replace(ecg, signal_mv=ecg.signal_mv[order], leads=tuple(LEADS[k] for k in order))
    assert np.array_equal(classifier.explain(mixed).evidence, classifier.explain(ecg).evidence)


def test_other_leads_beside_its_own_are_no_harm(classifier):
    ecg = smooth()
    more = replace(
        ecg, signal_mv=np.vstack([ecg.signal_mv[:1] * 9, ecg.signal_mv]), leads=("X", *LEADS)
    )
    assert np.array_equal(classifier.predict(more).logits, classifier.predict(ecg).logits)


def test_a_long_record_is_the_mean_of_its_windows(classifier):
    ecg = smooth(duration_s=30)
    parts = [replace(ecg, signal_mv=ecg.signal_mv[:, at : at + 1000]) for at in (0, 1000, 2000)]
    answers, whole = classifier.explain(parts), classifier.explain(ecg)
    assert_adds_up(whole)
    np.testing.assert_allclose(whole.logits, np.mean([a.logits for a in answers], 0), atol=1e-5)
    row = np.concatenate([a.evidence for a in answers], axis=1)
    np.testing.assert_allclose(whole.evidence, row, atol=1e-5)
    assert whole.heatmap.shape == (5, 3000)
    assert (whole.windows, whole.window_s) == (3, 10)
    assert whole.frame_edges_s[-1] == pytest.approx(30)
    assert whole.warnings == ()


def test_a_remainder_of_5_s_is_padded_and_a_shorter_one_left_out(classifier):
    filled = classifier.explain(smooth(duration_s=17))
    assert filled.warnings == ("the last 3 s of the last window are padding and do not count",)
    assert (filled.windows, filled.frame_edges_s[-1]) == (2, pytest.approx(17, abs=0.05))
    assert filled.heatmap.shape == (5, 1700)
    assert np.isfinite(filled.heatmap).all()
    left_out = classifier.explain(smooth(duration_s=14))
    assert left_out.warnings == ("the last 4 s were left out",)
    assert left_out.frame_edges_s[-1] == pytest.approx(10)
    assert np.isfinite(left_out.heatmap[:, :1000]).all()
    assert np.isnan(left_out.heatmap[:, 1000:]).all()
    for answer in (filled, left_out):
        assert_adds_up(answer)


def test_what_fills_a_record_up_has_no_say():
    """A lone peak 6.5 s into a record of 7 s: one sample of 700, not of a window's 1000."""
    levels = np.zeros((12, 700), np.float32)
    levels[:, 650] = 1
    answer = copying(bias=0.5).explain(Record(signal_mv=levels, rate_hz=100))
    assert answer.frame_edges_s[-1] == pytest.approx(7)
    assert answer.heatmap.shape == answer.evidence.shape == (5, 700)
    assert answer.heatmap[0].argmax() == 650
    np.testing.assert_allclose(answer.logits, 0.5 + 1 / 700, rtol=1e-5)
    assert_adds_up(answer)


def test_each_second_that_was_recorded_counts_alike():
    """Of 17 s, ten at 1 and seven at 0: 10 / 17, not the half of two windows."""
    levels = np.zeros((12, 1700), np.float32)
    levels[:, :1000] = 1
    levels[:, 1200] = 0.01  # so that it is not flat
    answer = copying().explain(Record(signal_mv=levels, rate_hz=100))
    np.testing.assert_allclose(answer.logits, 10.0 / 17, rtol=1e-4)


def test_the_evidence_of_a_refused_record_lasts_no_time():
    (refused,) = copying().explain([record(duration_s=1)])
    assert refused.frame_times_s.size == refused.frame_s == 0


def test_the_records_own_warnings_come_first(classifier):
    ecg = smooth(duration_s=14, warnings=("lead V1 is flat",))
    assert classifier.predict(ecg).warnings[0] == "lead V1 is flat"


def test_a_class_is_decided_at_its_own_threshold():
    limits = [0.5, 0.1, float(np.float32(expit(0))), 0.500001, 0.9]
    answer = copying(thresholds=limits).predict(record([0, -2, 0, 0, 3, *[0] * 7]))
    assert answer.decision == ("NORM", "MI", "STTC", "HYP")
    np.testing.assert_allclose(answer.thresholds, limits, rtol=1e-6)


def test_the_temperature_calms_the_probability_and_not_the_logit():
    answer = copying(NORMAL, temperature=4.0).predict(record([2] * 12))
    assert answer.logits.tolist() == [2]
    assert answer.probabilities[0] == pytest.approx(expit(0.5))
    assert answer.temperature == 4


def doubting(alpha=0.1, **bands):
    """A card's operating points, with these bands, and sets of both answers from 0.4 to 0.6."""
    limits = ConformalLimits(positive_from=0.4, negative_up_to=0.6)
    return OperatingPoints(
        chosen_on=ChosenOn(folds=(9,), records=5, store=""),
        threshold="none",
        band="coverage=0.8",
        alpha=alpha,
        classes={
            name: ClassPoints(positives=2, negatives=3, points={}, band=band, conformal=limits)
            for name, band in bands.items()
        },
    ).to_dict()


def test_a_card_without_operating_points_knows_of_no_doubt():
    answer = copying().explain(record())
    assert answer.uncertain is None


def test_an_answer_says_where_it_is_not_sure_and_decides_as_before():
    card = doubting(MI=Band(low=0.45, high=0.7), CD=Band(low=0.1, high=0.2))
    levels = record([0, 0, 0, 0, 3, *[0] * 7])
    plain = copying().explain(levels)
    answer = copying(operating_points=card).explain(levels)
    assert answer.uncertain == ("MI",)
    assert answer.decision == plain.decision
    assert np.array_equal(answer.probabilities, plain.probabilities)
    surer = copying(operating_points=card).predict(record([0, 2, 0, -2, 0, *[0] * 7]))
    assert surer.uncertain == ("CD",)


def test_the_temperature_is_part_of_the_probability_that_is_doubted():
    card = doubting(ABNORMAL=Band(low=0.4, high=0.7))
    levels = record([2] * 12)
    assert copying(NORMAL, operating_points=card).predict(levels).uncertain == ()
    calm = copying(NORMAL, operating_points=card, temperature=4.0).predict(levels)
    assert calm.uncertain == ("ABNORMAL",)


def test_an_ecg_that_is_refused_is_not_doubted():
    card = doubting(MI=Band(low=0.4, high=0.7))
    (answer,) = copying(operating_points=card).predict([record(duration_s=1)])
    assert answer.to_dict()["uncertain"] is None


def test_exclusive_classes_share_one_certainty_and_the_most_probable_is_decided():
    answer = copying(RHYTHM, thresholds=[0.9, 0.9], temperature=2.0).predict(
        record([1, 2, *[0] * 10])
    )
    np.testing.assert_allclose(answer.probabilities, softmax([0.5, 1]), rtol=1e-6)
    assert answer.decision == ("AFIB",)


def test_many_windows_are_judged_in_parts_and_each_gets_its_own():
    sizes = []
    classifier = copying()
    whole = classifier._engine
    classifier._engine = lambda signal: sizes.append(len(signal)) or whole(signal)
    answers = classifier.predict([record([k / 16] * 12) for k in range(300)])
    assert [answer.logits[0] for answer in answers] == [k / 16 for k in range(300)]
    assert max(sizes) <= 128
    assert sum(sizes) == 300


@pytest.mark.parametrize("name", ["nobody", "no/such/model.pt", "no/such/model.safetensors"])
def test_a_model_that_is_not_there_is_named(name):
    with pytest.raises(ModelError, match=name):
        load(name)


def test_a_backbone_of_ones_own_is_loaded_only_by_its_name(tmp_path):
    path = tiny_model(tmp_path / "own.safetensors", backbone="support.backbones:Dropping")
    with pytest.raises(ModelError, match="name it with --backbone"):
        load(path)
    answer = load(path, backbone="support.backbones:Dropping").explain(smooth(duration_s=5))
    assert_adds_up(answer)


def test_classes_are_spelled_out_by_the_card_or_else_as_ptbxl_does():
    titled = copying(RHYTHM, class_titles={"AFIB": "Atrial fibrillation"})
    assert titled.class_titles == ("SR", "Atrial fibrillation")
    answer = copying().predict(record())
    assert answer.full_names[3] == "Conduction disturbance (CD)"
    assert copying(NORMAL).predict(record()).full_names == ("Abnormal ECG",)


def test_what_a_notebook_shows_is_short():
    model, ecg = copying(), smooth()
    assert repr(model) == "<Classifier of NORM, MI, STTC, CD, HYP: 12 leads, 100 Hz, 10 s>"
    assert len(repr(ecg)) < 300
    assert len(repr(model.explain(ecg))) < 900
    assert "decision=(" in repr(model.explain(ecg))


def test_more_windows_than_a_batch_holds_keep_their_evidence(tmp_path):
    classifier = load(tiny_model(tmp_path / "model.safetensors"))
    shape = (BATCH + 5, 12, 500)
    signal_mv = np.random.default_rng(1).normal(0, 0.3, shape).astype(np.float32)
    logits, evidence, _ = classifier.run(signal_mv)
    np.testing.assert_allclose(evidence.mean(-1) + classifier.bias, logits, atol=1e-4)
