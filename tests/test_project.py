"""What holds of the project as a whole: who imports whom, and what importing does."""

import ast
import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import ecgcam

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ecgcam"

# From the top down: a module imports from rungs above its own, or from its own without a cycle.
RUNGS = {
    "words": "allocation errors files labels leads source",
    "maths": "abstention augment backbones bootstrap calibration cam clinical_scores conformal "
    "costs disturb folded lead_transforms median metrics montage network operating_points "
    "noise precision preprocess receptive_field transforms trials",
    "data": "alike batches digests download heart_rate manifest place prepare processes ptbxl "
    "quality readers record rows shards signal_survey statements store survey synthetic wfdb16 "
    "wfdb_files windows",
    "model": "classifier explanation modelfile published seen shipped torch_engine",
    "pictures": "pictures report",
    "work": "auxiliary bench calibrate choices combine compare demo evaluate evaluation_report "
    "explain lessons overview recipe robustness robustness_report run subgroups teachers train "
    "training translate trust_scores tutors",
    "door": "__init__ __main__ cli",
}
NEEDS_TORCH = {
    name
    for names in (
        "augment backbones.__init__ backbones.depthwise backbones.halve backbones.image",
        "backbones.inception backbones.resnet backbones.several backbones.signalcnn batches cam",
        "costs folded lead_transforms median network noise preprocess",
        "receptive_field run",
        "torch_engine train training transforms tutors",
        "bench.ours.given bench.ours.judging bench.ours.signals bench.ours.training",
        "bench.rivals.network bench.rivals.training",
    )
    for name in names.split()
}
HEAVY = {"torch", "lightning", "matplotlib", "pandas", "scipy", "sklearn", "wfdb", "numpy"}


def files():
    """Each module's dotted name within the package, and its file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts)] = path
    return found


def imported(name, path):
    """What a module imports of the package, wherever in the file, as dotted names within it."""
    here = name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            folder = here[: len(here) - (node.level - 1)]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (".".join([*folder, one]) for one in names if one != "__version__")


def part(name):
    """The module, or the sub-package that it belongs to."""
    return name.split(".")[0]


def top_level(path):
    """The libraries that importing the file imports."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_every_module_has_its_rung():
    known = [name for names in RUNGS.values() for name in names.split()]
    assert sorted(known) == sorted({part(name) for name in files()})


def test_imports_point_up():
    rank = {name: k for k, names in enumerate(RUNGS.values()) for name in names.split()}
    down = [
        f"{name} imports {other}, which is below it"
        for name, path in files().items()
        for other in imported(name, path)
        if rank[part(other)] > rank[part(name)]
    ]
    assert down == []


def test_no_import_goes_in_a_circle():
    known = files()
    graph = {
        name: [f"{one}.__init__" if one not in known else one for one in imported(name, path)]
        for name, path in known.items()
    }
    order = list(TopologicalSorter(graph).static_order())  # CycleError names the circle
    assert set(order) == set(known)


def test_only_training_and_the_network_import_torch_at_the_top():
    found = {
        name for name, path in files().items() if {"torch", "lightning"} & set(top_level(path))
    }
    assert found == NEEDS_TORCH


def test_all_that_judges_draws_and_prepares_can_be_imported_without_torch():
    modules = sorted(set(files()) - NEEDS_TORCH - {"recipe", "lessons", "demo", "__main__"})
    names = [f"ecgcam.{name}".removesuffix(".__init__") for name in modules]
    run(
        "import sys, importlib",
        "sys.modules['torch'] = sys.modules['lightning'] = None",
        f"for name in {names}: importlib.import_module(name)",
    )


def run(*lines, cwd=ROOT):
    """What a new interpreter says, after it has run these lines."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        cwd=cwd, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_importing_is_silent_light_and_leaves_nothing(tmp_path):
    heavy = f"print(sorted({HEAVY} & set(sys.modules)))"
    assert run("import sys, ecgcam", heavy, cwd=tmp_path) == "[]\n"
    assert list(tmp_path.iterdir()) == []


def test_importing_is_quick():
    seconds = run(
        "from time import process_time as now",
        "before = now()",
        "import ecgcam",
        "print(now() - before)",
    )
    assert float(seconds) < 0.3


def test_help_is_quick():
    seconds = run(
        "from time import process_time as now",
        "before = now()",
        "from ecgcam.cli import main",
        "code = main(['--help'])",
        "print(code, now() - before)",
    ).split()[-1]
    assert float(seconds) < 1


def test_the_command_line_loads_what_a_command_needs_when_it_runs():
    assert run("import sys, ecgcam.cli", f"print(sorted({HEAVY} & set(sys.modules)))") == "[]\n"


def test_importing_sets_no_seed_and_no_log_handler():
    said = run(
        "import logging, random",
        "state = lambda: (random.getstate(), logging.root.handlers[:], logging.root.level)",
        "before = state()",
        "import ecgcam.classifier, ecgcam.cli, ecgcam.readers, ecgcam.store",
        "print(before == state())",
    )
    assert said == "True\n"


def test_the_public_surface_is_exact():
    assert sorted(ecgcam.__all__) == sorted(
        ["load", "read", "Record", "Classifier", "Prediction", "Explanation", "__version__"]
        + ["EcgcamError", "RecordError", "DatasetError", "ModelError"]
    )
    assert all(getattr(ecgcam, name) is not None for name in ecgcam.__all__)
    assert set(ecgcam.__all__) <= set(dir(ecgcam))


def test_what_is_not_there_is_an_attribute_error():
    name = "train_model"
    with pytest.raises(AttributeError, match="module 'ecgcam' has no attribute 'train_model'"):
        getattr(ecgcam, name)


def test_the_errors_are_one_family():
    for name in ("RecordError", "DatasetError", "ModelError"):
        assert issubclass(getattr(ecgcam, name), ecgcam.EcgcamError)


def test_the_version_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", ecgcam.__version__)
