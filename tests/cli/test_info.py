"""What `ecgcam info` says of a model, to people and to programs."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, tiny_model, tiny_network

from ecgcam.cli import main
from ecgcam.cli.card_text import card_lines
from ecgcam.inference.card import make_card
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import find_model
from ecgcam.nn.complexity import receptive_field
from ecgcam.nn.network import Network, NetworkConfig

ROOT = Path(__file__).parents[2]


def said(card):
    """The lines as {label: text}, and the last of them."""
    *lines, last = card_lines(card)
    return {line[:23].rstrip(): line[23:].strip() for line in lines}, last


def card_of(task=NORMAL, *, provenance=None, **settings):
    network = tiny_network(classes=len(task.classes))
    return make_card(network, task, provenance=provenance or {}, **settings)


def test_a_model_is_told_in_lines(tmp_path, capsys):
    path = tiny_model(tmp_path / "m.safetensors")
    assert main(["info", str(path)]) == 0
    digest, *lines = capsys.readouterr().out.splitlines()
    assert digest.split()[-1] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert lines == list(card_lines(read_card(path)))
    assert lines[0].split() == ["task", "normal"]
    assert lines[-1] == "Not a medical device."


def test_programs_get_the_whole_card(tmp_path, capsys):
    path = tiny_model(tmp_path / "m.safetensors")
    assert main(["info", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == read_card(path)


@pytest.mark.parametrize(("name", "kept"), [("normal", "last"), ("statements", "best")])
def test_it_says_whether_the_best_epoch_or_the_last_is_kept(name, kept):
    card = read_card(find_model(name))
    epoch = card["provenance"]["chosen"]["epoch"]
    assert said(card)[0]["kept"].startswith(f"the {kept} epoch, {epoch}: auroc 0.9")


def test_it_says_that_the_head_was_fitted():
    fitted = {"head": {"score": "val_auroc", "value": 0.95198}}
    told, _ = said(card_of(provenance=fitted))
    assert told["head"] == "fitted to the labels afterwards: auroc 0.9520 on the same folds"
    assert "head" not in said(card_of())[0]


def test_the_operating_points_are_told_as_they_were_chosen():
    card = read_card(find_model("superclass"))
    rows = [line for line in card_lines(card) if line.startswith("  MI ")]
    chosen = card["operating_points"]["classes"]["MI"]
    assert len(rows) == len(chosen["points"]) + 1
    for (by, point), row in zip(chosen["points"].items(), rows, strict=False):
        assert row.split()[1] == by
        told = [float(number) for number in re.findall(r" (\d\.\d+)", row)]
        wanted = [point["threshold"], point["sensitivity"], point["specificity"]]
        assert told == pytest.approx(wanted, abs=6e-4)
    assert f"between {chosen['band']['low']:.3f} and {chosen['band']['high']:.3f}" in rows[-1]


def test_of_operating_points_the_data_that_they_were_chosen_on_are_named():
    """Which may be others than those of the training."""
    card = read_card(find_model("superclass"))
    told = said(card)[0]["operating points"]
    assert told == "chosen on ptbxl, fold 9, 2,146 records; the decision is by youden"
    card["operating_points"]["chosen_on"] |= {"source": "our ward", "folds": [1, 2]}
    assert said(card)[0]["operating points"].startswith("chosen on our ward, folds 1, 2, 2,146")
    card["operating_points"]["chosen_on"].pop("source")  # as in earlier cards
    assert said(card)[0]["operating points"].startswith("chosen on folds 1, 2, 2,146 records;")


def test_a_model_that_was_not_calibrated_has_none():
    assert "operating points" not in said(card_of())[0]


def test_what_is_said_of_a_trained_model():
    provenance = {
        "data": {"source": "ptbxl", "records": 19601},
        "recipe": {"train_folds": [1, 2, 8], "validation_folds": [9]},
        "chosen": {"epoch": 13, "score": "val_auroc", "value": 0.93557},
    }
    told, last = said(card_of(provenance=provenance, temperature=1.25))
    assert told["classes"] == "Abnormal ECG"
    assert told["decision"] == "yes from a probability of 0.5"
    assert told["temperature"] == "1.25"
    assert told["leads"] == "I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"
    assert told["window"] == "5 s at 100 Hz"
    assert told["preprocessing"] == "detrend_order 10, scale unit"
    assert told["backbone"] == "signalcnn widths [4, 6], kernel 5"
    assert told["trained on"] == "ptbxl, folds 1, 2, 8"
    assert told["kept"] == "the best epoch, 13: auroc 0.9356 on fold 9"
    assert last == "Not a medical device."


def test_how_much_a_frame_sees_is_in_the_card_and_told():
    card = card_of()
    assert card["frame_samples"] == receptive_field(tiny_network()) == 11 + 1 + 4 * 2
    assert said(card)[0]["receptive field"] == "20 samples, 0.20 s"


def test_of_an_ensemble_each_network_is_named():
    members = [
        {"name": "resnet", "config": {"widths": [4, 6], "blocks": 1}},
        {"name": "depthwise", "config": {"widths": [8, 8]}},
    ]
    network = NetworkConfig(classes=1, backbone="several", backbone_config={"members": members})
    card = make_card(Network(network), NORMAL, provenance={})
    lines = [line.split(maxsplit=1) for line in card_lines(card)]
    assert [words[1] for words in lines if words[0] == "backbone"][:2] == [
        "resnet widths [4, 6], blocks 1",
        "depthwise widths [8, 8]",
    ]


def test_networks_of_an_ensemble_that_are_alike_are_named_once():
    members = [{"name": "depthwise", "config": {"widths": [8, 8]}}] * 3
    network = NetworkConfig(classes=1, backbone="several", backbone_config={"members": members})
    told, _ = said(make_card(Network(network), NORMAL, provenance={}))
    assert told["backbone"] == "3 × depthwise widths [8, 8]"


def test_each_class_has_its_threshold():
    told, _ = said(card_of(SUPERCLASS, thresholds=[0.5, 0.41, 0.3, 0.25, 0.2]))
    assert (
        told["decision"]
        == "yes from a probability of: NORM 0.5, MI 0.41, STTC 0.3, CD 0.25, HYP 0.2"
    )


def test_of_classes_that_exclude_one_another_the_most_probable_wins():
    assert said(card_of(RHYTHM))[0]["decision"] == "the most probable class"


def test_the_page_of_costs_shows_what_is_shown_here():
    """The lines of costs of the paper's network, to the letter."""
    page = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
    card = make_card(Network(NetworkConfig(classes=1)), NORMAL, provenance={})
    lines = list(card_lines(card))
    costs = lines[next(k for k, line in enumerate(lines) if line.startswith("parameters")) : -1]
    assert len(costs) == 7
    assert "\n".join(costs) in page


