"""Reader of WFDB records: equal to the library wfdb; damaged records are refused."""

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import soundfile
from support.ecg_files import samples_like_an_ecg, write_wfdb

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.readers.wfdb16 import read_wfdb16
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


@pytest.mark.parametrize("folder", ["sub", "a/b"])
@pytest.mark.parametrize("separator", ["/", "\\"])
def test_samples_may_lie_in_a_folder_that_the_header_names(tmp_path, folder, separator):
    write_wfdb(tmp_path / "a", samples_like_an_ecg(leads=1), leads=["I"])
    expected = read(tmp_path / "a").signal_mv
    named = f"{folder}/a".replace("/", separator)
    header = (tmp_path / "a.hea").read_text().replace("a.dat", f"{named}.dat")
    (tmp_path / "a.hea").write_text(header.replace("a 1", f"{named} 1", 1))
    np.testing.assert_array_equal(read(tmp_path / "a").signal_mv, expected)  # beside it
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "a.dat").rename(tmp_path / folder / "a.dat")
    np.testing.assert_array_equal(read(tmp_path / "a").signal_mv, expected)


@pytest.mark.parametrize(
    "name", ["../secret/b.dat", "x/../../secret/b.dat", "/FOLDER/secret/b.dat", ".."]
)
def test_no_name_leads_out_of_the_folder_of_the_header(tmp_path, name):
    write_wfdb(tmp_path / "secret" / "b", samples_like_an_ecg(leads=1), leads=["I"])
    header = (tmp_path / "secret" / "b.hea").read_text()
    name = name.replace("/FOLDER", str(tmp_path))
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.hea").write_text(header.replace("b.dat", name))
    with pytest.raises(RecordError, match="no such file; its header names it"):
        read(tmp_path / "open" / "a")


def test_a_record_that_was_renamed_or_whose_names_differ_in_case_is_found(tmp_path):
    write_wfdb(tmp_path / "a", samples_like_an_ecg(leads=1), leads=["I"])
    expected = read(tmp_path / "a").signal_mv
    (tmp_path / "a.dat").rename(tmp_path / "A.DAT")
    np.testing.assert_array_equal(read(tmp_path / "a").signal_mv, expected)
    (tmp_path / "A.DAT").rename(tmp_path / "new.dat")
    (tmp_path / "a.hea").rename(tmp_path / "new.HEA")
    for name in ("new", "new.HEA", "new.dat"):
        np.testing.assert_array_equal(read(tmp_path / name).signal_mv, expected)


def test_a_mat_file_beside_its_header_is_a_wfdb_record(tmp_path):
    samples = samples_like_an_ecg(leads=2)
    matrix = np.array([30, 2, 1000, 0, 4], "<i4").tobytes() + b"val\0" + samples.tobytes()
    (tmp_path / "a.mat").write_bytes(matrix)
    lines = [f"a.mat 16+24 4880/mV 16 0 0 0 0 {lead}" for lead in ("I", "II")]
    (tmp_path / "a.hea").write_text("\n".join(["a.mat 2 500 1000 12-May-2020 12:33:59", *lines]))
    for name in ("a.mat", "a.hea", "a"):
        record = read(tmp_path / name)
        np.testing.assert_allclose(record.signal_mv, samples.T / 4880, rtol=1e-6)
        assert (record.name, record.rate_hz, record.leads) == ("a", 500, ("I", "II"))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252"])
def test_headers_of_any_encoding_are_read(tmp_path, encoding):
    header = write_wfdb(
        tmp_path / "a", samples_like_an_ecg(leads=1), leads=["I"], gain="1(0)/µV", comments=["ü"]
    )
    text = header.read_text(encoding="utf-8").replace("\n", "\r")
    mark = "\N{ZERO WIDTH NO-BREAK SPACE}" if encoding == "utf-16-le" else ""
    header.write_bytes((mark + text).encode(encoding))
    expected = samples_like_an_ecg(leads=1).T / 1000
    np.testing.assert_allclose(read(header).signal_mv, expected, rtol=1e-6)


def test_a_header_without_its_suffix_is_recognized_and_needs_its_samples(tmp_path):
    header = write_wfdb(tmp_path / "a", samples_like_an_ecg(), comments=["x"]).read_bytes()
    with pytest.raises(RecordError, match="ecg: a WFDB header, which holds no samples; give the"):
        read(b"# a comment\n" + header)


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
        ("a/3 12 100 3000\nb 1000\n~ 1000\nc 1000\n", "a.hea: it has a gap of 1000 samples"),
        ("a/2 12 100 2000\nb 1000\nc 999\n", "its segments have 1999 samples; .* 2000"),
        ("a/2 12 100 1999\nb 1000\nc 999\n", "its segment c has 1000 samples at 100 Hz; .* 999"),
        ("a/2 12 500 2000\nb 1000\nc 1000\n", "at 100 Hz; its header promises 1000 at 500 Hz"),
        ("a/2 12\nb 1000\nc 1000\n", "its header gives no rate"),
        ("a/2 12 100 2000\nb 1000\nd 1000\n", "d.hea: no such file"),
        ("a/2 12 100 2000\nb 1000\na 1000\n", "segments within segments"),
        ("a/1 12 100 0\nb 0\n", "it has 0 segments"),
        ("a/2 12 100 2000\nb 1000\n../c 1000\n", "../c.hea: no such file"),
        ("a/2 12 100 2000\nb 1000\nc\n", "its segment c has no length"),
        ("a/2 12 100 2000\nb 1000\nc -1\n", "its segment c has no length"),
        ("a/3 12 100 3000\nb 1000\nc 1000\n", "its header, a/3, names 2 segments"),
        ("a/2 12 100 3000\nb 1000\nc 1000\n", "2000 samples; its header promises 3000"),
        ("a/2 8 100 2000\nb 1000\nc 1000\n", "have 12 leads; its header promises 8"),
    ],
)
def test_segments_that_do_not_form_one_ecg_are_refused(segments, header, message):
    folder, _ = segments
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


def test_a_lead_that_a_segment_lacks_is_left_out_and_said(segments):
    folder, (first, second) = segments
    write_wfdb(folder / "f", first[:, :11], leads=NAMES[:11])
    (folder / "a.hea").write_text("a/2 12 100 2000\nc 1000\nf 1000\n")
    record = read(folder / "a")
    assert sorted(record.leads) == sorted(LEADS[:11])
    assert record.warnings == ("leads left out because of missing samples: V6 (10 of 20 s)",)
    lead_i_mv = record.with_leads(["I"]).signal_mv[0]
    np.testing.assert_allclose(lead_i_mv[:1000], second[:, 0] / 1000, rtol=1e-6)


def test_short_gaps_between_segments_are_filled_and_those_at_the_ends_are_skipped(segments):
    folder, _ = segments
    (folder / "a.hea").write_text("a/5 12 100 2502\n~ 400\nb 1000\n~ 2\nc 1000\n~ 100\n")
    record = read(folder / "a")
    assert record.signal_mv.shape == (12, 2002)
    assert record.warnings[0] == "2 missing samples of I filled by a straight line"


SIGNAL = "a.dat 16 1000(0)/mV 16 0 0 0 0 I"


@pytest.mark.parametrize("rate", ["", " -500", " fast", " 0/1 1000", " nan 1000", " inf 1000"])
def test_a_rate_that_is_missing_in_the_header_is_asked_for(tmp_path, rate):
    np.arange(1000, dtype="<i2").tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text(f"a 1{rate}\n{SIGNAL}\n")
    with pytest.raises(RecordError, match=r"a\.hea: the file gives no sampling rate; give it"):
        read(tmp_path / "a")
    assert read(tmp_path / "a", rate_hz=250).duration_s == 4


@pytest.mark.parametrize(
    "signal",
    [
        "a.dat 16",
        "a.dat 16 0 16 0 0 0 0 I",
        "a.dat 16 0(3)/mV 16 0 0 0 0 I",
        "a.dat 16 0.0e1/mV 16 0 0 0 0 I",
    ],
)
def test_a_gain_that_is_missing_in_the_header_is_not_guessed(tmp_path, signal):
    np.arange(1000, dtype="<i2").tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text(f"a 1 100 1000\n{signal}\n")
    with pytest.raises(RecordError, match=r"a\.hea: no ECG lead in volts; found .* \(no gain in"):
        read(tmp_path / "a")


@pytest.mark.parametrize(
    "header",
    [
        f"a 1 100/360.5(0) 1000 10:00:00\n{SIGNAL}\n",
        f"a 1 1e2 1000\n{SIGNAL}\n",
        f"a 1 100 0\n{SIGNAL}\n",
        f"a 1 100 1000 9:00 05/05/2020\n{SIGNAL}\n",
        f"a 1 100 1000 05-May-2020 09:49:17\n{SIGNAL}\n",
        f"a 1 100 1000 2020.05.05T09:49:17Z\n{SIGNAL}\n",
        f"a.mat 1 100 1000\n{SIGNAL}\n",
        f"some/folder/a 1 100 1000\n{SIGNAL}\n",
        f"folder/00 1 100 1000\n{SIGNAL}\n",
        "a 1 100 1000\na.dat 16 1000/mV I\n",
        "# one\n a 1 100. 1000 # two\n # three\na.dat 16 1e3/mV 16 0 0 0 0 I\n",
        "a 1 100\na.dat 16 1000.\n",
    ],
)
def test_a_header_may_write_its_rate_and_gain_in_several_ways(tmp_path, header):
    np.arange(1000, dtype="<i2").tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text(header)
    record = read(tmp_path / "a")
    assert (record.rate_hz, record.signal_mv[0, -1]) == (100, np.float32(0.999))


def test_a_header_without_names_and_checksums_is_read(tmp_path):
    samples = samples_like_an_ecg(leads=2)
    samples.tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text("a 2 100 1000\na.dat 16 1000\na.dat 16 1000\n")
    record = read(tmp_path / "a")
    assert record.leads == ("#1", "#2")
    assert record.warnings == ("the leads have no names; give them in order (--leads, leads=)",)
    assert read(tmp_path / "a", leads=["II", "V1"]).leads == ("II", "V1")
    np.testing.assert_array_equal(record.signal_mv, samples.T / np.float32(1000))


def test_a_lead_with_several_samples_per_frame_keeps_its_own_rate(tmp_path):
    fast, slow = samples_like_an_ecg(time=2000, leads=1)[:, 0], samples_like_an_ecg(leads=1)[:, 0]
    frames = np.column_stack([fast.reshape(-1, 2), slow])
    frames.astype("<i2").tofile(tmp_path / "a.dat")
    sums = [int(lead.sum(dtype=np.int64)) % 65536 for lead in (fast, slow)]
    (tmp_path / "a.hea").write_text(
        f"a 2 100 1000\na.dat 16x2 1000/mV 16 0 {fast[0]} {sums[0]} 0 I\n"
        f"a.dat 16 1000/mV 16 0 {slow[0]} {sums[1]} 0 II\n"
    )
    record = read(tmp_path / "a")
    np.testing.assert_allclose(record.signal_mv[0], fast / 1000, rtol=1e-6)
    np.testing.assert_allclose(record.signal_mv[1, ::2], slow / 1000, atol=0.2)  # smoothed
    assert (record.rate_hz, record.warnings) == (200, ("resampled to 200 Hz: II (100 Hz)",))


@pytest.mark.parametrize("form", ["16", "212"])
def test_several_samples_per_frame_are_read_alike_in_every_format(tmp_path, form):
    samples = samples_like_an_ecg(leads=3).clip(-2000, 2000)
    with warnings.catch_warnings(action="ignore"):
        wfdb.wrsamp(
            "a", 50, ["mV"] * 3, ["I", "II", "V1"], fmt=[form] * 3, adc_gain=[1000.0] * 3,
            baseline=[0] * 3, e_d_signal=list(samples.T.astype(np.int64)), samps_per_frame=[10] * 3,
            write_dir=str(tmp_path),
        )  # fmt: skip
    record = read(tmp_path / "a")
    np.testing.assert_allclose(record.signal_mv, samples.T / 1000, rtol=1e-6)
    assert (record.rate_hz, record.warnings) == (500, ())


def test_skewed_leads_are_realigned(tmp_path):
    samples = samples_like_an_ecg(leads=3)
    lagging = np.stack([np.roll(samples[:, k], skew) for k, skew in enumerate((1, 3, 1))], axis=1)
    header = write_wfdb(tmp_path / "a", lagging, leads=["I", "II", "V1"], rate="500")
    lines = header.read_text().splitlines()
    for k, skew in enumerate((1, 3, 1), start=1):
        lines[k] = lines[k].replace(".dat 16", f".dat 16:{skew}")
    header.write_text("\n".join(lines))
    record = read(tmp_path / "a")
    expected = np.roll(samples, 1, axis=0).T / 1000
    np.testing.assert_allclose(record.signal_mv[:, :-2], expected[:, :-2], rtol=1e-6)
    assert record.warnings == ("2 missing samples of II filled by a straight line",)


def test_checksums_that_are_all_0_say_nothing(tmp_path):
    header = write_wfdb(tmp_path / "a", samples_like_an_ecg(leads=2), leads=["I", "II"])
    lines = header.read_text().splitlines()
    header.write_text("\n".join(re.sub(r" -?\d+ 0 (I+)$", r" 0 0 \1", line) for line in lines))
    assert read_wfdb16(tmp_path / "a") is not None
    assert read(header).leads == ("I", "II")


def test_a_changed_file_in_another_format_fails_its_checksum(two_files):
    stem, _ = two_files
    data = bytearray(stem.with_name("chest.dat").read_bytes())
    data[300] ^= 1
    stem.with_name("chest.dat").write_bytes(bytes(data))
    with pytest.raises(RecordError, match=r"a\.hea: lead V\d fails its checksum"):
        read(stem)


@pytest.mark.parametrize("damage", ["short", "empty"])
def test_a_damaged_file_in_another_format_is_refused(two_files, damage):
    stem, _ = two_files
    data = stem.with_name("limb.dat")
    kept = data.read_bytes()[: {"short": 7000, "empty": 0}[damage]]
    data.write_bytes(kept)
    with pytest.raises(
        RecordError, match=r"a\.hea: limb\.dat: \d+ bytes; its header promises 1000"
    ):
        read(stem)


def test_leads_whose_file_is_absent_are_left_out(two_files):
    stem, samples = two_files
    stem.with_name("chest.dat").unlink()
    record = read(stem)
    assert record.leads == LEADS[:6]
    assert record.warnings == (
        "channels left out, whose file is absent: V1, V2, V3, V4, V5, V6 (file chest.dat)",
    )
    stem.with_name("limb.dat").unlink()
    with pytest.raises(RecordError, match=r"a\.hea: limb\.dat: no such file; its header names it"):
        read(stem)


@pytest.mark.parametrize("unit", ["mmHg", "NU", "adu", "mV/s"])
def test_a_channel_that_is_no_voltage_is_left_out(tmp_path, unit):
    header = write_wfdb(tmp_path / "a", samples_like_an_ecg())
    lines = header.read_text().splitlines()
    lines[12] = lines[12].replace("/mV", f"/{unit}").replace(" V6", " ABP").replace("16 0", "12 0")
    header.write_text("\n".join(lines))
    record = read(tmp_path / "a")
    assert record.leads == LEADS[:11]
    assert record.warnings == (f"channels left out, being no ECG lead in volts: ABP ({unit})",)
    write_wfdb(tmp_path / "b", samples_like_an_ecg(), gain=f"1000(0)/{unit}")
    with pytest.raises(RecordError, match=rf"no ECG lead in volts; found I \({unit}\)"):
        read(tmp_path / "b")


def test_microvolts_become_millivolts(tmp_path):
    write_wfdb(tmp_path / "a", samples_like_an_ecg(), gain="1(0)/uV")
    np.testing.assert_array_equal(
        read(tmp_path / "a").signal_mv, samples_like_an_ecg().T / np.float32(1000)
    )


@pytest.mark.parametrize("form", ["16", "212", "80", "24", "32"])
def test_a_sample_marked_invalid_is_filled_and_said(tmp_path, form):
    signal_mv = samples_like_an_ecg().clip(-2000, 2000) / 1000
    signal_mv[77, 6] = np.nan
    with warnings.catch_warnings(action="ignore"):
        wfdb.wrsamp(
            "a", 100, ["mV"] * 12, NAMES, signal_mv, fmt=[form] * 12, adc_gain=[50.0] * 12,
            baseline=[0] * 12, write_dir=str(tmp_path),
        )  # fmt: skip
    record = read(tmp_path / "a")
    assert record.signal_mv[6, 77] == pytest.approx(record.signal_mv[6, [76, 78]].mean(), abs=1e-6)
    assert record.warnings == ("1 missing sample of V1 filled by a straight line",)


def test_a_lead_of_which_many_samples_are_invalid_is_left_out(tmp_path):
    samples = samples_like_an_ecg()
    samples[77:97, 6] = -32768
    record = read(write_wfdb(tmp_path / "a", samples))
    assert record.leads == (*LEADS[:6], *LEADS[7:])
    assert record.warnings == ("leads left out because of missing samples: V1 (0.2 of 10 s)",)


@pytest.mark.parametrize(("form", "bits"), [("508", 8), ("516", 16), ("524", 24)])
def test_compressed_formats_are_read(tmp_path, form, bits):
    samples = samples_like_an_ecg(leads=4)
    samples = np.clip(samples // 16, -120, 120) if bits == 8 else samples
    scaled = samples.astype(np.int32) << (32 - bits)
    subtype = f"PCM_{'S8' if bits == 8 else bits}"
    soundfile.write(tmp_path / "a.flac", scaled, 8000, subtype=subtype)
    (tmp_path / "a.flac").rename(tmp_path / "a.dat")
    lines = [f"a.dat {form} 1000(0)/mV {bits} 0 0 0 0 {lead}" for lead in LEADS[:4]]
    for length in ("1000", "0"):
        (tmp_path / "a.hea").write_text("\n".join([f"a 4 500 {length}", *lines]))
        np.testing.assert_allclose(read(tmp_path / "a").signal_mv, samples.T / 1000, rtol=1e-6)
    (tmp_path / "a.hea").write_text("\n".join(["a 4 500 1000000000000", *lines]))
    with pytest.raises(RecordError, match=r"a\.dat: too small for the 1000000000000 samples"):
        read(tmp_path / "a")


PACKED = {  # fields from the lowest bit on: sample, its first bit, its last bit + 1; None: a 0
    "212": [(0, 0, 8), (0, 8, 12), (1, 8, 12), (1, 0, 8)],
    "310": [None, (0, 0, 7), (0, 7, 10), (2, 0, 5), None, (1, 0, 7), (1, 7, 10), (2, 5, 10)],
    "311": [(0, 0, 10), (1, 0, 10), (2, 0, 10), None, None],
}


def pack(samples, fields):
    """Pack samples as the specification of a format draws them."""
    taken = 1 + max(field[0] for field in fields if field)
    padded = np.pad(samples.astype(np.int64), (0, -len(samples) % taken))
    packed, place = np.zeros(len(padded) // taken, np.int64), 0
    for field in fields:
        index, low, high = field or (0, 0, 0)
        packed |= ((padded[index::taken] >> low) & ((1 << (high - low)) - 1)) << place
        place += high - low or 1
    return packed.astype("<i8").view("u1").reshape(-1, 8)[:, : place // 8].tobytes()


@pytest.mark.parametrize("form", ["80", "160", "61", "8", *PACKED])
@pytest.mark.parametrize("time", [999, 1000, 1001])
def test_every_format_is_read_as_its_specification_says(tmp_path, form, time):
    samples = np.clip(samples_like_an_ecg(time=time, leads=1)[:, 0] // 8, -120, 120)
    stored = {
        "80": (samples + 128).astype("u1").tobytes(),
        "160": (samples.astype(int) + 32768).astype("<u2").tobytes(),
        "61": samples.astype(">i2").tobytes(),
        "8": np.diff(samples, prepend=samples[0]).astype("i1").tobytes(),
    }
    data = stored[form] if form in stored else pack(samples, PACKED[form])
    (tmp_path / "a.dat").write_bytes(data)
    line = f"a.dat {form} 1000(0)/mV 12 0 {samples[0]} 0 0 I"
    (tmp_path / "a.hea").write_text(f"a 1 500 {time}\n{line}\n")
    np.testing.assert_allclose(read(tmp_path / "a").signal_mv[0], samples / 1000, rtol=1e-6)


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
