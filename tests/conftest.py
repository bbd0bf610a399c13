"""What several test files need."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

SHARED = Path(__file__).parents[2] / "shared"

pytest_plugins = ["model_fixtures"]


@pytest.fixture(scope="session")
def shared():
    """The folder of real data beside the repository, which the repository does not contain."""
    if not (SHARED / "ptbxl").is_dir():
        pytest.skip("needs the real data in ../shared, which is not there")
    return SHARED


@pytest.fixture(scope="session")
def ptbxl_folder(shared, tmp_path_factory):
    """Fold 2 of the real PTB-XL as PhysioNet serves it: 2,181 records at 100 Hz."""
    folder = tmp_path_factory.mktemp("ptbxl")
    unpack = [sys.executable, str(shared / "ptbxl" / "unpack.py"), str(folder)]
    subprocess.run([*unpack, "--folds", "2", "2"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def ptbxl_fold_2(ptbxl_folder):
    """Its ids, and its signals (records, 12, 1000) in mV, read as plainly as can be."""
    table = pd.read_csv(ptbxl_folder / "ptbxl_database.csv")
    files = [ptbxl_folder / f"{name}.dat" for name in table["filename_lr"]]
    samples = np.stack([np.fromfile(file, "<i2").reshape(1000, 12).T for file in files])
    return table["ecg_id"].to_numpy(), samples.astype(np.float32) / np.float32(1000)
