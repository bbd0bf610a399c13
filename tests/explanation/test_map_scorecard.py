"""The scorecard: whole, resumable, and short for a card."""

import json

import pytest
from support.subjects import LEADWISE
from support.tiny import SUPERCLASS, tiny_model, tiny_store

from ecgcam.errors import DatasetError, ModelError
from ecgcam.explanation import map_scorecard, scorecard
from ecgcam.explanation.card_entry import short_form
from ecgcam.explanation.map_scorecard import PARTS
from ecgcam.explanation.subject import choose_effort
from ecgcam.inference.modelfile import load_network


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A small leadwise model and a store."""
    folder = tmp_path_factory.mktemp("scorecard")
    return tiny_model(folder / "m.safetensors", **LEADWISE), tiny_store(folder / "store")


@pytest.fixture(scope="module")
def results(inputs, tmp_path_factory):
    model, store = inputs
    out = tmp_path_factory.mktemp("out")
    network, _ = load_network(model)
    extras = {"other": model, "retrain": lambda: network}
    return scorecard(model, store, out=out, quick=True, synthetic=1, **extras), out


def figures_of(results, part):
    return next(one["figures"] for one in results["parts"] if one["part"] == part)


def test_every_part_but_ludb_is_there_and_json_can_hold_it(results):
    found, _ = results
    assert [part["part"] for part in found["parts"]] == [part for part in PARTS if part != "ludb"]
    json.dumps(found, allow_nan=False)
    met = [f["met"] for part in found["parts"] for f in part["figures"] if f["met"] is not None]
    assert found["goals"] == {"met": sum(met), "of": len(met)}


def test_a_model_agrees_with_itself_in_every_part_that_compares_models(results):
    found, _ = results
    for part in ("shuffled", "seeds"):
        (figure,) = figures_of(found, part)
        assert figure["values"]["evidence"]["value"] == pytest.approx(1)
    law = {figure["name"]: figure for figure in figures_of(found, "law")}
    assert law["silenced lead"]["met"] is True


def test_a_finished_part_is_not_measured_again(inputs, results, monkeypatch):
    model, store = inputs
    found, out = results

    def fail(*_):
        raise AssertionError("measured again")

    for name in ("law_figures", "faithfulness_figures", "sanity_figures", "cost_figures"):
        monkeypatch.setattr(map_scorecard, name, fail)
    again = scorecard(model, store, out=out, quick=True, synthetic=1)
    for part in ("law", "faithfulness", "cost"):
        assert figures_of(again, part) == figures_of(found, part)
    with pytest.raises(AssertionError, match="measured again"):  # other inputs
        scorecard(model, store, out=out, quick=False, synthetic=0)
    (out / "parts" / "law.json").write_text("cut short")
    with pytest.raises(AssertionError, match="measured again"):
        scorecard(model, store, out=out, quick=True, synthetic=1)


def test_the_card_keeps_the_models_own_figures(results):
    found, _ = results
    short = short_form(found)
    assert short["goals"] == found["goals"]
    flat = [figure for part in short["parts"] for figure in part["figures"]]
    assert {"name", "subject", "value", "interval", "goal", "met", "records"} == set(flat[0])
    assert len(json.dumps(short)) < 20_000


def test_of_many_classes_the_card_keeps_the_median(results):
    found, _ = results
    figure = figures_of(found, "law")[-1]
    values = [0.1, 0.2, 0.9]
    figures = [
        figure | {"subject": str(x), "values": {"evidence": {"value": x, "interval": None}}}
        for x in values
    ]
    many = found | {"classes": list("abcdef"), "parts": [{"part": "law", "figures": figures}]}
    ((kept,),) = [part["figures"] for part in short_form(many)["parts"]]
    assert (kept["value"], kept["subject"], kept["met"]) == (0.2, "median of 3 classes", True)


def test_another_rate_or_task_is_refused(inputs, tmp_path):
    model, store = inputs
    longer = tiny_model(tmp_path / "longer.safetensors", duration_s=10.0)
    with pytest.raises(DatasetError, match="500 samples at 100 Hz; expected 1000 at 100 Hz"):
        scorecard(longer, store)
    several = tiny_model(tmp_path / "several.safetensors", task=SUPERCLASS)
    with pytest.raises(ModelError, match=r"classes .*; expected \['ABNORMAL'\]"):
        scorecard(model, store, quick=True, synthetic=0, other=several)


def test_many_classes_share_the_effort_and_none_has_more_than_before():
    whole, many, most = (choose_effort(quick=False, classes=n) for n in (5, 20, 71))
    assert (whole.records, many.records, most.records) == (200, 50, 20)
    assert (whole.sample, most.sample) == (100, 20)
    assert choose_effort(quick=True, classes=71).records == 20
    assert choose_effort(quick=True, classes=1, hearts=7).hearts == 7
