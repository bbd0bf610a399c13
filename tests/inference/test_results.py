"""What a judgement says of itself, as Python and as JSON."""

import json

import numpy as np
import pytest
from scipy.special import expit

import ecgcam
from ecgcam.inference.results import Explanation, Prediction, display_heatmap


def explanation(**about):
    """Two classes over a record of ten samples, of which the last two were left out."""
    heat = np.append(np.linspace(0, 1, 8), [np.nan, np.nan])
    answer = {
        "name": "a",
        "classes": ("SR", "AFIB"),
        "logits": np.array([2.0, -1.5], np.float32),
        "probabilities": np.array([0.9, 0.2], np.float32),
        "thresholds": np.array([0.5, 0.25], np.float32),
        "decision": ("SR",),
        "warnings": ("lead V1 is flat",),
        "bias": np.array([0.5, 0.1], np.float32),
        "evidence": np.array([[1, 2], [-3, -0.2]], np.float32),
        "frame_times_s": np.array([0.025, 0.075]),
        "frame_s": 0.05,
        "known_heatmap": np.stack([heat, 1 - heat]).astype(np.float32),
    }
    return Explanation(**answer | about)


def refusal():
    nothing, nowhere = np.empty(0), np.empty((0, 0))
    maps = {"evidence": nowhere, "known_heatmap": nowhere, "frame_times_s": nothing, "frame_s": 0.0}
    numbers = {"logits": nothing, "probabilities": nothing}
    return explanation(refused="too short", decision=(), **numbers, **maps)


def strictly(text):
    """JSON as any other program reads it: NaN is no number there."""

    def refuse(word):
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def test_json_holds_every_number():
    found = strictly(json.dumps(explanation().to_dict()))
    assert found["name"] == "a"
    assert found["decision"] == ["SR"]
    assert found["warnings"] == ["lead V1 is flat"]
    assert found["refused"] is None
    assert found["frame_times_s"] == [0.025, 0.075]
    assert found["frame_s"] == pytest.approx(0.05)
    assert list(found["classes"]) == ["SR", "AFIB"]
    one = found["classes"]["AFIB"]
    assert one["probability"] == pytest.approx(0.2)
    assert one["logit"] == pytest.approx(-1.5)
    assert one["threshold"] == pytest.approx(0.25)
    assert one["evidence"] == pytest.approx([-3, -0.2])


def test_the_probability_in_json_is_that_of_the_logit_by_the_temperature():
    logits = np.array([2.0, -1.5], np.float32)
    answer = explanation(temperature=1.5, probabilities=expit(logits / 1.5), model="normal")
    found = strictly(json.dumps(answer.without_maps().to_dict()))
    for one in found["classes"].values():
        assert one["probability"] == pytest.approx(expit(one["logit"] / found["temperature"]))


def test_the_evidence_in_json_adds_up_to_the_logit():
    for one in strictly(json.dumps(explanation().to_dict()))["classes"].values():
        assert np.mean(one["evidence"]) + one["bias"] == pytest.approx(one["logit"], abs=1e-6)


def test_what_was_not_judged_is_null_in_json():
    heat = strictly(json.dumps(explanation().to_dict()))["classes"]["SR"]["heatmap"]
    assert heat[8:] == [None, None]
    assert heat[:8] == pytest.approx(np.linspace(0, 1, 8))


def test_it_says_that_it_is_not_a_medical_device():
    assert explanation().to_dict()["note"] == "Not a medical device."


def test_the_evidence_of_each_lead_is_there_where_there_is_any():
    assert "lead_evidence" not in explanation().to_dict()["classes"]["SR"]
    leads = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    found = explanation(lead_evidence=leads).to_dict()["classes"]["AFIB"]["lead_evidence"]
    assert found == [[6, 7], [8, 9], [10, 11]]


def test_a_prediction_is_an_explanation_without_its_maps():
    prediction = explanation().without_maps()
    assert type(prediction) is Prediction
    assert not hasattr(prediction, "evidence")
    plain = prediction.to_dict()
    assert plain["classes"]["SR"].keys() == {"title", "probability", "logit", "threshold"}
    assert "frame_times_s" not in plain


def test_json_names_the_uncertain_classes_where_the_model_has_a_band():
    assert explanation().to_dict()["uncertain"] is None
    assert explanation(uncertain=("AFIB",)).to_dict()["uncertain"] == ["AFIB"]
    assert explanation(uncertain=()).without_maps().to_dict()["uncertain"] == []


def test_json_carries_its_schema_and_the_full_digest_of_the_model():
    found = strictly(json.dumps(explanation(model="normal", model_sha256="0a" * 32).to_dict()))
    assert found["schema"] == 1
    assert found["ecgcam"] == ecgcam.__version__
    assert found["model"] == {"name": "normal", "sha256": "0a" * 32}


def test_json_spells_the_classes_out():
    found = explanation(class_titles=("Sinus rhythm", "Atrial fibrillation"))
    assert found.to_dict()["classes"]["AFIB"]["title"] == "Atrial fibrillation"
    assert found.full_names == ("Sinus rhythm (SR)", "Atrial fibrillation (AFIB)")


def test_a_refusal_has_a_reason_and_no_numbers():
    found = strictly(json.dumps(refusal().to_dict()))
    assert found["refused"] == "too short"
    assert found["classes"] == {}
    assert found["decision"] == []
    assert refusal().without_maps().refused == "too short"


def test_rounding_of_constant_evidence_is_not_shown_as_heat():
    evidence = np.full((1, 125), 0.1, np.float32)
    evidence[0, 60] = np.nextafter(np.float32(0.1), np.float32(1))
    assert (
        display_heatmap(evidence, np.arange(125) * 8 + 4, samples=1000, predicted=1000) == 0
    ).all()


def test_a_length_that_is_a_hair_below_its_samples_has_heat_to_the_end():
    evidence = np.arange(5, dtype=np.float32)[None]
    heat = display_heatmap(
        evidence, np.arange(5) * 100 + 50, samples=435, predicted=4.35 * 100
    )  # 434.99…
    assert np.isfinite(heat).all()
