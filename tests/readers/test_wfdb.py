"""Reader of WFDB records: equal to the library wfdb; damaged records are refused."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from support.ecg_files import change_text, samples_like_an_ecg, write_wfdb

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS

with warnings.catch_warnings(action="ignore"):  # wfdb uses what pandas 3 deprecates
    import wfdb

NAMES = [lead.upper() for lead in LEADS]


def read_by_wfdb(stem):
    """Read the signal (leads, time) and the names of the leads by the library wfdb."""
    signal, fields = wfdb.rdsamp(str(stem))
    assert set(fields["units"]) == {"mV"}
    return signal.T.astype(np.float32), fields["sig_name"]


def test_real_records_are_read_as_wfdb_reads_them(ptbxl_some, shared):
    ptbxl = sorted((ptbxl_some / "records100").rglob("*.hea"))[10::60]
    ludb = sorted((shared / "ludb" / "data").glob("*.hea"))[5::20]
    for header, rate_hz in [*((path, 100) for path in ptbxl), *((path, 500) for path in ludb)]:
        record = read(header)
        signal_mv, _ = read_by_wfdb(header.with_suffix(""))
        np.testing.assert_array_equal(record.signal_mv, signal_mv)
        assert (record.leads, record.rate_hz, record.name) == (LEADS, rate_hz, header.stem)
        assert record.duration_s == 10


def test_age_and_sex_come_from_the_headers_of_ludb(shared):
    record = read(shared / "ludb" / "data" / "1")
    assert (record.age_years, record.sex) == (51, "female")


@pytest.mark.parametrize(
    ("comment", "age_years", "sex"),
    [
        ("Age: 74", 74, None),
        ("<age>: 51", 51, None),
        ("age:8.5  sex:M", 8.5, "male"),
        ("Sex: Female", None, "female"),
        ("<sex>: F", None, "female"),
        ("Gender: male", None, "male"),
        ("Sex: missing", None, None),
        ("Age: NaN", None, None),
        ("stage: 3", None, None),
        ("Name: Miller", None, None),
    ],
)
def test_only_age_and_sex_are_kept_of_the_comments(tmp_path, comment, age_years, sex):
    record = read(write_wfdb(tmp_path / "a", samples_like_an_ecg(), comments=[comment]))
    assert (record.age_years, record.sex) == (age_years, sex)
    assert record.warnings == ()


@pytest.mark.parametrize("fmt", ["16", "80", "212", "24", "32"])
def test_other_formats_are_read_as_wfdb_reads_them(tmp_path, fmt):
    signal_mv = samples_like_an_ecg().clip(-2000, 2000) / 1000
    gain, baseline = (50.0, -7) if fmt == "80" else (409.6, 31)
    with warnings.catch_warnings(action="ignore"):
        wfdb.wrsamp(
            "a",
            250,
            ["mV"] * 12,
            NAMES,
            p_signal=signal_mv,
            fmt=[fmt] * 12,
            adc_gain=[gain] * 12,
            baseline=[baseline] * 12,
            write_dir=str(tmp_path),
        )
    record = read(tmp_path / "a")
    np.testing.assert_array_equal(record.signal_mv, read_by_wfdb(tmp_path / "a")[0])
    np.testing.assert_allclose(record.signal_mv, signal_mv.T, atol=0.51 / gain)
    assert (record.rate_hz, record.leads) == (250, LEADS)


@pytest.fixture
def two_files(tmp_path):
    """Write six leads in format 16 and six in format 212, each with its own gain."""
    samples = samples_like_an_ecg().clip(-2000, 2000)
    record = wfdb.Record(
        record_name="a",
        n_sig=12,
        fs=100,
        sig_len=len(samples),
        file_name=["limb.dat"] * 6 + ["chest.dat"] * 6,
        fmt=["16"] * 6 + ["212"] * 6,
        adc_gain=[500.0 + k for k in range(12)],
        baseline=list(range(12)),
        units=["mV"] * 11 + ["uV"],
        sig_name=NAMES,
        adc_res=[12] * 12,
        adc_zero=[0] * 12,
        block_size=[0] * 12,
        d_signal=samples.astype(np.int64),
    )
    record.init_value, record.checksum = samples[0].tolist(), record.calc_checksum()
    with warnings.catch_warnings(action="ignore"):
        record.wrsamp(write_dir=str(tmp_path))
    return tmp_path / "a", samples


def test_leads_may_be_in_several_files_with_their_own_gains_and_units(two_files):
    stem, samples = two_files
    expected = (samples - np.arange(12)) / (500 + np.arange(12)) * ([1] * 11 + [1e-3])
    np.testing.assert_allclose(read(stem).signal_mv, expected.T, rtol=1e-6)


def test_the_library_is_loaded_without_a_warning(two_files):
    code = f"from ecgcam import read; read({str(two_files[0])!r})"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_a_record_in_segments_is_read_as_one(tmp_path):
    parts = [samples_like_an_ecg(seed=seed) for seed in (1, 2)]
    for name, samples in zip("bc", parts, strict=True):
        write_wfdb(tmp_path / name, samples)
    (tmp_path / "a.hea").write_text("a/2 12 100 2000\nb 1000\nc 1000\n")
    np.testing.assert_array_equal(
        read(tmp_path / "a").signal_mv, np.concatenate(parts).T / np.float32(1000)
    )


@pytest.fixture
def segments(tmp_path):
    """Write two segments that differ in gain (0.5 and 1 µV), unit and order of leads."""
    parts = [samples_like_an_ecg(seed=seed) for seed in (1, 2)]
    write_wfdb(tmp_path / "b", parts[0], gain="2000(0)/mV")
    write_wfdb(tmp_path / "c", parts[1][:, ::-1], gain="1(0)/uV", leads=NAMES[::-1])
    (tmp_path / "a.hea").write_text("a/2 12 100 2000\nb 1000\nc 1000\n# age: 61\n")
    return tmp_path, parts


def test_each_segment_has_its_own_gain_unit_and_order_of_leads(segments):
    folder, (first, second) = segments
    record = read(folder / "a")
    np.testing.assert_allclose(record.signal_mv[:, :1000], first.T / 2000, rtol=1e-6)
    np.testing.assert_allclose(record.signal_mv[:, 1000:], second.T / 1000, rtol=1e-6)
    assert (record.leads, record.rate_hz, record.name, record.age_years) == (LEADS, 100, "a", 61)


def test_a_changed_segment_fails_its_checksum(segments):
    folder, _ = segments
    data = bytearray((folder / "c.dat").read_bytes())
    data[3001] ^= 32
    (folder / "c.dat").write_bytes(bytes(data))
    with pytest.raises(RecordError, match="c: lead .* fails its checksum"):
        read(folder / "a")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("a/2 12 100 2000\nb 1000\n~ 1000\n", "a: it has a gap of 1000 samples"),
        ("a/2 12 100 2000\nb 1000\nc 999\n", "its segment c has 1000 samples at 100 Hz; .* 999"),
        ("a/2 12 500 2000\nb 1000\nc 1000\n", "at 100 Hz; its header promises 1000 at 500 Hz"),
        ("a/2 12\nb 1000\nc 1000\n", "its header gives no rate"),
        ("a/2 12 100 2000\nb 1000\nd 1000\n", "d.hea: no such file"),
        ("a/2 12 100 2000\nb 1000\na 1000\n", "segments within segments"),
        ("a/1 12 100 0\nb 0\n", "it has no segments"),
        ("a/2 12 100 2000\nb 1000\nf 1000\n", "its segments have different leads"),
        ("a/2 12 100 2000\nb 1000\nc\n", "its segment c has no length"),
        ("a/2 12 100 2000\nb 1000\nc -1\n", "its segment c has no length"),
        ("a/3 12 100 3000\nb 1000\nc 1000\n", "its header, a/3, names 2 segments"),
        ("a/2 12 100 3000\nb 1000\nc 1000\n", "2000 samples; its header promises 12 and 3000"),
        ("a/2 12 100 x\nb 1000\nc 1000\n", "its header promises 12 and x"),
        ("a/2 8 100 2000\nb 1000\nc 1000\n", "have 12 leads .* its header promises 8 and 2000"),
    ],
)
def test_segments_that_do_not_form_one_ecg_are_refused(segments, header, message):
    folder, (first, _) = segments
    write_wfdb(folder / "f", first[:, :11], leads=NAMES[:11])
    (folder / "a.hea").write_text(header)
    with pytest.raises(RecordError, match=message):
        read(folder / "a")


@pytest.mark.parametrize("header", ["a/2 12 100", "a/2 12 100 0", "a/2 12 100 2000 10:00:00"])
def test_the_header_need_not_give_the_total_length_of_the_segments(segments, header):
    folder, _ = segments
    (folder / "a.hea").write_text(f"{header}\nb 1000\nc 1000\n")
    assert read(folder / "a").signal_mv.shape == (12, 2000)


def test_a_layout_segment_is_skipped(segments):
    folder, _ = segments
    whole = read(folder / "a").signal_mv
    (folder / "a.hea").write_text("a/3 12 100 2000\na_layout 0\nb 1000\nc 1000\n")
    np.testing.assert_array_equal(read(folder / "a").signal_mv, whole)


SIGNAL = "a.dat 16 1000(0)/mV 16 0 0 0 0 I"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (f"a 1\n{SIGNAL}\n", "its header gives no rate"),
        (f"a 1 -500\n{SIGNAL}\n", "its header gives no rate"),
        (f"a 1 +500\n{SIGNAL}\n", "its header gives no rate"),
        (f"a 1 1e3 1000\n{SIGNAL}\n", "its header gives no rate"),
        (f"a 1 fast\n{SIGNAL}\n", "its header gives no rate"),
        (f"a 1 0/1 1000\n{SIGNAL}\n", "its header gives no rate"),
        ("a 1 100 1000\na.dat 16\n", "a lead is not calibrated"),
        ("a 1 100 1000\na.dat 16 0 16 0 0 0 0 I\n", "a lead is not calibrated"),
        ("a 1 100 1000\na.dat 16 0(3)/mV 16 0 0 0 0 I\n", "a lead is not calibrated"),
        ("a 1 100 1000\na.dat 16 0.0e1/mV 16 0 0 0 0 I\n", "a lead is not calibrated"),
        ("a 1 100 997\na.dat 16:3 1000/mV 16 0 0 0 0 I\n", "its leads are skewed in time"),
    ],
)
def test_a_missing_rate_or_gain_is_not_guessed(tmp_path, header, message):
    np.zeros(1000, "<i2").tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text(header)
    with pytest.raises(RecordError, match=f"a: {message}"):
        read(tmp_path / "a")


@pytest.mark.parametrize(
    "header",
    [
        f"a 1 100/360.5(0) 1000 10:00:00\n{SIGNAL}\n",
        "# one\n a 1 100. 1000 # two\n # three\na.dat 16 1e3/mV 16 0 0 0 0 I\n",
        "a 1 100\na.dat 16 1000.\n",
    ],
)
def test_a_header_may_write_its_rate_and_gain_in_several_ways(tmp_path, header):
    np.full(1000, 0, "<i2").tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text(header)
    assert (read(tmp_path / "a").rate_hz, read(tmp_path / "a").duration_s) == (100, 10)


def test_a_header_without_names_and_checksums_is_read(tmp_path):
    samples = samples_like_an_ecg(leads=2)
    samples.tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text("a 2 100 1000\na.dat 16 1000\na.dat 16 1000\n")
    record = read(tmp_path / "a")
    assert record.leads == ("#1", "#2")
    np.testing.assert_array_equal(record.signal_mv, samples.T / np.float32(1000))


def test_a_lead_with_several_samples_per_frame_is_averaged_to_the_rate_of_the_others(tmp_path):
    fast, slow = samples_like_an_ecg(time=2000, leads=1)[:, 0], samples_like_an_ecg(leads=1)[:, 0]
    frames = np.column_stack([fast.reshape(-1, 2), slow])
    frames.astype("<i2").tofile(tmp_path / "a.dat")
    sums = [int(lead.sum(dtype=np.int64)) % 65536 for lead in (fast, slow)]
    (tmp_path / "a.hea").write_text(
        f"a 2 100 1000\na.dat 16x2 1000/mV 16 0 {fast[0]} {sums[0]} 0 I\n"
        f"a.dat 16 1000/mV 16 0 {slow[0]} {sums[1]} 0 II\n"
    )
    record = read(tmp_path / "a")
    np.testing.assert_allclose(record.signal_mv[0], fast.reshape(-1, 2).mean(1) / 1000, atol=6e-4)
    np.testing.assert_allclose(record.signal_mv[1], slow / 1000, atol=1e-6)


def test_a_changed_file_in_another_format_fails_its_checksum(two_files):
    stem, _ = two_files
    data = bytearray(stem.with_name("chest.dat").read_bytes())
    data[300] ^= 1
    stem.with_name("chest.dat").write_bytes(bytes(data))
    with pytest.raises(RecordError, match="a: a lead fails its checksum"):
        read(stem)


@pytest.mark.parametrize("damage", ["missing", "short", "empty"])
def test_a_damaged_file_in_another_format_is_refused(two_files, damage):
    stem, _ = two_files
    data = stem.with_name("limb.dat")
    kept = data.read_bytes()[: {"missing": 0, "short": 7000, "empty": 0}[damage]]
    data.unlink()
    if damage != "missing":
        data.write_bytes(kept)
    with pytest.raises(RecordError, match="a: not a WFDB record that can be read"):
        read(stem)


@pytest.mark.parametrize("unit", ["mmHg", "NU", "adu", "mV/s"])
def test_a_unit_that_is_not_a_voltage_is_refused(tmp_path, two_files, unit):
    write_wfdb(tmp_path / "b", samples_like_an_ecg(), gain=f"1000(0)/{unit}")
    with pytest.raises(RecordError, match=f"unit '{unit}' is not a voltage"):
        read(tmp_path / "b")
    stem, _ = two_files
    change_text(stem.with_name("a.hea"), "/uV", f"/{unit}")
    with pytest.raises(RecordError, match=f"a: the unit '{unit}' is not a voltage"):
        read(stem)


def test_microvolts_become_millivolts(tmp_path):
    write_wfdb(tmp_path / "a", samples_like_an_ecg(), gain="1(0)/uV")
    np.testing.assert_array_equal(
        read(tmp_path / "a").signal_mv, samples_like_an_ecg().T / np.float32(1000)
    )


def test_samples_marked_invalid_are_refused_and_their_lead_named(tmp_path):
    samples = samples_like_an_ecg()
    samples[77, 6] = -32768
    write_wfdb(tmp_path / "a", samples)
    assert read(tmp_path / "a").warnings == ("1 missing sample of V1 filled by a straight line",)
    samples[77:80, 6] = -32768
    write_wfdb(tmp_path / "a", samples)
    with pytest.raises(RecordError, match=r"a: invalid samples \(NaN or infinite\) in V1"):
        read(tmp_path / "a")


@pytest.mark.parametrize(
    "header",
    ["", "\0\0\0", "garbage", "a 12 100 1000\n", "a 12 x 1000\n", "a 0 100 1000\n", "a -3 100 10\n"]
    + ["a 1 100 1000\nb.dat 999 1000 16 0 0 0 0 I\n", "a 1 0 1000\na.dat 16 1 16 0 0 0 0 I\n"],
)
def test_a_garbage_header_is_refused(tmp_path, header):
    (tmp_path / "a.hea").write_text(header)
    (tmp_path / "a.dat").write_bytes(bytes(2000))
    with pytest.raises(RecordError):
        read(tmp_path / "a")


def test_random_bytes_in_a_header_give_a_record_or_a_record_error(tmp_path):
    good = write_wfdb(tmp_path / "a", samples_like_an_ecg()).read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(150):
        header = bytearray(good)
        for place in rng.integers(200, size=rng.integers(1, 5)):
            header[place] = rng.choice(list(b"0123456789 ./()-\n#xab\xff"))
        (tmp_path / "a.hea").write_bytes(bytes(header))
        try:
            record = read(tmp_path / "a")
        except RecordError:
            continue
        assert record.signal_mv.shape[0] == len(record.leads)
