"""Files to records: equal to wfdb where it reads them, and a clear word where they are damaged."""

import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from support.ecg_files import change_text, samples_like_an_ecg, write_wfdb

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS

with warnings.catch_warnings(action="ignore"):  # wfdb does what pandas 3 deprecates
    import wfdb

NAMES = [lead.upper() for lead in LEADS]


def by_wfdb(stem):
    """What the library makes of it: (leads, time) and the names of the leads."""
    signal, fields = wfdb.rdsamp(str(stem))
    assert set(fields["units"]) == {"mV"}
    return signal.T.astype(np.float32), fields["sig_name"]


def test_real_records_are_read_as_wfdb_reads_them(ptbxl_some, shared):
    ptbxl = sorted((ptbxl_some / "records100").rglob("*.hea"))[10::60]
    ludb = sorted((shared / "ludb" / "data").glob("*.hea"))[5::20]
    for header, rate_hz in [*((path, 100) for path in ptbxl), *((path, 500) for path in ludb)]:
        record = read(header)
        signal_mv, _ = by_wfdb(header.with_suffix(""))
        np.testing.assert_array_equal(record.signal_mv, signal_mv)
        assert (record.leads, record.rate_hz, record.name) == (LEADS, rate_hz, header.stem)
        assert record.duration_s == 10


def test_age_and_sex_are_those_in_ludbs_headers(shared):
    record = read(shared / "ludb" / "data" / "1")
    assert (record.age_years, record.sex) == (51, "female")


def test_a_record_may_be_named_with_or_without_its_suffix(tmp_path):
    write_wfdb(tmp_path / "a.b", samples_like_an_ecg())
    signals = [read(tmp_path / name).signal_mv for name in ("a.b", "a.b.hea", "a.b.dat", "a.b.DAT")]
    for signal in signals:
        np.testing.assert_array_equal(signal, samples_like_an_ecg().T / np.float32(1000))
    assert read(str(tmp_path / "a.b")).name == "a.b"


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
def test_of_the_comments_only_age_and_sex_are_kept(tmp_path, comment, age_years, sex):
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
    np.testing.assert_array_equal(record.signal_mv, by_wfdb(tmp_path / "a")[0])
    np.testing.assert_allclose(record.signal_mv, signal_mv.T, atol=0.51 / gain)
    assert (record.rate_hz, record.leads) == (250, LEADS)


@pytest.fixture
def two_files(tmp_path):
    """Six leads in a file of format 16, six in one of 212, each with a gain of its own."""
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


def test_leads_may_lie_in_several_files_with_gains_and_units_of_their_own(two_files):
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
    """Two that differ in gain, unit and order of leads; their samples are in 0.5 and 1 µV."""
    parts = [samples_like_an_ecg(seed=seed) for seed in (1, 2)]
    write_wfdb(tmp_path / "b", parts[0], gain="2000(0)/mV")
    write_wfdb(tmp_path / "c", parts[1][:, ::-1], gain="1(0)/uV", leads=NAMES[::-1])
    (tmp_path / "a.hea").write_text("a/2 12 100 2000\nb 1000\nc 1000\n# age: 61\n")
    return tmp_path, parts


def test_each_segment_has_a_gain_a_unit_and_an_order_of_its_own(segments):
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
    ("header", "said"),
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
def test_segments_that_do_not_make_one_ecg_are_refused(segments, header, said):
    folder, (first, _) = segments
    write_wfdb(folder / "f", first[:, :11], leads=NAMES[:11])
    (folder / "a.hea").write_text(header)
    with pytest.raises(RecordError, match=said):
        read(folder / "a")


@pytest.mark.parametrize("header", ["a/2 12 100", "a/2 12 100 0", "a/2 12 100 2000 10:00:00"])
def test_the_length_of_all_segments_need_not_be_promised(segments, header):
    folder, _ = segments
    (folder / "a.hea").write_text(f"{header}\nb 1000\nc 1000\n")
    assert read(folder / "a").signal_mv.shape == (12, 2000)


def test_a_segment_that_only_says_which_leads_there_are_is_passed_over(segments):
    folder, _ = segments
    whole = read(folder / "a").signal_mv
    (folder / "a.hea").write_text("a/3 12 100 2000\na_layout 0\nb 1000\nc 1000\n")
    np.testing.assert_array_equal(read(folder / "a").signal_mv, whole)


SIGNAL = "a.dat 16 1000(0)/mV 16 0 0 0 0 I"


