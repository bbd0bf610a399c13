"""The zoomable page is self-contained and safe, and its numbers are those of the ECG."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest
from support.drawn_records import HOSTILE, explained, refused, spiked

from ecgcam.reports.viewer import viewer_html
from ecgcam.signals.leads import LEADS


class Page(HTMLParser):
    """A parsed page: its elements, its scripts and its visible text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.scripts, self.text, self._inside = [], [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._inside = [tag]
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._inside = []

    def handle_data(self, data):
        if self._inside == ["script"]:
            self.scripts[-1] += data
        elif self._inside != ["style"]:
            self.text += f" {data}"

    @property
    def data(self):
        return json.loads(self.scripts[0])


def test_the_traces_come_back_to_the_microvolt():
    record = spiked(rate_hz=500)
    data = Page(viewer_html(record, explained(record))).data
    drawn = np.frombuffer(base64.b64decode(data["microvolts"]), "<i2").reshape(12, -1)
    np.testing.assert_allclose(drawn / 1000, record.signal_mv, atol=0.0005)
    assert data["leads"] == list(LEADS)
    assert data["duration_s"] == 10


def test_heat_and_evidence_come_back_for_each_class():
    record = spiked()
    heat = np.linspace(0, 1, 1000)
    heat[900:] = np.nan
    times_s = (np.arange(900) + 0.5) / 100
    level = np.interp(times_s, np.arange(10) * 0.9 + 0.45, np.arange(10) - 4.5) / 40 + 0.5
    classes = ("NORM", "MI")
    shown = {"heat": heat, "covered_s": 9}
    answer = explained(record, classes=classes, probabilities=(0.3, 0.8), **shown)
    data = Page(viewer_html(record, answer)).data
    assert [entry["name"] for entry in data["classes"]] == ["MI", "NORM"]
    assert data["first"] == "MI"
    assert data["frame_edges_s"] == pytest.approx(np.linspace(0, 9, 11))
    for entry in data["classes"]:
        (strip,) = entry["heat"]
        shown = np.frombuffer(base64.b64decode(strip), np.uint8)
        np.testing.assert_allclose(shown[:900] / 254, level, atol=0.5 / 254 + 1e-6)
        assert (shown[900:] == 255).all()
        np.testing.assert_allclose(entry["evidence"], np.arange(10) - 4.5)


def test_the_page_opens_with_the_requested_class():
    record = spiked()
    answer = explained(record, classes=("NORM", "MI"), probabilities=(0.3, 0.8))
    assert Page(viewer_html(record, answer)).data["first"] == "MI"
    assert Page(viewer_html(record, answer, class_name="NORM")).data["first"] == "NORM"
    with pytest.raises(ValueError, match="NORM, MI, got 'CD'"):
        viewer_html(record, answer, class_name="CD")


def test_the_page_loads_nothing():
    page = viewer_html(spiked(), explained(spiked()))
    for tag, attributes in Page(page).elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "form", "base"}
        assert not {"src", "href", "action", "onload", "onclick"} & set(attributes)
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|import\(", page)
    assert set(re.findall(r"https?://[^\s\"')]*", page)) == {"https://github.com/leeoniya/uPlot"}


def test_the_page_contains_uplot_with_its_licence():
    pages = files("ecgcam.reports") / "templates"
    page = viewer_html(spiked(), explained(spiked()))
    assert (pages / "uplot.iife.min.js").read_text().strip() in page
    assert "Leon Sorokin" in (pages / "uplot.LICENSE").read_text()


def test_no_text_of_a_record_becomes_markup():
    record = spiked(name=HOSTILE, leads=(HOSTILE, "II"), filters=HOSTILE)
    hostile = explained(record, classes=(HOSTILE,), warnings=(HOSTILE,))
    plain = explained(spiked(leads=("I", "II")), classes=("ABNORMAL",), warnings=("x",))
    page = Page(viewer_html(record, hostile))
    expected = Page(viewer_html(spiked(leads=("I", "II")), plain))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in expected.elements]
    assert page.scripts[1:] == expected.scripts[1:]
    assert page.data["leads"] == list(record.leads)
    assert page.data["first"] == HOSTILE
    assert "alert(" in page.text


