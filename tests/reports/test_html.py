"""Pages are self-contained and complete, and escape every value."""

import base64
import re
from importlib.resources import files

import jinja2
import pytest
from matplotlib.figure import Figure

from ecgcam.reports import html as report
from ecgcam.reports.html import figure_svg, png_file, render, write_page


def figure():
    figure = Figure(figsize=(2, 2))
    figure.subplots().plot([0, 1], [0, 1])
    return figure


@pytest.fixture
def plain_page(monkeypatch):
    """Replace the package's templates with one that shows a single value."""
    pages = report._environment().overlay()
    pages.loader = jinja2.DictLoader({"plain": "<p title='{{ name }}'>{{ name }}</p>"})
    monkeypatch.setattr(report, "_environment", lambda: pages)


def test_an_svg_is_inside_the_page_and_the_same_for_the_same_figure():
    kind, data = figure_svg(figure()).split(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(data)
    assert figure_svg(figure()) == figure_svg(figure())


def test_a_png_is_inside_the_page_byte_by_byte(tmp_path):
    figure().savefig(tmp_path / "a.png")
    kind, data = png_file(tmp_path / "a.png").split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == (tmp_path / "a.png").read_bytes()


def test_on_a_phone_a_picture_keeps_a_readable_size_and_scrolls():
    style = (files("ecgcam.reports") / "templates" / "page.css").read_text(encoding="utf-8")
    phone = re.search(r"@media \(max-width: 600px\) \{(.*?)\n\}", style, re.S)[1]
    assert "figure { overflow-x: auto; }" in phone
    assert "figure img { max-width: 680px; }" in phone


def test_every_value_is_escaped(plain_page):
    page = render("plain", name="'><script>alert(1)</script>{{ 7 * 7 }}&")
    assert page == (
        "<p title='&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}&amp;'>"
        "&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}&amp;</p>"
    )


def test_a_missing_value_is_an_error_and_leaves_no_file(plain_page, tmp_path):
    with pytest.raises(jinja2.UndefinedError, match="name"):
        write_page(tmp_path / "page.html", "plain")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_page_is_created(plain_page, tmp_path):
    path = write_page(tmp_path / "new" / "page.html", "plain", name="Größe")
    assert path.read_text(encoding="utf-8") == "<p title='Größe'>Größe</p>"
