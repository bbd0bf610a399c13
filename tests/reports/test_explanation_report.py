"""Explanations are five files for each ECG, safely named, with numbers that add up."""

import hashlib
import json
import re

import numpy as np
import pytest
from PIL import Image
from support.drawn_records import HOSTILE, explained, spiked
from support.tiny import SUPERCLASS, tiny_model

from ecgcam.inference.loading import load
from ecgcam.reports.explanation_report import file_names, write_explanations

ENDINGS = ("-leads.png", "-sheet.png", "-sheet.pdf", ".html", ".json")


def test_an_ecg_has_five_files_and_its_evidence_adds_up(tmp_path):
    """The record of 17 s has two windows, the second padded."""
    path = tmp_path / "model.safetensors"
    classifier = load(tiny_model(path, task=SUPERCLASS, duration_s=10))
    record = spiked(duration_s=17, name="08001_lr", age_years=70)
    out = tmp_path / "out"
    pages = write_explanations([record], [classifier.explain(record, force=True)], out)
    assert pages == [out / "08001_lr.html"]
    assert {file.name for file in out.iterdir()} == {f"08001_lr{end}" for end in ENDINGS}
    assert (out / "08001_lr-sheet.pdf").read_bytes().startswith(b"%PDF")
    assert (out / "08001_lr-leads.png").read_bytes().startswith(b"\x89PNG")
    answer = json.loads((out / "08001_lr.json").read_text(), parse_constant=pytest.fail)
    assert list(answer["classes"]) == list(SUPERCLASS.classes)
    for entry in answer["classes"].values():
        assert np.mean(entry["evidence"]) + entry["bias"] == pytest.approx(entry["logit"], abs=1e-4)
        assert len(entry["heatmap"]) == 1700
    assert answer["ecg"]["duration_s"] == 17
    assert answer["frame_times_s"][-1] == pytest.approx(17, abs=2 * answer["frame_s"])
    assert answer["ecg"]["leads"] == list(record.leads)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert answer["model"] == {"name": tmp_path.name, "sha256": digest}
    assert f"{tmp_path.name} (SHA-256 begins {digest[:12]})" in (out / "08001_lr.html").read_text()


def test_the_printed_size_of_the_sheet_png_is_a4(tmp_path):
    record = spiked(name="a")
    write_explanations([record], [explained(record)], tmp_path)
    with Image.open(tmp_path / "a-sheet.png") as picture:
        size_mm = np.divide(picture.size, picture.info["dpi"]) * 25.4
        assert picture.mode == "RGB"
    np.testing.assert_allclose(size_mm, (297, 210), atol=0.2)


def test_ecgs_of_the_same_name_are_numbered_in_their_order(tmp_path, undrawn):
    records = [spiked(name=name) for name in ("a", "b", "a")]
    answers = [explained(record, probabilities=(k / 10,)) for k, record in enumerate(records, 1)]
    pages = write_explanations(records, answers, tmp_path)
    assert [page.name for page in pages] == ["a-1.html", "b.html", "a-2.html"]
    second = json.loads((tmp_path / "a-2.json").read_text())
    assert second["classes"]["ABNORMAL"]["probability"] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["a"], ["a"]),
        (["a", "a", "a-1"], ["a-2", "a-3", "a-1"]),
        (["a/b", "a b"], ["a_b-1", "a_b-2"]),
        (["A", "a"], ["A-1", "a-2"]),
        (["", "..", "/"], ["ecg-1", "ecg-2", "ecg-3"]),
        (["../../etc/passwd"], ["etc_passwd"]),
        (["C:\\x\0y|z?*"], ["C_x_y_z"]),
        ([".hidden"], ["hidden"]),
        (["心电图"], ["心电图"]),
        (["x" * 300, "x" * 400], ["x" * 50 + "-1", "x" * 50 + "-2"]),
    ],
)
def test_names_are_safe_and_unique(names, files):
    assert file_names(names) == files


def test_a_hostile_name_stays_inside_the_folder(tmp_path, undrawn):
    record = spiked(name="../" + HOSTILE + "心" * 200)
    (page,) = write_explanations([record], [explained(record)], tmp_path / "out")
    assert page.parent == tmp_path / "out"
    assert len(list(page.parent.iterdir())) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_pictures_and_the_page_show_the_requested_class(tmp_path, undrawn):
    record = spiked(name="a")
    answer = explained(record, classes=("NORM", "MI"), probabilities=(0.2, 0.9))
    (page,) = write_explanations([record], [answer], tmp_path, class_name="NORM")
    assert undrawn == [("a", "NORM"), ("a", "NORM")]
    assert '"first": "NORM"' in page.read_text()


def test_progress_is_reported_after_each_ecg(tmp_path, undrawn):
    records, calls = [spiked(name="a"), spiked(name="b")], []
    answers = [explained(record) for record in records]
    write_explanations(records, answers, tmp_path, progress=lambda *done: calls.append(done))
    assert calls == [(1, 2), (2, 2)]


def test_each_record_needs_its_explanation(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write_explanations([spiked()], [], tmp_path)


def test_a_long_record_has_pages_and_the_leads_show_its_start(tmp_path):
    record = spiked(duration_s=65)
    answer = explained(record, evidence=np.linspace(-1, 1, 650)[None])
    write_explanations([record], [answer], tmp_path)
    pdf = (tmp_path / "ecg-sheet.pdf").read_bytes()
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 7
    answer = json.loads((tmp_path / "ecg.json").read_text())
    assert len(answer["classes"]["ABNORMAL"]["evidence"]) == 650


def test_the_first_seconds_of_an_explanation_keep_its_numbers():
    record = spiked(duration_s=20)
    answer = explained(record, evidence=np.arange(200.0)[None])
    first = answer.until(5, samples=500)
    assert first.evidence[0].tolist() == list(range(50))
    assert first.heatmap.shape == (1, 500)
    assert first.frame_times_s[-1] == pytest.approx(4.95)
    assert first.logits is answer.logits