@pytest.mark.parametrize(
    ("header", "said"),
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
def test_what_a_header_does_not_say_is_not_guessed(tmp_path, header, said):
    np.zeros(1000, "<i2").tofile(tmp_path / "a.dat")
    (tmp_path / "a.hea").write_text(header)
    with pytest.raises(RecordError, match=f"a: {said}"):
        read(tmp_path / "a")


@pytest.mark.parametrize(
    "header",
    [
        f"a 1 100/360.5(0) 1000 10:00:00\n{SIGNAL}\n",
        "# one\n a 1 100. 1000 # two\n # three\na.dat 16 1e3/mV 16 0 0 0 0 I\n",
        "a 1 100\na.dat 16 1000.\n",
    ],
)
def test_a_header_says_its_rate_and_its_gain_in_several_ways(tmp_path, header):
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


def test_a_lead_of_more_samples_a_frame_is_brought_to_the_others(tmp_path):
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


def test_a_changed_file_fails_its_checksum_in_the_library_too(two_files):
    stem, _ = two_files
    data = bytearray(stem.with_name("chest.dat").read_bytes())
    data[300] ^= 1
    stem.with_name("chest.dat").write_bytes(bytes(data))
    with pytest.raises(RecordError, match="a: a lead fails its checksum"):
        read(stem)


@pytest.mark.parametrize("damage", ["missing", "short", "empty"])
def test_a_damaged_file_is_said_by_the_library_too(two_files, damage):
    stem, _ = two_files
    data = stem.with_name("limb.dat")
    kept = data.read_bytes()[: {"missing": 0, "short": 7000, "empty": 0}[damage]]
    data.unlink()
    if damage != "missing":
        data.write_bytes(kept)
    with pytest.raises(RecordError, match="a: not a WFDB record that can be read"):
        read(stem)


@pytest.mark.parametrize("unit", ["mmHg", "NU", "adu", "mV/s"])
def test_a_unit_that_is_no_voltage_is_refused(tmp_path, two_files, unit):
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


def test_a_sample_that_was_marked_invalid_is_refused_with_its_lead(tmp_path):
    samples = samples_like_an_ecg()
    samples[77, 6] = -32768
    write_wfdb(tmp_path / "a", samples)
    with pytest.raises(RecordError, match="a: V1 hold samples that are no number"):
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


def test_any_bytes_as_a_header_give_a_record_or_a_record_error(tmp_path):
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


@pytest.mark.parametrize("name", ["none", "none.hea", "none.csv", "none.npz", "none.txt"])
def test_a_file_that_is_not_there_is_said(tmp_path, name):
    with pytest.raises(RecordError, match="no such (file|ECG)"):
        read(tmp_path / name)


def test_what_is_there_and_no_ecg_is_called_what_it_is(tmp_path):
    (tmp_path / "a.xml").write_text("<ecg/>")
    with pytest.raises(RecordError, match="a kind of file that is not read; needed: a WFDB"):
        read(tmp_path / "a.xml")
    with pytest.raises(RecordError, match="it is a folder, not one ECG; needed: a WFDB"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", ["", ".hea", ".csv", ".npz"])
def test_a_path_that_the_system_refuses_is_an_ecg_that_cannot_be_read(tmp_path, suffix):
    with pytest.raises(RecordError, match="cannot be read: File name too long"):
        read(tmp_path / f"{300 * 'x'}{suffix}")


# CSV


def write_csv(path, header, table, *, digits=9):
    lines = [",".join(header), *(",".join(f"{x:.{digits}g}" for x in row) for row in table)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


SIGNAL_MV = samples_like_an_ecg() / 1000
TIME_S = np.arange(1000) / 500


@pytest.mark.parametrize("time", ["time", "Time", "t", "time_s", "Time (s)", "seconds"])
def test_a_table_with_a_column_a_lead(tmp_path, time):
    path = write_csv(tmp_path / "a17.csv", [*NAMES, time], np.column_stack([SIGNAL_MV, TIME_S]))
    record = read(path)
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV.T, atol=1e-6)
    assert (record.leads, record.rate_hz, record.name) == (LEADS, 500, "a17")


def test_units_in_the_header_are_obeyed(tmp_path):
    header = ["time", "I (uV)", "II [\N{MICRO SIGN}V]", "V1 (mV)", "Lead V2 [V]", "V3"]
    table = np.column_stack([TIME_S, SIGNAL_MV[:, :5] * [1000, 1000, 1, 0.001, 1]])
    record = read(write_csv(tmp_path / "a.csv", header, table))
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV[:, :5].T, atol=1e-6)
    assert record.leads == ("I", "II", "V1", "V2", "V3")
    with pytest.raises(RecordError, match="unit 'mmHg' is not a voltage"):
        read(write_csv(tmp_path / "b.csv", ["time", "I (mmHg)"], table[:, :2]))


def test_what_spreadsheets_add_does_no_harm(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["time", "I"], np.column_stack([TIME_S, SIGNAL_MV[:, 0]]))
    text = "\N{ZERO WIDTH NO-BREAK SPACE}" + path.read_text().replace("\n", "\r\n") + "\r\n\r\n"
    path.write_bytes(text.encode())
    np.testing.assert_allclose(read(path).signal_mv[0], SIGNAL_MV[:, 0], atol=1e-6)


@pytest.mark.parametrize(("rate_hz", "digits"), [(360, 3), (128, 4), (1000, 3)])
def test_the_rate_is_found_though_the_times_are_rounded(tmp_path, rate_hz, digits):
    times = np.round(np.arange(2571) / rate_hz, digits)
    record = read(write_csv(tmp_path / "a.csv", ["time", "I"], np.column_stack([times, times])))
    assert record.rate_hz == pytest.approx(rate_hz, rel=1e-3)


def uneven(change):
    times = TIME_S.copy()
    change(times)
    return times


@pytest.mark.parametrize(
    "times",
    [
        uneven(lambda t: t.__setitem__(slice(400, None), t[400:] + 0.002)),
        uneven(lambda t: t.__setitem__(500, np.nan)),
        uneven(lambda t: t.__setitem__(999, np.inf)),
        np.round(np.arange(1000) / 257, 2),
        TIME_S[::-1],
        np.zeros(1000),
        np.random.default_rng(0).permutation(TIME_S),
    ],
    ids=["gap", "nan", "infinite", "rounded away", "backwards", "standing", "shuffled"],
)
def test_a_time_that_does_not_run_evenly_is_refused(tmp_path, times):
    path = write_csv(tmp_path / "a.csv", ["time", "I"], np.column_stack([times, SIGNAL_MV[:, 0]]))
    with pytest.raises(RecordError, match="does not rise in even steps of seconds"):
        read(path)


def test_a_time_in_milliseconds_is_not_taken_for_seconds(tmp_path):
    table = np.column_stack([1000 * TIME_S, SIGNAL_MV[:, 0]])
    with pytest.raises(RecordError, match="rises by 2 s a row; is it in seconds"):
        read(write_csv(tmp_path / "a.csv", ["time", "I"], table))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a table of numbers: it is empty"),
        ("\n,,\n", "not a table of numbers: it is empty"),
        ("time,I\n", "needed: a header and rows of 2 numbers"),
        ("time,I\n0,1\n", "needed: a header and rows"),
        ("time,I\n0,1\n0.002\n", "row 3 has 1 cells; needed: .* rows of 2 numbers each"),
        ("time,I\n0,1\n\n0.002,1,5\n", "row 4 has 3 cells; needed: .* rows of 2 numbers each"),
        ("time,I\n\n0,1\n,\n0.002,one\n", "row 5, column 2 is none"),
        ("time,I\n0,1,5\n0.002,1,5\n", "rows of 2 numbers each"),
        ("time,I\n0,one\n0.002,two\n", "not a table of numbers: row 2, column 2 is none"),
        ("time;I\n0;1\n0,002;1\n", "parted by semicolons; needed: commas"),
        ("I,II\n0,1\n0.002,1\n", "one column 'time' in seconds; found none"),
        ("time,t,I\n0,0,1\n0.002,0.002,1\n", "one column 'time' in seconds; found 2"),
        ("time,I\n0,1\n0.002,\n", "I hold samples that are no number"),
        ("time,I\n0,1\n0.002,inf\n", "I hold samples that are no number"),
        ("time,I\n0,1\n0.002,1e300\n", "I hold samples that are no number"),
        ("time,I (V)\n0,1\n0.002,1e307\n", "I hold samples that are no number"),
        ("time,I\n0,\0\n0.002,1\n", "not a table of numbers"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, said):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordError, match=said):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "text",
    ["time,I\n0,1\n0.002,1\nMiller 1950,\n", "Name: Miller,I\n0,1\n0.002,1\n"],
)
def test_no_error_shows_a_cell_that_may_name_a_person(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordError) as refused:
        read(tmp_path / "a.csv")
    assert "Miller" not in str(refused.value)


