"""The documents say the truth: links lead somewhere, commands and their options exist, and figures
are those that were measured."""

import json
import re
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from ecgcam.cli import app
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import shipped_models

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = typer.main.get_command(app).commands


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_within_the_repository_leads_somewhere(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_and_option_named_exists(document):
    text = re.sub(r"\\\n\s*", "", document.read_text(encoding="utf-8"))  # lines that go on
    for name, rest in re.findall(r"(?:^|`)ecgcam ([a-z][a-z-]+)([^`\n#|]*)", text, re.M):
        options = {word for one in COMMANDS[name].params for word in one.opts}
        assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", rest)) <= options | {"--help", "--debug"}


# Figures.


def benchmark(module, monkeypatch, folder="benchmarks"):
    monkeypatch.setattr(sys, "path", [str(ROOT / folder), *sys.path])
    return import_module(module)


def test_the_table_of_performance_is_what_was_measured(monkeypatch):
    performance = benchmark("performance", monkeypatch)
    page = performance.PAGE.read_text(encoding="utf-8")
    results = json.loads(performance.RESULTS.read_text(encoding="utf-8"))
    assert performance.replaced(page, results) == page


def test_the_times_of_a_gpu_are_those_measured():
    found = json.loads((ROOT / "benchmarks" / "gpu.json").read_text(encoding="utf-8"))["gpu"]
    told = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert f"an {found['name']} with 16 cores" in told
    assert f"| {found['epoch_s']:.2f} s; in bf16 {found['epoch_bf16_s']:.2f} s |" in told
    assert f"| {found['ecgs_s']:,.0f} ECGs a second |" in told
    assert f"ten million ECGs are judged in {1e7 / found['ecgs_s']:.0f} s" in told


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
    results = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| \[`{name}`\].*$", results, re.M)[0]
    assert f"| {parameters} | " in row
    assert f"{score} {interval}" in row
    study = (ROOT / "docs" / "study.md").read_text(encoding="utf-8")
    goal = re.search(rf"^\| `{name}`, {parameters}\b.*$", study, re.M)[0]
    assert f"| {score}" in goal
    assert f"{float(score):.3f}" in README or score in README
    assert parameters in README


def test_each_message_of_the_troubleshooting_page_is_in_the_code():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `([^`]+)` \|", page, re.M)
    code = " ".join(
        re.sub(r'"\s*f?"', "", " ".join(path.read_text(encoding="utf-8").split()))
        for path in (ROOT / "ecgcam").rglob("*.py")
    )
    parts = [part.strip() for message in messages for part in message.split("…") if part.strip()]
    assert len(messages) > 20
    assert [part for part in parts if part not in code] == []
