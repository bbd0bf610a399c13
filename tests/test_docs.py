"""Claims about the documents: links lead somewhere, commands, options and code work, figures are
those that were measured, and the language is that of the rules.
"""

import ast
import io
import json
import re
import shutil
import sys
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

import pytest
import typer

from benchmarks.pictures import run_gallery
from ecgcam.cli import app
from ecgcam.data import synthesize
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted(DOCS.rglob("*.md"))
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
DOCUMENTS = [*TOP, *PAGES]
COMMANDS = typer.main.get_command(app).commands
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)

every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)


def code_of(document, language="python"):
    text = document.read_text(encoding="utf-8")
    return [code for name, code in FENCE.findall(text) if name == language]


# Links, commands and code.


@every_document
def test_every_link_within_the_repository_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []


def anchors(page):
    """The anchors of a page's headings, as mkdocs and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@every_document
def test_every_anchor_is_that_of_a_heading(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)\)", text)
    targets = [(document.parent / page if page else document, name) for page, name in links]
    generated = {DOCS / "api.md"}  # its headings come from the code
    wrong = [(page, name) for page, name in targets if page.resolve() not in generated]
    assert [name for page, name in wrong if name not in anchors(page)] == []


@pytest.mark.parametrize("document", [*TOP[:3], *PAGES], ids=lambda path: path.name)
def test_every_command_and_option_named_exists(document):
    text = re.sub(r"\\\n\s*", "", document.read_text(encoding="utf-8"))  # lines that go on
    for name, rest in re.findall(r"(?:^|`)ecgcam ([a-z][a-z-]+)([^`\n#|]*)", text, re.M):
        options = {word for option in COMMANDS[name].params for word in option.opts}
        assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)) <= options | {"--help", "--debug"}


def imported_names(code):
    """Yield (package, name) for each name that the code imports from ecgcam."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "ecgcam":
            yield from ((node.module, alias.name) for alias in node.names)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            assert [name for name in names if name.startswith("ecgcam.")] == []


def test_examples_use_public_names_only():
    code = [part for page in DOCUMENTS for part in code_of(page)]
    names = {name for part in code for name in imported_names(part)}
    assert len(names) > 5
    private = {f"{m}.{name}" for m, name in names if name not in import_module(m).__all__}
    assert private == set()


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/python.md", "docs/export.md"])
def test_the_python_of_a_page_prints_what_the_page_shows(page, tmp_path, monkeypatch):
    synthesize(tmp_path / "ecgs", 60)
    shutil.copy(shipped_models()["normal"].with_suffix(".onnx"), tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = code_of(ROOT / page, "text")
    scope, printed = {}, io.StringIO()
    with redirect_stdout(printed):
        for code in code_of(ROOT / page):
            exec(code, scope)
    assert shown
    for text in shown:
        assert rounded(text) in rounded(printed.getvalue())


def rounded(text):
    """The text with its decimals cut to two places, in which processors agree."""
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.2f}", text)


def test_the_gallery_runs_and_each_of_its_pictures_is_on_the_page(tmp_path):
    pictures = run_gallery(tmp_path)
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    assert len(pictures) == len(code_of(DOCS / "gallery.md")) > 3
    for picture in pictures:
        assert picture.stat().st_size > 10_000
        assert f"pictures/{picture.name}" in page
        assert (DOCS / "pictures" / picture.name).exists()


def test_the_tree_names_every_folder_of_the_package_and_no_other():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = re.search(r"^ecgcam/ .*?\n((?:  .*\n)+)", text, re.M)[1]
    named = re.findall(r"^  (\w+)/ +\S", tree, re.M)
    folders = [path.parent.name for path in (ROOT / "ecgcam").glob("*/__init__.py")]
    assert sorted(named) == sorted(folders)


