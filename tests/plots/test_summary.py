"""Answers, warnings and sums are stated as the explanation has them."""

import re
from dataclasses import replace

import numpy as np
import pytest
from support.drawn_records import explained, refused, spiked

from ecgcam.plots.summary import summarize


def first(record, answer):
    """Return the result of the class that is drawn."""
    return summarize(record, answer).shown


def peak_at(peak_s, *, duration_s=10, used_s=None, **about):
    """Return a class whose heat is 1 at that time, 0 elsewhere, and NaN after `used_s`."""
    record = spiked(duration_s=duration_s)
    heat = np.zeros(duration_s * 100)
    heat[round(peak_s * 100)] = 1
    used_s = used_s or duration_s
    evidence = heat[None, : round(used_s * 100)].copy()
    heat[round(used_s * 100) :] = np.nan
    about = {"evidence": evidence, "covered_s": used_s, "window_s": min(used_s, 10)} | about
    return first(record, explained(record, heat=heat, **about))


@pytest.mark.parametrize("peak_s", [0, 0.28, 9.72, 9.99])
def test_heat_that_peaks_at_an_edge_has_a_warning(peak_s):
    assert peak_at(peak_s).edge_warning.startswith("The heat peaks at the edge of a window")


@pytest.mark.parametrize("peak_s", [0.31, 5, 9.68])
def test_heat_that_peaks_elsewhere_has_no_warning(peak_s):
    assert peak_at(peak_s).edge_warning == ""


@pytest.mark.parametrize(("peak_s", "warned"), [(9.9, True), (10.1, True), (15, False)])
def test_windows_within_a_long_record_have_edges_too(peak_s, warned):
    assert bool(peak_at(peak_s, duration_s=20, windows=2).edge_warning) == warned


@pytest.mark.parametrize(("peak_s", "warned"), [(6.8, True), (5, False)])
def test_an_edge_is_where_padding_starts_or_the_record_was_left_out(peak_s, warned):
    assert bool(peak_at(peak_s, duration_s=7).edge_warning) == warned
    assert bool(peak_at(peak_s, duration_s=9, used_s=7).edge_warning) == warned


@pytest.mark.parametrize(("peak_s", "duration_s", "warned"),
                         [(0.2, 10, False), (9.9, 10, False), (6.8, 7, True)])  # fmt: skip
def test_a_network_that_does_not_pad_has_no_edges_but_where_a_record_is_filled_up(
    peak_s, duration_s, warned
):
    seen = {"frame_sees_s": 0.01, "window_s": 10}  # a frame sees the sample that it stands for
    assert bool(peak_at(peak_s, duration_s=duration_s, **seen).edge_warning) == warned


def test_a_constant_map_has_no_peak():
    record = spiked()
    assert first(record, explained(record, heat=np.zeros(1000))).edge_warning == ""


def test_the_sum_is_that_of_the_evidence():
    record, evidence = spiked(), np.linspace(1, 3, 125)[None]
    about = {"evidence": evidence, "bias": np.array([0.5]), "logits": np.array([2.5])}
    assert first(record, explained(record, **about)).sum_in_words == (
        "mean 2.00 + bias 0.50 = logit 2.50"
    )


@pytest.mark.parametrize(
    ("mean", "bias"),
    [(0.026, -0.051), (1.004, 0.004), (-0.0049, 0.0049), (-2.336, 0.205), (0.995, 0.006)],
)
def test_the_rounded_sum_adds_up_to_the_last_digit(mean, bias):
    record, logit = spiked(), mean + bias
    about = {"bias": np.array([bias]), "logits": np.array([logit])}
    words = first(record, explained(record, evidence=np.full((1, 125), mean), **about)).sum_in_words
    terms = re.findall(r"−?\d+\.\d\d|[+−=]", words)
    a, b, total = (float(terms[k].replace("−", "-")) for k in (0, 2, 4))
    assert a + (b if terms[1] == "+" else -b) == pytest.approx(total, abs=1e-9)
    assert (a, total) == pytest.approx((mean, logit), abs=0.011)
    assert "−0.00" not in words


