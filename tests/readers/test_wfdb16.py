"""Fast reader of 16-bit WFDB records: equal to the library wfdb; damaged records are refused."""

import warnings

import numpy as np
import pytest
from support.ecg_files import LEADS, change_text, samples_like_an_ecg, write_wfdb

from ecgcam.errors import RecordError
from ecgcam.readers.wfdb16 import INVALID_SAMPLE, read_wfdb16, to_millivolts

with warnings.catch_warnings(action="ignore"):  # wfdb uses what pandas 3 deprecates
    import wfdb


@pytest.fixture
def stem(tmp_path):
    """Write a record of 12 leads and 10 s."""
    write_wfdb(tmp_path / "a", samples_like_an_ecg(), comments=["age: 61"])
    return tmp_path / "a"


def test_the_samples_are_those_of_the_file(stem):
    digital = read_wfdb16(stem)
    np.testing.assert_array_equal(digital.samples, samples_like_an_ecg())
    assert digital.leads == tuple(lead.upper() for lead in LEADS)
    assert (digital.rate_hz, set(digital.gains), set(digital.units)) == (100, {1000}, {"mV"})
    assert digital.comments == ("age: 61",)


@pytest.mark.parametrize("gain", ["1000.0(0)/mV", "204.8(-77)/mV", "0.5(12)/uV", "3/V", "7(9)/nV"])
def test_gain_baseline_and_unit_are_applied_as_by_wfdb(tmp_path, gain):
    samples = samples_like_an_ecg()
    write_wfdb(tmp_path / "a", samples, gain=gain)
    signal, fields = wfdb.rdsamp(str(tmp_path / "a"))
    in_mv = {"mV": 1, "uV": 1e-3, "V": 1e3, "nV": 1e-6}[fields["units"][0]]
    read = to_millivolts(read_wfdb16(tmp_path / "a"))
    np.testing.assert_array_equal(read, (signal.T * in_mv).astype(np.float32))


def test_the_zero_of_the_converter_is_the_default_baseline(stem):
    header = stem.with_name("a.hea")
    header.write_text(header.read_text().replace("1000.0(0)/mV 16 0", "1000.0/mV 16 100"))
    read = to_millivolts(read_wfdb16(stem))
    np.testing.assert_array_equal(read, wfdb.rdsamp(str(stem))[0].T.astype(np.float32))
    np.testing.assert_allclose(read, (samples_like_an_ecg().T - 100) / 1000, atol=1e-6)


def test_invalid_samples_become_nan(tmp_path):
    samples = samples_like_an_ecg()
    samples[20:25, 3] = INVALID_SAMPLE
    write_wfdb(tmp_path / "a", samples)
    read = to_millivolts(read_wfdb16(tmp_path / "a"))
    expected = wfdb.rdsamp(str(tmp_path / "a"))[0].T
    assert np.argwhere(np.isnan(read)).tolist() == [[3, k] for k in range(20, 25)]
    np.testing.assert_array_equal(read, expected.astype(np.float32))


def test_real_records_are_read_as_wfdb_reads_them(ptbxl_some, shared):
    ptbxl = sorted((ptbxl_some / "records100").rglob("*.hea"))[::30]
    ludb = sorted((shared / "ludb" / "data").glob("*.hea"))[::12]
    assert (len(ptbxl), len(ludb)) == (18, 10)
    for header in [*ptbxl, *ludb]:
        stem = header.with_suffix("")
        digital = read_wfdb16(stem)
        signal_mv, fields = wfdb.rdsamp(str(stem))
        np.testing.assert_array_equal(to_millivolts(digital), signal_mv.T.astype(np.float32))
        assert list(digital.leads) == fields["sig_name"]
        assert digital.rate_hz == fields["fs"]
        assert list(digital.comments) == fields["comments"]


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[:-24]])
def test_a_file_that_was_cut_short_is_refused(stem, change):
    data = stem.with_name("a.dat")
    data.write_bytes(change(data.read_bytes()))
    with pytest.raises(RecordError, match=r"a\.dat: 239\d\d bytes; its header promises 1000 samp"):
        read_wfdb16(stem)


