"""Damaged and hostile files: a Record or a RecordError, in little time and memory."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.damaged_files import FILES, damage, read_files
from support.ecg_files import samples_like_an_ecg, write_wfdb

from ecgcam.errors import RecordError
from ecgcam.readers.read import read

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


def outcome(files, folder):
    """Return the Record or the RecordError of a record; any other error fails the test."""
    try:
        return read_files(files, folder)
    except RecordError as error:
        return error


@pytest.mark.parametrize("name", FILES)
def test_the_undamaged_files_are_read(folder, name):
    files = FILES[name] if isinstance(FILES[name], dict) else {"a.bin": FILES[name]}
    record = read_files(files, folder)
    assert record.signal_mv.shape[1] >= 600


@settings(max_examples=400, deadline=5000, derandomize=True, database=None)
@given(name=st.sampled_from(sorted(FILES)), seed=st.integers(0, 2**32 - 1))
def test_a_damaged_file_gives_a_record_or_a_record_error(folder, name, seed):
    files = damage(FILES[name], np.random.default_rng(seed))
    result = outcome(files, folder)
    if isinstance(result, RecordError):
        assert not isinstance(result.__cause__, MemoryError | RecursionError)
    else:
        assert np.isfinite(result.signal_mv).all()
        assert result.rate_hz > 0


@settings(max_examples=200, deadline=5000, derandomize=True, database=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_bytes_give_a_record_or_a_record_error(content):
    try:
        read(content)
    except RecordError:
        return


CELLS = ["time", "I", "V1 (uV)", "", "1", "-2.5", "1e9", "nan", "x", "0:01.5", "1,5"]


@settings(max_examples=200, deadline=5000, derandomize=True, database=None)
@given(
    st.lists(
        st.lists(
            st.sampled_from(
                ["time", "I", "V1 (uV)", "", "1", "-2.5", "1e9", "nan", "x", "0:01.5", "1,5"]
            ),
            min_size=1,
            max_size=4,
        ),
        max_size=12,
    ),
    st.sampled_from([",", ";", "\t", " "]),
)
def test_any_table_gives_a_record_or_a_record_error(rows, separator):
    text = "\n".join(separator.join(row) for row in rows)
    for options in ({}, {"rate_hz": 100}):
        try:
            record = read(text.encode(), **options)
        except RecordError:
            continue
        assert np.isfinite(record.signal_mv).all()


@pytest.mark.parametrize(
    "header",
    [
        "a 1 100 1000000000000\na.dat 16 1000/mV 16 0 0 0 0 I",
        "a 1 100 1000000000000\na.dat 212 1000/mV 16 0 0 0 0 I",
        "a 1 100 0\na.dat 16x1000000000000 1000/mV 16 0 0 0 0 I",
        "a 1 100 1000\na.dat 16+1000000000000 1000/mV 16 0 0 0 0 I",
        "a 999999 100 1000\n" + 9 * "a.dat 16 1000/mV 16 0 0 0 0 I\n",
        "a/2 1 100 2000000000000\n~ 1000000000000\nb 1000000000000",
        "a/1000000000000 1 100 1000\nb 1000",
        "a/20000 1 100 0\n" + 20000 * "b 1000\n",
        "a/2 1 100 2000\na 1000\na 1000",
        "a 1 100 1000\na.dat 16 1e-999/mV 16 0 0 0 0 I",
        "a 1 1e308 1000\na.dat 16 1/mV 16 0 0 0 0 I",
        "a 1 100 1000\na.dat 16 1(999999999999999999)/mV 16 0 0 0 0 I",
        "a 1 100 1000\n" + "." * 100_000 + " 16 1/mV 16 0 0 0 0 I",
    ],
)
def test_a_wfdb_header_that_declares_too_much_is_refused(tmp_path, header):
    write_wfdb(tmp_path / "b", samples_like_an_ecg(leads=1), leads=["I"])
    (tmp_path / "a.dat").write_bytes((tmp_path / "b.dat").read_bytes())
    (tmp_path / "a.hea").write_text(header)
    with pytest.raises(RecordError):
        read(tmp_path / "a")


@pytest.mark.parametrize("name", ["a.hea", "a.dat", "a.csv", "a.npz", "a.xml", "a.dcm", "a"])
def test_an_empty_file_is_refused(tmp_path, name):
    (tmp_path / "a.hea").write_text("a 1 100 1000\na.dat 16 1000/mV 16 0 0 0 0 I")
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(RecordError):
        read(tmp_path / name)


def test_links_in_a_circle_and_what_is_no_file_are_refused(tmp_path):
    header = write_wfdb(tmp_path / "a", samples_like_an_ecg())
    (tmp_path / "circle.hea").symlink_to(tmp_path / "circle.hea")
    os.mkfifo(tmp_path / "pipe")
    for name in ("circle.hea", "circle", "pipe"):
        with pytest.raises(RecordError):
            read(tmp_path / name)
    with pytest.raises(RecordError, match="neither a file nor a folder"):
        read("/dev/zero")
    for target in (tmp_path / "a.dat", Path("/dev/zero"), tmp_path):
        (tmp_path / "a.dat").unlink()
        (tmp_path / "a.dat").symlink_to(target)
        with pytest.raises(RecordError):
            read(header)


def test_a_link_to_a_file_is_followed(tmp_path):
    header = write_wfdb(tmp_path / "a", samples_like_an_ecg())
    (tmp_path / "b.csv").symlink_to(header)
    (tmp_path / "c.hea").symlink_to(header)
    assert read(tmp_path / "c").signal_mv.shape == (12, 1000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_an_unreadable_file_is_refused(tmp_path):
    header = write_wfdb(tmp_path / "a", samples_like_an_ecg())
    for name in ("a.dat", "a.hea"):
        (tmp_path / name).chmod(0)
        with pytest.raises(RecordError, match="cannot be read: Permission denied"):
            read(header)


MEASURE = """
import resource, sys
from ecgcam.errors import RecordError
from ecgcam.readers.read import read
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        read(path)
    except RecordError as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_take_little_memory(tmp_path):
    """A zip bomb, a table of one endless line, and XML that multiplies itself: under 250 MB."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ecg.npy", bytes(300_000_000))
    (tmp_path / "b.csv").write_bytes(b"time,I\n" + 5_000_000 * b"1,")
    entities = "".join(f'<!ENTITY a{k + 1} "{10 * f"&a{k};"}">' for k in range(9))
    (tmp_path / "c.xml").write_text(
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{entities}]><AnnotatedECG>&a9;</AnnotatedECG>'
    )
    files = [tmp_path / name for name in ("a.npz", "b.csv", "c.xml")]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, files)],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    *refusals, kilobytes = done.stdout.splitlines()
    assert len(refusals) == 3
    assert int(kilobytes) < 250_000 * (1024 if sys.platform == "darwin" else 1)