def test_every_path_that_contributing_names_exists():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:ecgcam|tests|benchmarks|docs)/[\w/.-]*\w\.?\w*)`", text)
    assert len(paths) > 10
    placeholders = {path for path in paths if re.search(r"/[A-Z]+\.py$", path)}
    assert [path for path in set(paths) - placeholders if not (ROOT / path).exists()] == []


# Language and length.


def test_the_readme_is_short_and_shows_no_tree():
    assert len(README.splitlines()) <= 120
    assert "├" not in README


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(DOCS).as_posix())
def test_a_page_has_at_most_1500_words_besides_its_tables(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    text = " ".join(line for line in lines if not line.startswith("|"))
    assert len(re.findall(r"\w+(?:['.,-]\w+)*", text)) <= 1500


BANNED = r"made[- ]up|\bjudg\w+|\bpupils?\b|\btutors?\b|\bseldom\b|\bwhoever\b|\bthe same of\b"


@every_document
def test_the_words_are_those_of_the_field(document):
    text = re.sub(r"`[^`]*`", "", document.read_text(encoding="utf-8"))
    assert re.findall(BANNED, text, re.I) == []


# Figures.


def benchmark(module, monkeypatch, folder="benchmarks"):
    monkeypatch.setattr(sys, "path", [str(ROOT / folder), *sys.path])
    return import_module(module)


def test_the_table_of_performance_is_what_was_measured(monkeypatch):
    performance = benchmark("performance", monkeypatch)
    page = performance.PAGE.read_text(encoding="utf-8")
    results = json.loads(performance.RESULTS.read_text(encoding="utf-8"))
    assert performance.replace_table(page, results) == page


def test_the_times_of_a_gpu_are_those_measured():
    gpu = json.loads((ROOT / "benchmarks" / "gpu.json").read_text(encoding="utf-8"))["gpu"]
    page = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert f"an {gpu['name']} with 16 cores" in page
    assert f"| {gpu['epoch_s']:.2f} s; in bf16 {gpu['epoch_bf16_s']:.2f} s |" in page
    assert f"| {gpu['ecgs_s']:,.0f} ECGs a second |" in page
    assert f"ten million ECGs take {1e7 / gpu['ecgs_s']:.0f} s" in page


def test_the_tables_of_the_study_are_of_its_scores(monkeypatch):
    table = benchmark("table", monkeypatch, "benchmarks/study")
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.filled_in(page) == page


def shipped(name):
    """Its parameters and score as the documents write them: AUROC, or else its mean."""
    card = read_card(shipped_models()[name])
    scores = card["about"]["scores"]
    key = "macro_auroc" if "macro_auroc" in scores else "auroc"
    scores = scores if key in scores else scores["classes"]["ABNORMAL"]
    low, high = scores[f"{key}_ci"]
    return f"{card['cost']['parameters']:,}", f"{scores[key]:.4f}", f"[{low:.3f}, {high:.3f}]"


@pytest.mark.parametrize("name", shipped_models())
def test_the_pages_give_the_shipped_models_the_scores_of_their_cards(name):
    parameters, score, interval = shipped(name)
    results = (DOCS / "results.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| \[`{name}`\].*$", results, re.M)[0]
    assert f"| {parameters} | " in row
    assert f"{score} {interval}" in row
    study = (DOCS / "study" / "index.md").read_text(encoding="utf-8")
    goal = re.search(rf"^\| `{name}`, {parameters}\b.*$", study, re.M)[0]
    assert f"| {score}" in goal
    assert f"{float(score):.3f}" in README or score in README
    assert parameters in README


def test_each_message_of_the_troubleshooting_pages_is_in_the_code():
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("troubleshooting*.md")]
    messages = re.findall(r"^\| `([^`]+)` \|", "\n".join(pages), re.M)
    code = " ".join(
        re.sub(r'"\s*f?"', "", " ".join(path.read_text(encoding="utf-8").split()))
        for path in (ROOT / "ecgcam").rglob("*.py")
    )
    parts = [part.strip() for message in messages for part in message.split("…") if part.strip()]
    assert len(messages) > 20
    assert [part for part in parts if part not in code] == []