def test_a_file_that_is_too_long_is_refused(stem):
    with stem.with_name("a.dat").open("ab") as data:
        data.write(bytes(24))
    with pytest.raises(RecordError, match="24024 bytes.* 24000 bytes.*another record"):
        read_wfdb16(stem)


def test_a_changed_sample_fails_the_checksum_of_its_lead(stem):
    data = stem.with_name("a.dat")
    samples = np.fromfile(data, "<i2").reshape(-1, 12)
    samples[500, 7] += 1
    samples.tofile(data)
    with pytest.raises(RecordError, match="lead V2 fails its checksum"):
        read_wfdb16(stem)


def test_a_checksum_may_be_signed(tmp_path):
    samples = samples_like_an_ecg()
    header = write_wfdb(tmp_path / "a", samples)
    sums = samples.sum(axis=0, dtype=np.int64) % 65536
    assert (sums >= 32768).any()
    for unsigned in sums[sums >= 32768]:
        change_text(header, f" {unsigned} 0 ", f" {unsigned - 65536} 0 ")
    assert read_wfdb16(tmp_path / "a") is not None


@pytest.mark.parametrize("suffix", ["hea", "dat"])
def test_a_missing_file_or_a_folder_in_its_place_is_named(stem, suffix):
    path = stem.with_name(f"a.{suffix}")
    path.unlink()
    with pytest.raises(RecordError, match=rf"a\.{suffix}: no such file"):
        read_wfdb16(stem)
    path.mkdir()
    with pytest.raises(RecordError, match=rf"a\.{suffix}: cannot be read: Is a directory"):
        read_wfdb16(stem)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a 12 100 1000", "a 12 100"),
        ("a 12 100 1000", "a 12 100/50 1000"),
        ("a 12 100 1000", "a/2 12 100 1000"),
        ("a 12 100 1000", "a 12 1.0.0 1000"),
        ("a 12 100 1000", "a 12 100 " + 5000 * "9"),
        ("a 12 100 1000", "a 11 100 1000"),
        ("a 12 100 1000", "a 12 100 1000 9:00:00 01/01/2001"),
        ("0 V6", ""),
        ("0 V6", "1 V6"),
    ],
)
def test_other_headers_are_left_to_the_library(stem, old, new):
    change_text(stem.with_name("a.hea"), old, new)
    assert read_wfdb16(stem) is None


@pytest.mark.parametrize(
    "gain", ["0(0)/mV", "1.0.0/mV", "-1000(0)/mV", "1000", "./mV", "1e3/mV", f"{'9' * 5000}/mV"]
)
def test_unusual_gains_are_left_to_the_library(tmp_path, gain):
    write_wfdb(tmp_path / "a", samples_like_an_ecg(), gain=gain)
    assert read_wfdb16(tmp_path / "a") is None


def test_several_files_and_other_formats_are_left_to_the_library(stem):
    header = stem.with_name("a.hea")
    text = header.read_text()
    for other in (text.replace("a.dat 16", "b.dat 16", 1), text.replace("a.dat 16", "a.dat 212")):
        header.write_text(other)
        assert read_wfdb16(stem) is None


def test_random_bytes_in_a_header_give_none_or_a_record_error(tmp_path):
    good = write_wfdb(tmp_path / "a", samples_like_an_ecg()).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        header = bytearray(good)
        for place in rng.integers(len(header), size=rng.integers(1, 9)):
            header[place] = rng.integers(256)
        (tmp_path / "a.hea").write_bytes(bytes(header[: rng.integers(1, 2 * len(header))]))
        try:
            read = read_wfdb16(tmp_path / "a")
        except RecordError:
            continue
        assert read is None or read.samples.shape[1] == len(read.leads)
