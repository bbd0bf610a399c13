"""Reading of any ECG file: detection of the format, and refusals."""

import subprocess
import sys

import numpy as np
import pytest
from support.ecg_files import samples_like_an_ecg, write_wfdb

from ecgcam.errors import RecordError
from ecgcam.readers.read import read


def test_a_record_may_be_named_with_or_without_its_suffix(tmp_path):
    write_wfdb(tmp_path / "a.b", samples_like_an_ecg())
    signals = [read(tmp_path / name).signal_mv for name in ("a.b", "a.b.hea", "a.b.dat", "a.b.DAT")]
    for signal in signals:
        np.testing.assert_array_equal(signal, samples_like_an_ecg().T / np.float32(1000))
    assert read(str(tmp_path / "a.b")).name == "a.b"


@pytest.mark.parametrize("name", ["none", "none.hea", "none.csv", "none.npz", "none.txt"])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(RecordError, match="no such (file|ECG)"):
        read(tmp_path / name)


def test_other_files_and_folders_are_refused_by_name(tmp_path):
    (tmp_path / "a.xml").write_text("<ecg/>")
    with pytest.raises(RecordError, match="unknown file format; expected a WFDB record"):
        read(tmp_path / "a.xml")
    with pytest.raises(RecordError, match="a folder, not one ECG; expected a WFDB record"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".hea", ".csv", ".npz"])
def test_a_path_that_the_system_refuses_is_a_record_error(tmp_path, suffix):
    with pytest.raises(RecordError, match="cannot be read: File name too long"):
        read(tmp_path / f"{300 * 'x'}{suffix}")


def test_importing_the_readers_loads_no_large_library():
    large = {"wfdb", "pandas", "scipy", "torch", "sklearn", "matplotlib"}
    code = f"import sys, ecgcam.readers.read; print(*{large} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == []
