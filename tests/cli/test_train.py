"""`ecgcam train`: recipe files and options, label counts, resuming, and mistakes found early."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.tiny import changed, tiny_model

from ecgcam.cli import main
from ecgcam.inference.modelfile import read_card
from ecgcam.training import TrainConfig
from ecgcam.training.recipe_file import make_config, read_recipe, recipe_text
from ecgcam.training.run_folder import CONFIG, LAST, MODEL, PREPROCESSED, read_config

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe file of a small network that trains for one epoch."""
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(recipe_text(changed(epochs=1)), encoding="utf-8")
    return path


def test_write_config_writes_the_default_recipe(ecgcam, tmp_path):
    path = tmp_path / "recipes" / "default.toml"
    assert ecgcam("train", "--write-config", path) == (0, str(path), "")
    assert make_config(read_recipe(path), source="a test") == TrainConfig()
    path.write_text("mine")
    code, _, error = ecgcam("train", "--write-config", path)
    assert (code, path.read_text()) == (2, "mine")
    assert "the file exists already" in error


def test_options_override_the_recipe_file(ecgcam, store, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(recipe_text(changed(arguments={}, scale="none")), encoding="utf-8")
    teacher = tiny_model(tmp_path / "teacher.safetensors")
    options = [
        "--task", "superclass", "--backbone", "depthwise", "--epochs", 1, "--batch", 64,
        "--learning-rate", 0.001, "--augmentation", "none", "--train-folds", "1-3",
        "--validation-folds", "4-9", "--seed", 5,
    ]  # fmt: skip
    train = ["train", store, "--out", tmp_path / "run", "--config", recipe]
    code, _, error = ecgcam(*train, *options, "--teacher", teacher)
    assert code == 2
    assert "none of the classes to learn can be computed" in error
    assert ecgcam(*train, *options)[0] == 0
    assert read_config(tmp_path / "run") == changed(
        arguments={}, scale="none", task="superclass", backbone="depthwise", epochs=1, batch=64,
        learning_rate=0.001, augmentation="none", train_folds=(1, 2, 3),
        validation_folds=(4, 5, 6, 7, 8, 9), seed=5,
    )  # fmt: skip


def test_records_and_positives_are_printed_by_fold(capsys, store, recipe, tmp_path):
    assert main(["train", str(store), "--out", str(tmp_path / "run"), "--config", str(recipe)]) == 0
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert lines[0].split() == ["fold", *"12345678", "training", "9"]
    assert lines[1].split() == ["records", *["12"] * 8, "96", "12"]
    assert lines[2].split()[:2] == ["Abnormal", "ECG"]
    assert not any(line.startswith("warning") for line in lines)
    assert printed.out == f"{tmp_path / 'run' / MODEL}\n"


def test_rare_classes_are_warned_of(ecgcam, store, recipe, tmp_path):
    train = ["train", store, "--out", tmp_path / "run", "--config", recipe]
    code, _, printed = ecgcam(*train, "--task", "superclass")
    assert code == 0
    assert (
        "warning: fewer than 20 positive training ECGs (Myocardial infarction (MI): 10; " in printed
    )
    assert "(NORM):" not in printed


def test_a_run_keeps_its_recipe_which_trains_the_same_again(ecgcam, store, recipe, tmp_path):
    train = ["train", store, "--config"]
    assert ecgcam(*train, recipe, "--out", tmp_path / "first", "--seed", 3)[0] == 0
    kept = tmp_path / "first" / CONFIG
    assert ecgcam(*train, kept, "--out", tmp_path / "second")[0] == 0
    models = [(tmp_path / run / MODEL).read_bytes() for run in ("first", "second")]
    assert models[0] == models[1]


def test_a_run_is_resumed(ecgcam, store, recipe, tmp_path):
    train = ["train", store, "--out", tmp_path / "run"]
    assert ecgcam(*train, "--config", recipe)[0] == 0
    code, _, error = ecgcam(*train, "--config", recipe)
    assert code == 2
    assert "--resume continues a run" in error
    for same in ([], ["--config", recipe], ["--epochs", 1], ["--train-folds", "1-8"]):
        assert ecgcam(*train, "--resume", *same)[:2] == (0, str(tmp_path / "run" / MODEL))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--epochs", 3], "optimizer.epochs 1, not 3"),
        (["--seed", 7], "seed 0, not 7"),
        (["--train-folds", "2-8"], "data.train_folds (1, 2, 3, 4, 5, 6, 7, 8), not (2, 3"),
        (["--config", "DEFAULT"], "optimizer.epochs 1, not 25"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(ecgcam, store, recipe, tmp_path, option, message):
    default = tmp_path / "default.toml"
    default.write_text(recipe_text(changed(epochs=25)), encoding="utf-8")
    train = ["train", store, "--out", tmp_path / "run"]
    assert ecgcam(*train, "--config", recipe)[0] == 0
    option = [default if word == "DEFAULT" else word for word in option]
    code, _, error = ecgcam(*train, "--resume", *option)
    assert code == 2
    assert message in error
    assert "--resume continues with the run's own settings" in error


def test_a_run_is_resumed_with_moved_teachers(ecgcam, store, recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = tiny_model(tmp_path / "teacher.safetensors")
    train = ["train", store, "--out", "run"]
    assert ecgcam(*train, "--config", recipe, "--teacher", model)[0] == 0
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(model.read_bytes())
    for teacher in (model, model.name, copy):
        assert ecgcam(*train, "--resume", "--teacher", teacher)[0] == 0
    other = tiny_model(tmp_path / "other.safetensors", seed=2)
    for teachers in ([other], [model, "--teacher", model]):
        code, _, error = ecgcam(*train, "--resume", "--teacher", *teachers)
        assert code == 2
        assert "this run was started with distillation.teachers (" in error


def test_a_backbone_of_your_own_is_imported_from_the_working_folder(
    ecgcam, store, tmp_path, monkeypatch
):
    """The installed command, unlike `python -m`, does not search it by itself."""
    (tmp_path / "my_network.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Conv1d):\n"
        "    channels = 3\n"
        "    def __init__(self, *, leads):\n"
        "        super().__init__(leads, 3, 9, stride=8)\n"
    )
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    monkeypatch.chdir(tmp_path)
    own = ["--backbone", "my_network:Net"]
    (tmp_path / "own.toml").write_text('[network]\nbackbone = "my_network:Net"\n')
    train = ["train", store, "--config", "own.toml", "--out", "run", "--epochs", 1]
    assert ecgcam(*train)[0] == 0
    weights = {"backbone.weight", "backbone.bias", "head.weight", "head.bias"}
    assert set(load_file(tmp_path / "run" / MODEL)) == weights
    evaluate = ["evaluate", Path("run") / MODEL, store, "--bootstrap", 2, "--out", "scores"]
    code, _, error = ecgcam(*evaluate)
    assert code == 2
    assert "--backbone" in error
    assert ecgcam(*evaluate, *own)[0] == 0


MISTAKES = [
    ("", "Missing argument"),
    ("STORE", "Missing option '--out'"),
    ("none --out NEW", "none: not a store"),
    ("FILE --out NEW", "not a store"),
    ("STORE --out NEW --config none.toml", "none.toml: no such recipe file"),
    ("STORE --out NEW --config FILE", "file: not a TOML file"),
    ("STORE --out NEW --config TYPO", "unknown key `optimizer.epoch`"),
    ("STORE --out NEW --config TYPO", "did you mean `epochs`?"),
    ("STORE --out NEW --teacher nobody", "nobody: no such model"),
    ("STORE --out NEW --teacher none.safetensors", "none.safetensors: no such model file"),
    ("STORE --out NEW --teacher GARBAGE", "not a .safetensors model file"),
    ("STORE --out FULL", "the folder is not empty"),
    ("STORE --out FILE", "file: this is a file"),
    ("STORE --out NEW --resume", "there is no run to resume"),
    ("STORE --out NEW --task sleep", "there is no task 'sleep'"),
    ("STORE --out NEW --task none.toml", "none.toml"),
    ("STORE --out NEW --task columns", "needs labels of the kind 'column'"),
    ("STORE --out NEW --augmentation wild", "augmentation is 'wild'; expected paper, none"),
    ("STORE --out NEW --epochs 0", "--epochs"),
    ("STORE --out NEW --learning-rate 0", "optimizer.learning_rate is 0.0; expected a number"),
    ("STORE --out NEW --seed -1", "--seed"),
    ("STORE --out NEW --seed 9223372036854775808", "at most 9223372036854775807"),
    ("STORE --out NEW --train-folds 1-9", "train_folds and validation_folds share 9"),
    ("STORE --out NEW --train-folds 8-1", "'8-1'"),
    ("STORE --out NEW --train-folds one", "'one'"),
]


@pytest.fixture
def paths(store, tmp_path):
    """The paths that the mistakes name."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("text")
    (tmp_path / "typo.toml").write_text("[optimizer]\nepoch = 3\n")
    (tmp_path / "garbage.safetensors").write_bytes(b"garbage" * 50)
    names = {"FULL": "full", "FILE": "file", "NEW": "new", "TYPO": "typo.toml"}
    paths = {name: tmp_path / file for name, file in names.items()}
    return paths | {"STORE": store, "GARBAGE": tmp_path / "garbage.safetensors"}


@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_a_mistake_is_refused_in_a_sentence_without_torch(
    ecgcam, monkeypatch, paths, tmp_path, words, message
):
    """Before torch is imported, which takes seconds, and before anything is written."""
    monkeypatch.setitem(sys.modules, "ecgcam.training.trainer", None)
    before = sorted(tmp_path.rglob("*"))
    code, out, error = ecgcam("train", *(paths.get(word, word) for word in words.split()))
    assert (code, out) == (2, ""), error
    assert message in error
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("STORE --out NEW --backbone alexnet", "there is no backbone 'alexnet'"),
        ("STORE --out NEW --backbone no.module:Net", "cannot be imported"),
        ("STORE --out NEW --validation-folds 77", "folds 77 hold no record"),
    ],
)
def test_other_mistakes_are_refused_before_anything_is_written(ecgcam, paths, words, message):
    code, out, error = ecgcam("train", *(paths.get(word, word) for word in words.split()))
    assert (code, out) == (2, "")
    assert message in error
    assert not paths["NEW"].exists()


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from ecgcam.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("folder", "code", "message"),
    [
        ("none", 2, "none: not a store"),
        ("STORE", 1, "ecgcam: this needs torch: pip install 'ecgcam[train]'"),
    ],
)
def test_without_torch_paths_are_checked_first(store, tmp_path, folder, code, message):
    words = ["train", store if folder == "STORE" else folder, "--out", tmp_path / "run"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert message in done.stderr.splitlines()[-1]


INTERRUPTIBLE = """
import signal, sys
from ecgcam.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
sys.exit(main())
"""


def test_ctrl_c_leaves_a_run_to_resume(store, recipe, tmp_path):
    run = tmp_path / "run"
    words = ["train", store, "--out", run, "--config", recipe, "--epochs", "9999"]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTIBLE, *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        while not process.stderr.readline().startswith("epoch 2 "):
            pass
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    *epochs, last = error.splitlines()
    assert all(line.startswith("epoch ") for line in epochs)
    assert last == "ecgcam: stopped. The same command with --resume continues the run."
    assert (process.returncode, out) == (1, "")
    assert torch.load(run / LAST, weights_only=True)["state_dict"]
    assert read_card(run / MODEL)["provenance"]["chosen"]["epoch"] >= 1
    assert not (run / PREPROCESSED).exists()