def test_rows_without_content_are_no_samples(tmp_path):
    table = np.column_stack([TIME_S, SIGNAL_MV[:, 0]])
    path = write_csv(tmp_path / "a.csv", ["time", "I"], table)
    expected = read(path).signal_mv
    path.write_text("\n,\n" + path.read_text() + ",\n , \n\n")
    np.testing.assert_array_equal(read(path).signal_mv, expected)


def test_other_bytes_are_no_table(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"time,I\n\xff\xfe,1\n")
    with pytest.raises(RecordError, match="not a table of numbers"):
        read(tmp_path / "a.csv")


# NPZ


def test_an_npz_is_read_with_its_leads_or_the_twelve(tmp_path):
    signal_mv = SIGNAL_MV.T.astype(np.float32)
    np.savez(tmp_path / "a.npz", signal_mv=signal_mv, rate_hz=500)
    np.savez_compressed(tmp_path / "b.npz", signal_mv=signal_mv, rate_hz=500, leads=NAMES[::-1])
    whole, named = read(tmp_path / "a.npz"), read(tmp_path / "b.npz")
    np.testing.assert_array_equal(whole.signal_mv, signal_mv)
    np.testing.assert_array_equal(named.with_leads(LEADS).signal_mv, signal_mv[::-1])
    assert (whole.rate_hz, whole.leads, whole.name) == (500, LEADS, "a")


