"""What several test files need."""

import lzma

import numpy as np
import pandas as pd
import pytest
from support.real_data import SHARED, unpacked

from ecgcam.data.preparation import prepare
from ecgcam.data.ptbxl import read_folder
from ecgcam.data.store import open_store
from ecgcam.data.synthetic import synthesize

pytest_plugins = ["support.model_fixtures"]


@pytest.fixture(scope="session")
def shared():
    """The folder of real data beside the repository, which the repository does not contain."""
    if not (SHARED / "ptbxl").is_dir():
        pytest.skip("needs the real data in ../shared, which is not there")
    return SHARED


@pytest.fixture(scope="session")
def ptbxl_folder(shared):
    """Fold 2 of the real PTB-XL as PhysioNet serves it: 2,181 records at 100 Hz."""
    return unpacked(shared, "--folds", "2", "2")


@pytest.fixture(scope="session")
def ptbxl_some(shared):
    """The first 60 records of each fold of the real PTB-XL, 1 to 9: 540 at 100 Hz."""
    return unpacked(shared, "--limit", "60")


@pytest.fixture(scope="session")
def ptbxl_tables(shared, tmp_path_factory):
    """The tables of all of folds 1 to 9, without signals."""
    folder = tmp_path_factory.mktemp("ptbxl-tables")
    (folder / "scp_statements.csv").write_bytes(
        (shared / "ptbxl" / "scp_statements.csv").read_bytes()
    )
    with lzma.open(shared / "ptbxl" / "ptbxl_database.csv.xz") as table:
        rows = table.read()
    (folder / "ptbxl_database.csv").write_bytes(rows)
    return folder


@pytest.fixture(scope="session")
def ptbxl_source(ptbxl_tables):
    """What is read from them."""
    return read_folder(ptbxl_tables)


@pytest.fixture(scope="session")
def ptbxl_fold_2(ptbxl_folder):
    """Its ids, and its signals (records, 12, 1000) in mV, read as plainly as can be."""
    table = pd.read_csv(ptbxl_folder / "ptbxl_database.csv")
    files = [ptbxl_folder / f"{name}.dat" for name in table["filename_lr"]]
    samples = np.stack([np.fromfile(file, "<i2").reshape(1000, 12).T for file in files])
    return table["ecg_id"].to_numpy(), samples.astype(np.float32) / np.float32(1000)


@pytest.fixture(scope="session")
def synthetic_folder(tmp_path_factory):
    """120 made-up ECGs, laid out as PTB-XL. It is for reading only, as its store is."""
    return synthesize(tmp_path_factory.mktemp("made-up") / "folder", 120)


@pytest.fixture(scope="session")
def synthetic_store(synthetic_folder, tmp_path_factory):
    """The store of them."""
    folder = tmp_path_factory.mktemp("made-up") / "store"
    return open_store(prepare(synthetic_folder, folder).folder)
