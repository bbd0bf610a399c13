"""The shipped models: there by name, small enough, and as their cards and pages say."""

import sys
from pathlib import Path

import numpy as np
import pytest

from ecgcam.errors import ModelError
from ecgcam.inference.card import recipe_setting
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.inference.zoo import find_model, shipped_models
from ecgcam.nn.complexity import measure_complexity
from ecgcam.signals.leads import LEADS

ROOT = Path(__file__).parents[2]
NAMES = ("normal", "statements", "statements-large", "superclass", "superclass-large")


def test_the_models_are_those_that_are_documented():
    assert tuple(shipped_models()) == NAMES
    assert sorted(path.stem for path in (ROOT / "docs" / "models").glob("*.md")) == sorted(NAMES)


def test_they_are_as_small_as_promised():
    sizes = {name: path.stat().st_size for name, path in shipped_models().items()}
    assert sizes["normal"] + sizes["superclass"] + sizes["statements"] < 1_000_000
    assert max(sizes["superclass-large"], sizes["statements-large"]) < 3_000_000
    counts = {
        name: read_card(path)["cost"]["parameters"] for name, path in shipped_models().items()
    }
    assert counts["normal"] <= 22_273
    assert counts["superclass"] <= 25_000
    assert counts["statements"] <= 100_000
    assert max(counts["superclass-large"], counts["statements-large"]) <= 500_000


@pytest.mark.parametrize("name", NAMES)
def test_a_card_tells_the_cost_as_it_is(name):
    network, card = load_network(find_model(name))
    assert card["cost"] == measure_complexity(network).to_dict()


@pytest.mark.parametrize("name", NAMES)
def test_the_map_adds_up_to_the_logit(name):
    classifier = load(name)
    assert classifier.leads == LEADS
    signal_mv = np.random.default_rng(0).normal(0, 0.3, (4, 12, 1000)).astype(np.float32)
    logits, evidence, _ = classifier.run(signal_mv)
    np.testing.assert_allclose(evidence.mean(-1) + classifier.bias, logits, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_says_what_the_card_says(name):
    sys.path.insert(0, str(ROOT / "benchmarks" / "study"))
    try:
        from ship import page_of
    finally:
        sys.path.pop(0)
    written = (ROOT / "docs" / "models" / f"{name}.md").read_text(encoding="utf-8")
    assert page_of(shipped_models()[name]) == written


@pytest.mark.parametrize("name", NAMES)
def test_the_card_names_no_folder_of_whoever_made_it(name):
    provenance = read_card(find_model(name))["provenance"]
    members = provenance.get("combined", [{"provenance": provenance}])
    for recipe in (member["provenance"]["recipe"] for member in members):
        teachers = recipe_setting(recipe, "distillation", "teachers")
        for path in (recipe["task"], *teachers):
            assert path
            assert not path.startswith(("/", "~", ".."))


def test_a_file_goes_before_a_shipped_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model("normal") == shipped_models()["normal"]
    (tmp_path / "normal").write_bytes(b"")
    assert find_model("normal") == Path("normal")


def test_an_unknown_name_is_told_which_there_are():
    names = r"normal, statements, statements-large, superclass, super"
    with pytest.raises(ModelError, match=rf"abnormal: no such model; .*{names}"):
        find_model("abnormal")