def test_the_page_has_the_answers_facts_and_warnings():
    record = spiked(name="17", age_years=91)
    names = {"classes": ("NORM", "MI"), "class_titles": ("Normal ECG", "Myocardial infarction")}
    answer = explained(record, probabilities=(0.25, 0.75), warnings=("V5 is flat",), **names)
    page = Page(viewer_html(record, answer))
    text = " ".join(page.text.split())
    rows = "Myocardial infarction (MI) 0.750 0.500 yes Normal ECG (NORM) 0.250 0.500 no"
    assert rows in text
    assert [about["value"] for tag, about in page.elements if tag == "option"] == ["MI", "NORM"]
    for words in ("17", "over 89 years", "V5 is flat", "Not a medical device."):
        assert words in text


def test_an_uncertain_answer_is_not_sure_and_the_page_explains_it():
    record = spiked()
    answer = explained(record, probabilities=(0.55,), uncertain=("ABNORMAL",))
    text = " ".join(Page(viewer_html(record, answer)).text.split())
    assert "ABNORMAL 0.550 0.500 not sure" in text
    assert "Not sure: the probability is too close to the threshold" in text
    text = " ".join(Page(viewer_html(record, replace(answer, uncertain=()))).text.split())
    assert "ABNORMAL 0.550 0.500 yes" in text
    assert "not sure" not in text.casefold()
    without_band = explained(record, probabilities=(0.55,))
    text = " ".join(Page(viewer_html(record, without_band)).text.split())
    assert "ABNORMAL 0.550 0.500 yes " in text
    assert "not sure" not in text.casefold()


def test_contradicting_answers_have_a_warning():
    record = spiked()
    answer = explained(record, classes=("NORM", "MI"), probabilities=(0.7, 0.8))
    text = " ".join(Page(viewer_html(record, answer)).text.split())
    assert "NORM and MI are predicted together: each class is predicted independently" in text


def test_each_class_has_its_own_warning_of_heat_that_peaks_at_an_edge():
    record = spiked()
    rising = np.linspace(-1, 1, 100)
    about = {"evidence": np.stack([rising, np.roll(rising, 50)])}
    answer = explained(record, classes=("NORM", "MI"), probabilities=(0.7, 0.8), **about)
    mi, norm = Page(viewer_html(record, answer)).data["classes"]
    assert mi["edge_warning"] == ""
    assert norm["edge_warning"].startswith("The heat peaks at the edge of a window")


def test_a_refused_ecg_still_shows_its_traces():
    record = spiked(duration_s=2)
    page = Page(viewer_html(record, refused(record)))
    assert "it lasts 2 s; expected at least 5 s." in page.text
    assert page.data["classes"] == []
    assert page.data["first"] is None
    assert "select" not in {tag for tag, _ in page.elements}


def test_the_page_stays_small():
    rng = np.random.default_rng(0)
    record = spiked(rate_hz=500)
    noisy = type(record)(signal_mv=rng.normal(size=(12, 5000)), rate_hz=500)
    classes = ("NORM", "MI", "STTC", "CD", "HYP")
    answer = explained(noisy, classes=classes, probabilities=(0.5,) * 5)
    assert len(viewer_html(noisy, answer).encode()) < 400_000


def test_the_heat_of_a_long_record_fits_into_the_canvas_of_a_browser():
    record = spiked(rate_hz=500, duration_s=60)
    evidence = np.linspace(-20, 20, 6000)[None]
    data = Page(viewer_html(record, explained(record, evidence=evidence))).data
    shown = np.frombuffer(base64.b64decode(data["classes"][0]["heat"][0]), np.uint8)
    assert shown.size == 8192
    np.testing.assert_allclose(shown / 254, np.linspace(0, 1, 8192), atol=0.003)