@pytest.mark.parametrize(
    "cost", [None, "cheap", {}, {"parameters": 1}, {"parameters": "1", "map_share": []}]
)
def test_a_card_without_its_cost_says_so(cost):
    card = card_of() | {"cost": cost}
    told, _ = said(card)
    assert told["parameters"] == str(tiny_network().parameters_count)
    assert told["cost"].startswith("not in this card")


@pytest.mark.parametrize(
    "provenance",
    [
        {"source": ["x"]},
        {"data": 1, "recipe": 2, "chosen": 3},
        {"data": {"source": {}}, "recipe": {"train_folds": 8}, "chosen": {"epoch": 1}},
        {
            "chosen": {"epoch": 1, "score": "auroc", "value": 10**400},
            "recipe": {"validation_folds": [9]},
        },
        {"chosen": {"epoch": 1, "score": 5, "value": 0.5}, "recipe": {"validation_folds": [9]}},
        {"recipe": {"train_folds": [], "validation_folds": []}, "data": {"source": None}},
    ],
)
def test_a_strange_provenance_stops_nothing(provenance):
    assert said(card_of(provenance=provenance))[1] == "Not a medical device."


def test_a_stranger_cannot_write_on_the_terminal():
    card = card_of(provenance={"source": "\x1b[2J\r\nscore: 0.99\u202e"})
    lines = list(card_lines(card))
    assert "made from              □[2J□□score: 0.99□" in lines
    assert all(re.fullmatch(r"[^\x00-\x1f\x7f]*", line) for line in lines)


def test_the_goals_of_the_map_are_told_with_those_that_are_missed():
    figure = {"name": "F, deletion", "subject": "towards MI", "interval": None, "records": 200}
    goal = {"bound": 1.0, "at_least": True}
    figures = [
        figure | {"value": 1.04, "goal": goal, "met": True},
        figure | {"value": 0.934, "goal": goal, "met": False},
        figure | {"value": 0.5, "goal": None, "met": None},
    ]
    parts = [
        {"part": "faithfulness", "figures": figures},
        {"part": "cost", "figures": figures[2:]},
    ]
    scorecard = {"fold": 9, "goals": {"met": 1, "of": 2}, "parts": parts}
    told = said(card_of() | {"about": {"scorecard": scorecard}})[0]
    assert told["scorecard of the map"] == "1 of 2 goals met on fold 9"
    assert told["  faithfulness"] == "1 of 2, missed: F, deletion, towards MI 0.934 (≥ 1)"
    assert "  cost" not in told
    assert "scorecard of the map" not in said(card_of())[0]
