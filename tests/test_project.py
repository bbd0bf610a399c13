"""Claims about the package as a whole: file names, public names, and what importing does."""

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ecgcam

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "ecgcam"

NEEDS_TORCH = {
    "nn",
    "training",
    "explanation",
}  # folders that import torch or lightning at the top of a file
TORCH_FILES = {
    f"inference.{name}" for name in ("onnx_backbones", "onnx_graph", "onnx_nodes", "torch_engine")
}
HEAVY = {"torch", "lightning", "matplotlib", "pandas", "scipy", "sklearn", "wfdb", "numpy"}


def files():
    """Each module's dotted name within the package, and its file."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts)] = path
    return found


def top_level(path):
    """The libraries that importing the file imports."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_no_two_files_of_the_package_share_a_name():
    names = [path.stem for path in files().values() if path.stem not in ("__init__", "__main__")]
    assert sorted(set(names)) == sorted(names)


def test_only_the_network_training_the_torch_engine_and_the_export_import_torch_at_the_top():
    found = {
        name for name, path in files().items() if {"torch", "lightning"} & set(top_level(path))
    }
    elsewhere = {name for name in found if name.split(".")[0] not in NEEDS_TORCH}
    assert elsewhere == TORCH_FILES


def test_all_that_predicts_draws_and_prepares_can_be_imported_without_torch():
    torch_modules = {*TORCH_FILES, "inference.export", "cli.demo", "__main__"}
    modules = [
        name
        for name in files()
        if name.split(".")[0] not in NEEDS_TORCH and name not in torch_modules
    ]
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
        "import ecgcam.inference.classifier, ecgcam.cli, ecgcam.readers, ecgcam.data.store",
        "print(before == state())",
    )
    assert said == "True\n"


PUBLIC = {
    "ecgcam": "Classifier DatasetError EcgcamError Explanation ModelError Prediction Record "
    "RecordError __version__ load read",
    "ecgcam.data": "PrepareConfig open_store prepare synthesize",
    "ecgcam.training": "AdditivitySettings AuxiliarySettings DataSettings DistillationSettings "
    "LossSettings NetworkSettings OptimizerSettings PreprocessingSettings TrainConfig train",
    "ecgcam.evaluation": "calibrate compare_models evaluate",
    "ecgcam.explanation": "describe scorecard",
    "ecgcam.plots": "draw_leads draw_sheet",
    "ecgcam.nn": "Network NetworkConfig",
    "ecgcam.serving": "predict_many",
}


@pytest.mark.parametrize("package", PUBLIC)
def test_the_public_names_are_exact(package):
    module = importlib.import_module(package)
    assert sorted(module.__all__) == PUBLIC[package].split()
    assert all(getattr(module, name) is not None for name in module.__all__)
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PUBLIC)
def test_a_public_name_is_no_module_whatever_was_imported_before(package):
    for name in files():
        if f"ecgcam.{name}".startswith(f"{package}.") and not name.endswith("__"):
            importlib.import_module(f"ecgcam.{name}")
    module = importlib.import_module(package)
    assert [n for n in module.__all__ if isinstance(getattr(module, n), ModuleType)] == []


def test_what_is_not_there_is_an_attribute_error():
    name = "train_model"
    with pytest.raises(AttributeError, match="module 'ecgcam' has no attribute 'train_model'"):
        getattr(ecgcam, name)


def test_the_errors_are_one_family():
    for name in ("RecordError", "DatasetError", "ModelError"):
        assert issubclass(getattr(ecgcam, name), ecgcam.EcgcamError)


def test_the_version_is_a_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", ecgcam.__version__)
