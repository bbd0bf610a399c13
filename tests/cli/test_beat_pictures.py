"""`explain --beat` and `evaluate --beats` draw mean beats, and say where there is none."""

import json
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from support.ecg_files import samples_like_an_ecg, write_wfdb
from support.subjects import LEADWISE
from support.tiny import tiny_model

FILES = ("-beat.png", "-leads.png", "-sheet.pdf", "-sheet.png", ".html", ".json")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that keeps leads apart, with frames that are short enough to name waves."""
    path = tmp_path_factory.mktemp("model") / "apart.safetensors"
    return tiny_model(path, duration_s=10, **LEADWISE)


@pytest.fixture(scope="module")
def mixing_model(tmp_path_factory):
    """A model whose evidence is of all leads together."""
    return tiny_model(tmp_path_factory.mktemp("model") / "mixing.safetensors", duration_s=10)


@pytest.fixture(scope="module")
def ecg(tmp_path_factory):
    """An ECG with sure waves."""
    return write_wfdb(tmp_path_factory.mktemp("ecg") / "clear", samples_like_an_ecg(seed=2))


@pytest.fixture(scope="module")
def noisy_ecg(tmp_path_factory):
    """An ECG whose waves drown in noise."""
    noise_uv = np.random.default_rng(0).normal(0, 400, (1000, 12))
    samples = (samples_like_an_ecg(seed=2) + noise_uv).astype(np.int16)
    return write_wfdb(tmp_path_factory.mktemp("ecg") / "noisy", samples)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_mean_beat_lies_beside_the_other_files(ecgcam, model, ecg, tmp_path):
    code, page, said = ecgcam("explain", ecg, "--model", model, "--out", tmp_path, "--beat")
    assert (code, page) == (0, str(tmp_path / "clear.html"))
    assert names_in(tmp_path) == [f"clear{ending}" for ending in FILES]
    with Image.open(tmp_path / "clear-beat.png") as picture:
        assert picture.size == (1650, 1140)
    facts = json.loads((tmp_path / "clear.json").read_text(encoding="utf-8"))
    assert facts["ecg"]["waves_are_sure"]
    assert facts["classes"]["ABNORMAL"]["sentence"] in said
    assert "mean beat" not in said


def test_json_alone_can_have_the_mean_beat_beside_it(ecgcam, model, ecg, tmp_path):
    words = ["explain", ecg, "--model", model, "--out", tmp_path, "--json", "--beat"]
    assert ecgcam(*words)[:2] == (0, str(tmp_path / "clear.json"))
    assert names_in(tmp_path) == ["clear-beat.png", "clear.json"]


def test_an_ecg_without_sure_waves_has_no_mean_beat_and_says_why(
    ecgcam, model, ecg, noisy_ecg, tmp_path
):
    words = ["explain", noisy_ecg, ecg, "--model", model, "--out", tmp_path, "--json", "--force"]
    code, _, said = ecgcam(*words, "--beat")
    assert code == 0
    assert names_in(tmp_path) == ["clear-beat.png", "clear.json", "noisy.json"]
    assert "noisy: no mean beat can be drawn: its waves are not sure." in said
    assert "clear: no mean beat" not in said
    facts = json.loads((tmp_path / "noisy.json").read_text(encoding="utf-8"))
    assert facts["ecg"]["waves_are_sure"] is False


def test_a_model_without_lead_evidence_shows_that_of_all_leads(
    ecgcam, mixing_model, ecg, tmp_path, monkeypatch
):
    from support.drawn_records import words

    from ecgcam.plots.beat import draw_beat

    texts = []

    def draw(*arguments, **options):
        figure = draw_beat(*arguments, **options)
        texts.append(words(figure))
        return figure

    monkeypatch.setattr("ecgcam.reports.explanation_report.draw_beat", draw)
    options = ["--model", mixing_model, "--out", tmp_path, "--json", "--beat"]
    assert ecgcam("explain", ecg, *options)[0] == 0
    facts = json.loads((tmp_path / "clear.json").read_text(encoding="utf-8"))
    assert facts["classes"]["ABNORMAL"]["added_up"]["by_lead"] is None
    assert "from all leads together" in texts[0]


def evaluate(model, store, out):
    return ["evaluate", model, store.folder, "--fold", "1", "--bootstrap", 5, "--out", out]


def test_the_mean_beats_of_a_fold_are_in_the_report(ecgcam, model, synthetic_store, tmp_path):
    code, page, said = ecgcam(*evaluate(model, synthetic_store, tmp_path), "--beats")
    assert (code, page) == (0, str(tmp_path / "report.html"))
    files = ["mean-beats-ABNORMAL.png", "metrics.json", "predictions.parquet", "report.html"]
    assert names_in(tmp_path) == files
    with Image.open(tmp_path / files[0]) as picture:
        assert picture.width == 1650
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'alt="Mean beat and mean evidence of Abnormal ECG' in report
    ecgs, beats = re.fullmatch(
        r"ECGs predicted: (\d+) of \1 mean beats: (\d+) of \2", said
    ).groups()
    assert int(beats) == int(ecgs) + 1  # of each ECG, and of the class


def test_without_beats_there_are_none(ecgcam, model, synthetic_store, tmp_path):
    assert ecgcam(*evaluate(model, synthetic_store, tmp_path))[0] == 0
    assert names_in(tmp_path) == ["metrics.json", "predictions.parquet", "report.html"]
    assert "Mean beat" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_ctrl_c_leaves_whole_files(ecgcam, model, synthetic_store, tmp_path, monkeypatch):
    def interrupt(figure, path, **_):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupt)
    code, _, said = ecgcam(*evaluate(model, synthetic_store, tmp_path), "--beats")
    assert code == 1
    assert said.endswith("ecgcam: stopped.")
    assert names_in(tmp_path) == ["metrics.json", "predictions.parquet"]
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))["n"] > 0
