"""The scorecard's page and picture say what was measured, met and missed, and what was left out."""

import json
import re

import pytest
from PIL import Image
from support.subjects import LEADWISE
from support.tiny import tiny_model, tiny_store

from ecgcam.cli import main
from ecgcam.plots.goals import draw_goals
from ecgcam.reports.scorecard_report import number, write_scorecard


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder of a quick scorecard, made by the command."""
    folder = tmp_path_factory.mktemp("scorecard")
    model = tiny_model(folder / "<b>m.safetensors", **LEADWISE)
    store = tiny_store(folder / "store").folder
    words = ["scorecard", model, "--store", store, "--quick", "--synthetic", "1"]
    assert main([*map(str, words), "--out", str(folder / "out")]) == 0
    return folder / "out"


def test_the_page_is_whole_and_self_contained(out):
    page = (out / "scorecard.html").read_text(encoding="utf-8")
    results = json.loads((out / "scorecard.json").read_text(encoding="utf-8"))
    goals = results["goals"]
    assert f"<b>{goals['met']} of {goals['of']}</b>" in page
    assert page.count(">missed</strong>") == goals["of"] - goals["met"]
    assert "<b>m" not in page.replace("<b>met", "")  # the name of the model is escaped
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    for part in results["parts"]:
        assert f'id="{part["part"]}"' in page
    assert "Real ECGs of LUDB" in page.split("Left out in this run")[1]


def test_the_picture_is_a_picture(out):
    with Image.open(out / "scorecard.png") as picture:
        assert picture.width == 1500
        assert picture.height > 600


def figure(value, bound, *, at_least=True, interval=None, **others):
    values = {"evidence": value, **others}
    met = value >= bound if at_least else value <= bound
    return {
        "name": "F",
        "subject": "",
        "goal": {"bound": bound, "at_least": at_least},
        "met": met,
        "values": {name: {"value": x, "interval": interval} for name, x in values.items()},
    }


def test_a_dot_lies_at_the_value_over_the_goal_and_beyond_the_axis_it_is_an_arrow():
    figures = [
        figure(0.5, 1.0, interval=[0.25, 0.75], occlusion=0.75),
        figure(9, 0.03, at_least=False),
    ]
    drawing = draw_goals(figures, title="A model")
    upper, lower = drawing.axes
    marks = {line.get_marker(): line.get_xdata()[0] for line in upper.lines}
    assert marks["o"] == 0.5
    assert marks["|"] == 0.75
    assert [line.get_marker() for line in lower.lines][-1] == ">"


def test_a_scorecard_without_any_goal_can_be_written(out, tmp_path):
    results = json.loads((out / "scorecard.json").read_text(encoding="utf-8"))
    results |= {"parts": [], "goals": {"met": 0, "of": 0}}
    page = write_scorecard(results, tmp_path).read_text(encoding="utf-8")
    assert "0 of 0" in page


def test_numbers_have_three_digits_and_four_from_1_on():
    """So that 1.149 does not look like a goal of 1.15 that is met."""
    values = (0.03012, 1.0, 1.1491, -0.0, 4.77e-7, 218.62, None)
    assert [number(x) for x in values] == [
        "0.0301", "1", "1.149", "0", "4.77e-07", "218.6", "–",
    ]  # fmt: skip


def test_a_missing_folder_of_ludb_is_bad_input(out, tmp_path, capsys):
    model = next(out.parent.glob("*.safetensors"))
    words = ["scorecard", model, "--store", out.parent / "store", "--out", tmp_path / "out"]
    assert main([*map(str, words), "--quick", "--ludb", str(tmp_path / "none")]) == 2
    assert "no record of LUDB" in capsys.readouterr().err
