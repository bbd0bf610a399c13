"""A model's card may name a companion, whose findings stand beside the model's answer."""

import numpy as np
import pytest
from support.ecg_files import samples_like_an_ecg, write_wfdb
from support.tiny import NORMAL, SUPERCLASS, tiny_model

from ecgcam import load, read
from ecgcam.errors import ModelError
from ecgcam.plots.summary import summarize
from ecgcam.serving import predict_many

NAMED = ["MI", "CD", "HYP"]


def pair(folder, *, thresholds=(0.0, 0.0, 2.0, 0.0, 0.0), classes=NAMED, **config):
    """A model with a companion beside it that says yes to all classes but STTC."""
    card = {"companion": {"model": "second", "classes": classes}}
    form = {"duration_s": 10} | config
    tiny_model(
        folder / "second.safetensors", task=SUPERCLASS, card={"thresholds": [*thresholds]}, **form
    )
    return tiny_model(folder / "first.safetensors", task=NORMAL, card=card, duration_s=10)


@pytest.fixture(scope="module")
def ecg(tmp_path_factory):
    return write_wfdb(tmp_path_factory.mktemp("ecg") / "one", samples_like_an_ecg(seed=3))


def test_it_names_the_named_classes_it_finds_with_its_own_probabilities(tmp_path, ecg):
    model = load(pair(tmp_path))
    record = read(ecg)
    answer, alone = model.predict(record), load(tmp_path / "second.safetensors").predict(record)
    assert {one.name for one in answer.also_found} == {"MI", "CD", "HYP"}  # NORM is not named
    for one in answer.also_found:
        assert one.probability == pytest.approx(alone.probabilities[alone.classes.index(one.name)])
        assert one.model == "second"
    probabilities = [one.probability for one in answer.also_found]
    assert probabilities == sorted(probabilities, reverse=True)


def test_the_answer_itself_is_the_same_without_it(tmp_path, ecg):
    path = pair(tmp_path)
    (tmp_path / "alone").mkdir()
    alone = load(tiny_model(tmp_path / "alone" / "first.safetensors", task=NORMAL, duration_s=10))
    record = read(ecg)
    np.testing.assert_array_equal(load(path).predict(record).logits, alone.predict(record).logits)
    assert alone.predict(record).also_found is None


def test_what_it_does_not_decide_is_not_named(tmp_path, ecg):
    answer = load(pair(tmp_path, thresholds=[2.0] * 5)).explain(read(ecg))
    assert answer.also_found == ()
    assert not [text for text in summarize(read(ecg), answer).warnings if "also finds" in text]


def test_a_long_ecg_is_the_companions_mean_over_windows(tmp_path):
    long = write_wfdb(tmp_path / "long", samples_like_an_ecg(seed=4, time=3000))
    model, record = load(pair(tmp_path)), read(long)
    alone = load(tmp_path / "second.safetensors").predict(record)
    for one in model.predict(record).also_found:
        assert one.probability == pytest.approx(alone.probabilities[alone.classes.index(one.name)])


def test_people_and_programs_are_told(tmp_path, ecg):
    answer = load(pair(tmp_path)).explain(read(ecg))
    (note,) = [text for text in summarize(read(ecg), answer).warnings if "also finds" in text]
    assert note.startswith("the model second also finds: ")
    assert "Conduction disturbance (CD) 0." in note
    found = answer.to_dict()["also_found"]
    assert [one["name"] for one in found] == [one.name for one in answer.also_found]
    table = predict_many(ecg, tmp_path / "table.jsonl", models=[tmp_path / "first.safetensors"])
    assert '"also_found": ["' in table.path.read_text()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": ["MI", "AFIB"]}, "its companion, second, has no class AFIB"),
        ({"leads": ("I", "II")}, "takes other leads"),
        ({"duration_s": 5}, "another duration"),
    ],
)
def test_a_companion_that_does_not_fit_is_an_error(tmp_path, changed, message):
    with pytest.raises(ModelError, match=message):
        load(pair(tmp_path, **changed))


def test_a_companion_that_is_not_there_is_an_error(tmp_path):
    path = pair(tmp_path)
    (tmp_path / "second.safetensors").unlink()
    with pytest.raises(ModelError, match="second: no such model"):
        load(path)


@pytest.mark.parametrize(
    "companion",
    ["second", {"model": "second"}, {"model": "../second", "classes": []},
     {"model": "second", "classes": [1]}],
)  # fmt: skip
def test_a_card_with_another_kind_of_companion_is_refused(tmp_path, companion):
    with pytest.raises(ModelError, match="invalid 'companion'"):
        tiny_model(tmp_path / "first.safetensors", card={"companion": companion})
