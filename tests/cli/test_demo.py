"""The demo writes the results of every stage, and its page links to them."""

import json
import re
from contextlib import contextmanager

import pytest
from matplotlib.figure import Figure

from ecgcam.cli.demo import DemoConfig, run_demo
from ecgcam.errors import DatasetError
from ecgcam.reports import explanation_report as explain
from ecgcam.training.run_folder import read_config


@contextmanager
def show(title):
    yield lambda done, total: None


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder of a small demo; its sheets and leads are empty, other tests draw them."""
    out, reported = tmp_path_factory.mktemp("demo") / "demo", {}

    @contextmanager
    def show_stage(title):
        reported[title] = []
        yield lambda *done: reported[title].append(done)

    with pytest.MonkeyPatch.context() as patched:
        for name in ("draw_leads", "draw_sheet"):
            patched.setattr(explain, name, lambda *_, **__: Figure(figsize=(1, 1)))
        config = DemoConfig(records=120, epochs=2)
        page = run_demo(out, config, show=show_stage)
    assert page == out / "report.html"
    stages = ["synthetic ECGs", "overview", "store", "training, epochs", "evaluation"]
    assert list(reported) == [f"{k} of 5: {stage}" for k, stage in enumerate(stages, 1)]
    assert reported["4 of 5: training, epochs"] == [(1, 2), (2, 2)]
    for calls in reported.values():  # each stage reports its work, to the end
        assert calls[-1][0] == calls[-1][1] > 0
    return out


@pytest.fixture(scope="module")
def page(demo):
    return (demo / "report.html").read_text(encoding="utf-8")


def test_every_stage_leaves_its_results(demo):
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


def test_the_scores_are_of_ecgs_that_were_used_neither_for_training_nor_for_validation(demo):
    data = read_config(demo / "run").data
    scores = json.loads((demo / "evaluation" / "metrics.json").read_text())
    assert scores["fold"] not in data.train_folds + data.validation_folds
    assert scores["n"] > 5


def test_every_link_of_the_page_leads_to_a_file_in_the_folder(demo, page):
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) >= 5
    for link in links:
        assert (demo / link).is_file()
        assert not link.startswith(("/", "http"))


def test_the_page_has_the_scores_and_loads_nothing(demo, page):
    scores = json.loads((demo / "evaluation" / "metrics.json").read_text())
    assert f"{scores['auroc']:.3f}" in page
    assert f"{100 * scores['accuracy']:.1f} %" in page
    assert not re.search(r'src\s*=\s*["\']?(?!["\']?data:)', page)
    assert "not real patients" in page


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tmp_path):
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(DatasetError, match="the demo needs a new folder"):
        run_demo(tmp_path, DemoConfig(), show=show)
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_an_invalid_seed_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="seed is 9223372036854775808"):
        run_demo(tmp_path / "demo", DemoConfig(seed=2**63), show=show)
    assert not (tmp_path / "demo").exists()
