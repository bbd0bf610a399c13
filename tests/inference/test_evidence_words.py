"""The sentence on a class says what the sums in the JSON say."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.beats_of import explained_beats, regular_waves

from ecgcam.inference.evidence_words import in_words, joined_leads, leading_leads
from ecgcam.inference.wave_evidence import add_up
from ecgcam.signals.leads import LEADS


def sentence(frames, *, waves=None, changes=None, **about):
    """Return the sentence on regular beats with this evidence in the frames of each."""
    explanation = explained_beats(frames, **about)
    explanation = replace(explanation, **(changes or {}))
    return in_words(explanation, 0, add_up(explanation, waves or regular_waves()))


def st_t_in_v2_to_v4():
    frames = np.zeros((12, 10))
    frames[7:10, 5:7] = 10  # T in V2, V3, V4
    frames[1, 3] = 5  # QRS in II
    return frames


def test_the_evidence_for_a_yes_has_its_wave_beats_and_leads():
    # 60 of 65 logits in T
    assert sentence(st_t_in_v2_to_v4(), bias=-4.0) == (
        "Abnormal, 0.92. 92 % of the evidence for it lies in ST-T, in 10 of 10 beats, "
        "most in V2, V3."
    )


def test_each_figure_can_be_recomputed_from_the_json():
    explanation = explained_beats(st_t_in_v2_to_v4(), bias=-4.0)
    sums = json.loads(json.dumps(add_up(explanation, regular_waves()).to_dict(0)))
    st_t = sums["by_wave"]["ST"]["for"] + sums["by_wave"]["T"]["for"]
    assert round(100 * st_t / sums["all"]["for"]) == 92
    beats = [beat["ST"]["for"] + beat["T"]["for"] for beat in sums["by_beat"]]
    assert sum(beat >= 0.5 * np.mean(beats) for beat in beats) == 10
    leads = sums["by_wave_and_lead"]["T"]
    assert sum(leads[lead] for lead in ("V2", "V3")) >= 0.5 * sum(leads.values())


def test_evidence_in_one_beat_is_said_to_be_in_one_beat():
    explanation = explained_beats([0, 0, 0, 0.1, 0, 0, 0, 0, 0, 0], bias=0.0)
    explanation.evidence[0, 33] = 40
    explanation = replace(explanation, logits=explanation.evidence.mean(axis=-1))
    words = in_words(explanation, 0, add_up(explanation, regular_waves()))
    assert "100 % of the evidence for it lies in QRS, in 1 of 10 beats." in words


def test_no_speaks_of_the_evidence_against():
    words = sentence([0, 0, 0, -30, 0, 0, -5, 0, 0, 0], bias=0.5)
    assert words == (
        "Abnormal: no, 0.05. 86 % of the evidence against it lies in QRS, in 10 of 10 beats."
    )


def test_no_in_spite_of_evidence_for_it_names_the_bias():
    words = sentence([0, 0, 0, 20, 0, 0, -10, 0, 0, 0], bias=-3.0)
    assert words == (
        "Abnormal: no, 0.12. The evidence (+2.0 logits for it, −1.0 against) does not make up for "
        "the bias, −3.0."
    )


def test_yes_in_spite_of_evidence_against_it_names_the_bias():
    words = sentence([0, 0, 0, 10, 0, 0, -20, 0, 0, 0], bias=3.0)
    assert words == (
        "Abnormal, 0.88. The evidence (+1.0 logits for it, −2.0 against) is outweighed by the "
        "bias, +3.0."
    )


def test_spread_and_mixed_evidence_is_said_to_be_so():
    words = sentence([0, 10, 0, 14, -14, 9, 0, 0, 0, 0], bias=0.0)
    assert "is spread over the beat: 42 % in QRS, 30 % in P and PR, 27 % in ST-T." in words
    assert words.endswith("It is mixed: +3.3 logits for, −1.4 against.") is False
    words = sentence([0, 10, 0, 14, -20, 9, 0, 0, 0, 0], bias=0.0)
    assert words.endswith("It is mixed: +3.3 logits for, −2.0 against.")


def test_hardly_any_evidence_is_said_to_be_so():
    words = sentence([0, 0, 0, 2, 0, 0, 0, 0, 0, 0], bias=2.0)
    assert words.endswith("There is hardly any evidence: the answer is the model's bias.")


def test_the_abstention_band_is_not_sure():
    words = sentence([0, 0, 0, 10, 0, 0, 0, 0, 0, 0], changes={"uncertain": ("ABNORMAL",)})
    assert words.startswith("Abnormal: not sure, 0.50. 100 % of the evidence for it lies in QRS")


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"sees_s": 2.11}, "the model sees 2.1 s at once"),
        ({"waves": regular_waves(probability=0.5)}, "they are not sure in this ECG"),
        ({"waves": regular_waves(beats=0)}, "they are not sure in this ECG"),
    ],
)
def test_waves_that_cannot_be_named_are_not(about, reason):
    words = sentence(st_t_in_v2_to_v4(), **about)
    assert "ST-T" not in words
    assert words == (
        f"Abnormal, 1.00. Evidence for it is most in V2, V3. Waves are not named: {reason}."
    ).replace("1.00", "> 0.99")


def test_leads_are_the_fewest_with_half_of_the_evidence():
    assert leading_leads(np.array([1, 1, 1, 1.0]), "abcd") == ("a", "b")
    assert leading_leads(np.array([0, 5, 1, 3.0]), "abcd") == ("b",)
    assert joined_leads(("II", "III", "V2", "V3", "V4", "V6"), LEADS) == "II, III, V2-V4, V6"
