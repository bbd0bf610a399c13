"""`ecgcam anonymize`: it prints what it wrote, replaces nothing unasked, and explains refusals."""

import numpy as np
import pytest
from support.binary_ecgs import edf

from ecgcam.cli import main

LEADS = ("I", "II", "V1")


@pytest.fixture
def ecg(tmp_path):
    path = tmp_path / "a.edf"
    path.write_bytes(edf(np.arange(3000).reshape(3, 1000) % 97, LEADS))
    return path


def test_it_prints_the_path_of_the_copy(ecg, tmp_path, capsys):
    out = tmp_path / "b.edf"
    assert main(["anonymize", str(ecg), str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert b"Jane" in ecg.read_bytes()
    assert b"Jane" not in out.read_bytes()


def test_an_existing_file_is_replaced_only_with_overwrite(ecg, tmp_path, capsys):
    out = tmp_path / "b.edf"
    out.write_bytes(b"mine")
    assert main(["anonymize", str(ecg), str(out)]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert main(["anonymize", str(ecg), str(out), "--overwrite"]) == 0
    assert out.read_bytes() != b"mine"


def test_the_ecg_itself_is_not_replaced_even_with_overwrite(ecg, capsys):
    before = ecg.read_bytes()
    assert main(["anonymize", str(ecg), str(ecg), "--overwrite"]) == 2
    assert "this is the ECG itself" in capsys.readouterr().err
    assert ecg.read_bytes() == before


def test_a_format_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    table = tmp_path / "a.csv"
    table.write_text("time,I\n" + "".join(f"{k / 100},{k % 7}\n" for k in range(500)))
    assert main(["anonymize", str(table), str(tmp_path / "b.csv")]) == 2
    error = capsys.readouterr().err
    assert "cannot be anonymized" in error
    assert len(error.splitlines()) == 1