@pytest.mark.parametrize(
    ("uncertain", "probability", "answer"),
    [
        (None, 0.9, "yes"),
        ((), 0.1, "no"),
        (("CD",), 0.55, "not sure"),
        (("CD",), 0.45, "not sure"),
    ],
)
def test_an_answer_is_yes_no_or_not_sure(uncertain, probability, answer):
    about = {"classes": ("CD",), "class_titles": ("Conduction disturbance",)}
    record = spiked()
    result = first(
        record, explained(record, probabilities=(probability,), uncertain=uncertain, **about)
    )
    assert result.in_words == (
        f"Conduction disturbance (CD): {answer} (probability {probability:.3f}, threshold 0.500)"
    )


def test_results_are_ordered_by_answer_then_probability_and_can_be_selected_by_name():
    record = spiked()
    about = {"classes": ("NORM", "MI", "STTC", "CD"), "probabilities": (0.3, 0.45, 0.6, 0.4)}
    answer = explained(record, decision=("STTC", "CD"), uncertain=("NORM", "STTC"), **about)
    names = [result.name for result in summarize(record, answer).results]
    assert names == ["CD", "STTC", "NORM", "MI"]
    assert summarize(record, answer).shown.name == "CD"
    assert summarize(record, answer, class_name="NORM").shown.name == "NORM"
    with pytest.raises(ValueError, match="NORM, MI, STTC, CD, got 'HYP'"):
        summarize(record, answer, class_name="HYP")
    assert summarize(record, refused(record)).shown is None


INDEPENDENT = "each class is predicted independently"


@pytest.mark.parametrize(
    ("decision", "uncertain", "warnings"),
    [
        (("NORM", "MI", "CD"), (), (f"NORM and MI, CD are predicted together: {INDEPENDENT}",)),
        (("NORM", "MI", "CD"), ("MI",), (f"NORM and CD are predicted together: {INDEPENDENT}",)),
        ((), (), (f"no class is predicted, NORM included: {INDEPENDENT}",)),
        ((), ("MI",), ()),
        (("NORM", "MI"), ("NORM",), ()),
        (("NORM",), (), ()),
        (("MI", "CD"), None, ()),
    ],
)
def test_contradicting_answers_have_a_warning(decision, uncertain, warnings):
    about = {"classes": ("NORM", "MI", "CD"), "probabilities": (0.5,) * 3}
    about |= {"decision": decision, "uncertain": uncertain}
    record = spiked()
    answer = explained(record, warnings=("flat V5",), **about)
    assert summarize(record, answer).warnings == ("flat V5", *warnings)


def test_rhythm_and_form_do_not_contradict_a_normal_ecg():
    about = {"classes": ("NORM", "SR", "PAC", "IMI"), "probabilities": (0.5,) * 4, "uncertain": ()}
    record = spiked()

    def warnings(*decision):
        answer = explained(record, decision=decision, **about)
        return summarize(record, answer).warnings

    assert warnings("NORM", "SR", "PAC") == ()
    assert warnings("NORM", "SR", "IMI") == (f"NORM and IMI are predicted together: {INDEPENDENT}",)
    assert warnings("SR", "PAC") == (f"no class is predicted, NORM included: {INDEPENDENT}",)


@pytest.mark.parametrize(
    ("classes", "decision"), [(("MI",), ()), (("NORM",), ()), (("NORM",), ("NORM",))]
)
def test_a_single_class_contradicts_nothing(classes, decision):
    record = spiked()
    answer = explained(record, classes=classes, decision=decision)
    assert summarize(record, answer).warnings == ()


def test_a_refusal_contradicts_nothing():
    record = spiked()
    answer = replace(refused(record), classes=("NORM", "MI"))
    assert summarize(record, answer).warnings == ()
