"""Reading of any ECG file: detection of the format, and refusals."""

import io
import pickle
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
    with pytest.raises(RecordError, match=f"{name}: no such (file|ECG)"):
        read(tmp_path / name)


def test_samples_without_a_header_are_refused(tmp_path):
    (tmp_path / "a.dat").write_bytes(bytes(1000))
    with pytest.raises(RecordError, match=r"a\.dat: no header a\.hea lies beside these samples"):
        read(tmp_path / "a.dat")


def test_other_files_and_folders_are_refused_by_name(tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(1000))
    with pytest.raises(RecordError, match=r"a\.bin: unknown file format; recognized are WFDB"):
        read(tmp_path / "a.bin")
    (tmp_path / "a.csv").write_bytes(b"")
    with pytest.raises(RecordError, match=r"a\.csv: the file is empty"):
        read(tmp_path / "a.csv")
    with pytest.raises(RecordError, match="a folder, not one ECG"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.7 and more", "a PDF is a picture of an ECG"),
        (b"\x89PNG\r\n\x1a\n and more", "a picture of an ECG; .*digitize it"),
        (b"PK\x03\x04 xl/workbook.xml", "a ZIP archive or Office document"),
        (b"\x1f\x8b\x08 and more", "compressed by gzip"),
        (pickle.dumps([1, 2]), "a pickle can run code, so it is not opened"),
        (b' {"ecg": [[1, 2]]}', "JSON is not supported; save CSV or NPZ"),
    ],
)
def test_a_file_of_a_kind_that_is_not_supported_is_named(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(RecordError, match=message):
        read(tmp_path / "a.csv")


CSV = "time,I,V1\n" + "".join(f"{k / 100},{k % 7 / 10},{k % 5 / 10}\n" for k in range(1000))


def test_bytes_and_file_objects_are_read(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    expected = read(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open("rb") as file:
        for source in (CSV.encode(), bytearray(CSV.encode()), io.BytesIO(CSV.encode()), file):
            record = read(source)
            np.testing.assert_array_equal(record.signal_mv, expected.signal_mv)
            assert (record.rate_hz, record.leads) == (100, ("I", "V1"))
    assert (expected.name, record.name, read(CSV.encode()).name) == ("a", "a", "ecg")


@pytest.mark.parametrize("source", [3, None, io.StringIO(CSV)])
def test_other_sources_are_a_type_error(source):
    with pytest.raises(TypeError, match="expected a path, bytes or a file object opened in binary"):
        read(source)


def test_the_content_tells_the_format_and_not_the_suffix(tmp_path):
    (tmp_path / "a.hea.npz").write_text(CSV)
    assert read(tmp_path / "a.hea.npz").leads == ("I", "V1")
    np.savez(tmp_path / "b.npz", signal_mv=np.ones((1, 9)), rate_hz=100, leads=["V2"])
    (tmp_path / "b.npz").rename(tmp_path / "b.txt")
    assert read(tmp_path / "b.txt").leads == ("V2",)


@pytest.mark.parametrize("suffix", ["", ".hea", ".csv", ".npz"])
def test_a_path_that_the_system_refuses_is_a_record_error(tmp_path, suffix):
    with pytest.raises(RecordError, match="cannot be read: File name too long"):
        read(tmp_path / f"{300 * 'x'}{suffix}")


def test_importing_the_readers_loads_no_large_library():
    large = {"wfdb", "pandas", "scipy", "torch", "sklearn", "matplotlib"}
    code = f"import sys, ecgcam.readers.read; print(*{large} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == []
