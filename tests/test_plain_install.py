"""The wheel, installed alone in a fresh environment, explains an ECG without torch."""

import json
import subprocess
import zipfile

import numpy as np
import pytest

import ecgcam
from benchmarks.plain_install import build_wheel, install_plain, write_ecg


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def install(wheel, tmp_path_factory):
    return install_plain(wheel, tmp_path_factory.mktemp("plain") / "environment")


def run(install, *arguments):
    command = [install.python.with_name("ecgcam"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_wheel_holds_the_package_with_its_models_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {"ecgcam"}
    assert {"ecgcam/inference/weights/normal.onnx", "ecgcam/py.typed"} <= set(names)
    assert wheel.stat().st_size < 10_000_000


def test_the_environment_is_small_and_has_no_torch(install):
    assert install.size_mb <= 400
    found = subprocess.run(
        [install.python, "-c", "import torch"], capture_output=True, text=True, check=False
    )
    assert "No module named 'torch'" in found.stderr


def test_it_explains_an_ecg_as_the_full_environment_does(install, tmp_path):
    ecg = write_ecg(tmp_path / "ecg.npz")
    done = run(install, "explain", ecg, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "ecg-leads.png", "ecg-sheet.pdf", "ecg-sheet.png", "ecg.html", "ecg.json",
    ]  # fmt: skip
    found = json.loads((tmp_path / "out" / "ecg.json").read_text())["classes"]["ABNORMAL"]
    expected = ecgcam.load("normal", device="cpu").explain(ecgcam.read(ecg))
    assert found["probability"] == pytest.approx(expected.probabilities[0], abs=1e-5)
    np.testing.assert_allclose(found["evidence"], expected.evidence[0], atol=1e-4)


def test_it_predicts_a_folder_to_csv_and_json_lines_and_says_what_parquet_needs(install, tmp_path):
    assert run(install, "synthesize", tmp_path / "ecgs", "--records", "70").returncode == 0
    for name in ("table.csv", "table.jsonl"):
        done = run(install, "predict", tmp_path / "ecgs", "--out", tmp_path / name, "--jobs", "2")
        assert done.returncode == 0, done.stderr
    assert len((tmp_path / "table.jsonl").read_text().splitlines()) == 70
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 71
    done = run(install, "predict", tmp_path / "ecgs", "--out", tmp_path / "table.parquet")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install 'ecgcam[train]'")


def test_it_synthesizes_an_ecg_and_reads_it(install, tmp_path):
    assert run(install, "synthesize", tmp_path / "ecgs", "--records", "2").returncode == 0
    done = run(install, "read", tmp_path / "ecgs" / "records100" / "00000" / "00001_lr")
    assert done.returncode == 0, done.stderr


def test_it_says_what_a_command_of_the_extra_needs(install, tmp_path):
    done = run(install, "overview", tmp_path, "--out", tmp_path / "overview")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install 'ecgcam[train]'")


@pytest.mark.parametrize("command", [["models"], ["info", "normal"], ["--version"], ["--help"]])
def test_the_commands_on_models_need_no_extra(install, command):
    done = run(install, *command)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