GOOD = {"signal_mv": np.zeros((12, 1000), np.float32), "rate_hz": 500}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"signal_mv": None}, "needed: signal_mv, rate_hz and leads; .*signal_mv"),
        ({"rate_hz": None}, "rate_hz"),
        ({"signal_mv": np.zeros((1000, 12))}, "has shape"),
        ({"signal_mv": np.zeros(1000)}, "has shape"),
        ({"signal_mv": np.zeros((12, 0))}, "has shape"),
        ({"signal_mv": np.full((12, 9), "x")}, "not an NPZ file"),
        ({"signal_mv": np.full((12, 9), 1e300)}, "no number"),
        ({"rate_hz": [500, 500]}, "not an NPZ file"),
        ({"rate_hz": "fast"}, "not an NPZ file"),
        ({"rate_hz": -1}, "above 0"),
        ({"leads": 3}, "not an NPZ file"),
        ({"leads": NAMES[:5]}, "has shape"),
    ],
)
def test_an_npz_of_something_else_is_refused(tmp_path, change, said):
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(RecordError, match=said):
        read(tmp_path / "a.npz")


class Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return open, (str(self.proof), "w")


@pytest.mark.parametrize("name", ["signal_mv", "rate_hz", "leads"])
def test_nothing_is_unpickled(tmp_path, name):
    trap = np.array([Trap(tmp_path / "was-run")], dtype=object)
    np.savez(tmp_path / "a.npz", **{**GOOD, name: trap})
    with pytest.raises(RecordError, match="not an NPZ file"):
        read(tmp_path / "a.npz")
    assert not (tmp_path / "was-run").exists()


def test_a_damaged_npz_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    rng = np.random.default_rng(0)
    np.savez_compressed(path, signal_mv=rng.normal(size=(12, 1000)), rate_hz=500)
    good = path.read_bytes()
    for size in (0, 3, 100, len(good) // 2, len(good) - 10):
        path.write_bytes(good[:size])
        with pytest.raises(RecordError, match="not an NPZ file"):
            read(path)
    for place in range(20, 20000, 999):
        path.write_bytes(good[:place] + bytes(40) + good[place + 40 :])
        with pytest.raises(RecordError, match="not an NPZ file"):
            read(path)


def test_an_npz_that_promises_too_much_or_is_locked_is_refused(tmp_path):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 900000000000), }"
    magic = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("signal_mv.npy", magic + header.encode() + b"\n")
    with pytest.raises(RecordError, match="not an NPZ file"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", **GOOD)
    data = bytearray((tmp_path / "b.npz").read_bytes())
    data[6] |= 1  # the flag of an encrypted part, here and in the table of contents
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.npz").write_bytes(bytes(data))
    with pytest.raises(RecordError, match="not an NPZ file.*password"):
        read(tmp_path / "b.npz")


def test_an_npy_that_is_called_npz_is_refused(tmp_path):
    with (tmp_path / "a.npz").open("wb") as file:
        np.save(file, np.zeros((12, 1000)))
    with pytest.raises(RecordError, match="not an NPZ file"):
        read(tmp_path / "a.npz")


def test_a_rate_that_is_no_whole_number_is_kept(tmp_path):
    file = tmp_path / "a.csv"
    time_s = np.arange(1000) / 128.5
    pd.DataFrame({"time": time_s, "II": np.sin(time_s)}).to_csv(file, index=False)
    assert read(file).rate_hz == 128.5
