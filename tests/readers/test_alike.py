"""Records read many at a time: each as it is read by itself, and none that is not just so."""

from pathlib import Path

import numpy as np
import pytest
from support.ecg_files import LEADS, change_text, samples_like_an_ecg, write_wfdb

from ecgcam.data import shards
from ecgcam.data.shards import Form, write_shard
from ecgcam.readers.alike import headers_like, read_alike
from ecgcam.readers.wfdb16 import INVALID, read_plain

FORM = Form(leads=LEADS, rate_hz=100, samples=1000)


def write_some(folder, records=8, **kind):
    """Paths of records that differ in samples alone."""
    for k in range(records):
        write_wfdb(folder / f"r{k}", samples_like_an_ecg(seed=k), **kind)
    return [str(folder / f"r{k}") for k in range(records)]


def read_all(paths):
    """Their signals (records, leads, time), and which were read."""
    signals = np.empty((len(paths), 12, 1000), np.int16)
    return signals, read_alike(paths, headers_like(paths[0]), signals)


def one_by_one(paths, file, monkeypatch):
    """What write_shard makes of them where no records are alike."""
    with monkeypatch.context() as patch:
        patch.setattr(shards, "headers_like", lambda path: None)
        return write_shard(paths, file, FORM)


@pytest.mark.parametrize("comments", [(), ("age: 61", "sex: F")])
@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_the_samples_are_those_of_the_files(tmp_path, comments, suffix):
    paths = write_some(tmp_path, comments=comments)
    signals, read = read_all([path + suffix for path in paths])
    assert read.all()
    for signal, path in zip(signals, paths, strict=True):
        np.testing.assert_array_equal(signal, read_plain(Path(path)).samples.T)


def test_real_records_are_read_as_one_by_one(ptbxl_some):
    headers = sorted((ptbxl_some / "records100").rglob("*.hea"))[::5]
    signals, read = read_all([str(header) for header in headers])
    assert read.all()
    for signal, header in zip(signals, headers, strict=True):
        np.testing.assert_array_equal(signal, read_plain(header.with_suffix("")).samples.T)


def change_byte(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(bytes(data))


def append(path, data):
    path.write_bytes(path.read_bytes() + data)


def lengthen(header):
    """Comments, so that any power of two from 1 kB on ends with a line; then a line too many."""
    to_1_kb = 1024 - header.stat().st_size
    append(header, b"#" + (to_1_kb - 2) * b"-" + b"\n" + 1023 * b"#23456789012345\n" + b"more\n")


SPOILT = {
    "another gain": lambda stem: write_wfdb(stem, samples_like_an_ecg(), gain="200(0)/mV"),
    "another rate": lambda stem: write_wfdb(stem, samples_like_an_ecg(), rate="500"),
    "another order": lambda stem: write_wfdb(stem, samples_like_an_ecg(), leads=LEADS[::-1]),
    "another file": lambda stem: change_text(
        stem.with_suffix(".hea"), f"{stem.name} 12", f"{stem.name}/2 12"
    ),
    "shorter": lambda stem: write_wfdb(stem, samples_like_an_ecg(time=999)),
    "cut short": lambda stem: stem.with_suffix(".dat").write_bytes(bytes(23_999)),
    "too long": lambda stem: append(stem.with_suffix(".dat"), b"0"),
    "changed": lambda stem: change_byte(stem.with_suffix(".dat"), 9_000),
    "no header": lambda stem: stem.with_suffix(".hea").unlink(),
    "no samples": lambda stem: stem.with_suffix(".dat").unlink(),
    "invalid": lambda stem: write_wfdb(
        stem, np.where(np.arange(1000)[:, None] == 7, INVALID, samples_like_an_ecg())
    ),
    "a comment": lambda stem: change_text(
        stem.with_suffix(".hea"), f"{stem.name} 12", f"#{stem.name} 12"
    ),
    "long header": lambda stem: lengthen(stem.with_suffix(".hea")),
}


@pytest.mark.parametrize("what", SPOILT)
def test_whatever_is_not_just_so_is_left(tmp_path, what):
    paths = write_some(tmp_path)
    SPOILT[what](tmp_path / "r3")
    signals, read = read_all(paths)
    assert np.flatnonzero(~read).tolist() == [3]
    np.testing.assert_array_equal(signals[4], samples_like_an_ecg(seed=4).T)


def test_a_path_that_can_be_none_is_said_to_be_none(tmp_path):
    good = write_some(tmp_path, records=2)
    for paths in (["a\0b", *good], [*good, "a\0b", "\ud800"]):
        shard = write_shard(paths, tmp_path / "shard.npy", FORM)
        assert len(shard.quality) == 2
        assert {problem for problem in shard.problems if problem} == {
            f"{path}: no such ECG; needed: a WFDB record (its .hea and .dat), or a file that "
            "ends in .csv, .npz."
            for path in set(paths) - set(good)
        }


def test_of_a_header_that_is_not_plain_nothing_is_like(tmp_path):
    (tmp_path / "a.hea").write_text("nonsense\n")
    (tmp_path / "b.hea").write_text("")
    assert [headers_like(str(tmp_path / name)) for name in "abc"] == [None, None, None]


def test_spoilt_anyhow_a_shard_is_the_same_as_of_records_one_by_one(tmp_path, monkeypatch):
    paths = write_some(tmp_path, records=240, comments=["age: 61"])
    rng = np.random.default_rng(0)
    for k in range(1, 240, 2):
        header = Path(f"{paths[k]}.hea")
        data = bytearray(header.read_bytes())
        for place in rng.integers(len(data), size=rng.integers(1, 3)):
            data[place] = rng.choice(list(b"0123456789 -\n\r\x0b#.Vr\xff"))
        header.write_bytes(bytes(data))
    alone = one_by_one(paths, tmp_path / "shard.npy", monkeypatch)
    assert write_shard(paths, tmp_path / "shard.npy", FORM) == alone
    assert 20 < sum(map(bool, alone.problems)) < 120


def test_records_of_several_kinds_make_the_same_shard(tmp_path, monkeypatch):
    mixed = [dict(gain="200(0)/mV"), {}, dict(leads=LEADS[::-1]), dict(rate="500")]
    for k in range(300):
        write_wfdb(tmp_path / f"r{k}", samples_like_an_ecg(seed=k), **mixed[k // 7 % 4])
    paths = [str(tmp_path / f"r{k}") for k in range(300)]
    alone = one_by_one(paths, tmp_path / "shard.npy", monkeypatch)
    assert write_shard(paths, tmp_path / "shard.npy", FORM) == alone
    assert len(alone.quality) == sum(k // 7 % 4 < 3 for k in range(300))
