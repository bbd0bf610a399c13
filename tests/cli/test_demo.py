"""The demonstration leaves everything it speaks of, and its page leads there."""

import json
import re
from contextlib import contextmanager

import pytest
from matplotlib.figure import Figure

from ecgcam.cli.demo import DemoConfig, run_demo
from ecgcam.errors import DatasetError
from ecgcam.reports import explanation_report as explain


@contextmanager
def show(title):
    yield lambda done, total: None


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder of a small one, its sheets and leads not drawn: that is tested elsewhere."""
    out, titles, rows = tmp_path_factory.mktemp("demo") / "demo", [], []

    @contextmanager
    def showing(title):
        titles.append(title)
        yield lambda done, total: None

    with pytest.MonkeyPatch.context() as patched:
        for name in ("draw_leads", "draw_sheet"):
            patched.setattr(explain, name, lambda *_, **__: Figure(figsize=(1, 1)))
        config = DemoConfig(records=120, epochs=2)
        page = run_demo(out, config, show=showing, on_epoch=rows.append)
    assert page == out / "report.html"
    assert titles == ["made-up ECGs", "overview", "prepared", "evaluated"]
    assert [row["epoch"] for row in rows] == [1, 2]
    return out


@pytest.fixture(scope="module")
def page(demo):
    return (demo / "report.html").read_text(encoding="utf-8")


def test_it_leaves_every_stage(demo):
    assert {path.name for path in demo.iterdir()} == {
        "ecgs", "evaluation", "overview", "report.html", "run", "store"
    }  # fmt: skip
    for file in (
        "ecgs/truth.csv",
        "overview/overview.html",
        "store/store.json",
        "run/model.safetensors",
        "evaluation/report.html",
    ):
        assert (demo / file).is_file()


def test_its_scores_are_of_ecgs_that_were_neither_trained_nor_chosen_on(demo):
    card_folds = json.loads((demo / "run" / "config.json").read_text())["config"]
    scores = json.loads((demo / "evaluation" / "metrics.json").read_text())
    assert scores["fold"] not in card_folds["train_folds"] + card_folds["validation_folds"]
    assert scores["n"] > 5


def test_every_link_of_its_page_leads_somewhere_in_the_folder(demo, page):
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) >= 5
    for link in links:
        assert (demo / link).is_file()
        assert not link.startswith(("/", "http"))


def test_its_page_has_the_numbers_and_loads_nothing(demo, page):
    scores = json.loads((demo / "evaluation" / "metrics.json").read_text())
    assert f"{scores['auroc']:.3f}" in page
    assert f"{100 * scores['accuracy']:.1f} %" in page
    assert not re.search(r'src\s*=\s*["\']?(?!["\']?data:)', page)
    assert "No person was recorded" in page


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(DatasetError, match="the demo needs a new folder"):
        run_demo(tmp_path, DemoConfig(), show=show, on_epoch=print)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_seed_that_cannot_train_is_refused_before_anything_is_made_up(tmp_path):
    with pytest.raises(ValueError, match="seed must be from 0 to"):
        run_demo(tmp_path / "demo", DemoConfig(seed=2**63), show=show, on_epoch=print)
    assert not (tmp_path / "demo").exists()
