"""Reader of tables: any separator, decimal sign, header, encoding and clock."""

import time

import numpy as np
import pandas as pd
import pytest
from support.ecg_files import samples_like_an_ecg

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS

SIGNAL_MV = samples_like_an_ecg() / 1000
TIME_S = np.arange(1000) / 500


def table(header, columns, *, separator=",", sign=".", end="\n"):
    """Return the text of a table; the cells of a column may be numbers or texts."""
    cells = [[x if isinstance(x, str) else f"{x:.9g}" for x in column] for column in columns]
    rows = [[cell.replace(".", sign) for cell in row] for row in zip(*cells, strict=True)]
    lines = [separator.join(row) for row in ([header, *rows] if header else rows)]
    return end.join(lines) + end


def twelve(header=("time", *LEADS), times=TIME_S, **style):
    """Return the text of a table of twelve leads and times."""
    return table(list(header), [times, *SIGNAL_MV.T], **style)


def check(text, *, rate_hz=500.0, warnings=(), given=None, leads=LEADS):
    """Assert that a table holds the twelve leads."""
    record = read(text.encode() if isinstance(text, str) else text, **(given or {}))
    np.testing.assert_allclose(record.with_leads(LEADS).signal_mv, SIGNAL_MV.T, atol=1e-6)
    assert (record.leads, record.rate_hz) == (leads, rate_hz)
    assert record.warnings == tuple(warnings)


def refuse(text, message, **options):
    with pytest.raises(RecordError, match=message) as refused:
        read(text.encode() if isinstance(text, str) else text, **options)
    return str(refused.value)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   ", ", ", " ; "])
@pytest.mark.parametrize("sign", [".", ","])
def test_any_separator_and_decimal_sign(separator, sign):
    if "," in separator and sign == ",":
        return  # needs quotation marks, see below
    check(twelve(separator=separator, sign=sign))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", ",\n", ",,\n"])
def test_any_line_end(end):
    check(twelve(end=end))


@pytest.mark.parametrize("mark", ['"', "'"])
def test_cells_may_be_quoted(mark):
    quoted = [[f"{mark}{x}{mark}" for x in column] for column in (TIME_S, *SIGNAL_MV.T)]
    check(table([f"{mark}{name}{mark}" for name in ("time", *LEADS)], quoted))
    if mark == '"':
        with_commas = [[cell.replace(".", ",") for cell in column] for column in quoted]
        check(table(["time", *LEADS], with_commas))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_any_encoding(encoding):
    header = ["time", *(f"{lead} (µV)" for lead in LEADS)]
    check(table(header, [TIME_S, *SIGNAL_MV.T * 1000]).encode(encoding))


@pytest.mark.parametrize(
    "name",
    ["time", "Time", "t", "time_s", "Time (s)", "seconds", "time[sec]", "Elapsed time", "Zeit"],
)
def test_times_go_by_many_names(name):
    check(twelve([name, *LEADS]))
    check(table([*LEADS, name], [*SIGNAL_MV.T, TIME_S]))


@pytest.mark.parametrize(
    ("name", "per_second"),
    [("time_ms", 1e3), ("Time (ms)", 1e3), ("ms", 1e3), ("t [us]", 1e6), ("time/ms", 1e3)],
)
def test_times_may_be_in_smaller_units(name, per_second):
    check(twelve([name, *LEADS], TIME_S * per_second))


@pytest.mark.parametrize(("unit", "per_second"), [("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_the_unit_of_times_is_found_by_their_steps_and_said(unit, per_second):
    times = [f"{1.6e9 * per_second + x:.0f}" for x in TIME_S * per_second]
    check(twelve(["timestamp", *LEADS], times), warnings=[f"times taken as {unit} by their steps"])


def clock(seconds, form):
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return form.format(h=hour % 24, m=minute, s=second, f=milliseconds, M=minutes)


@pytest.mark.parametrize(
    "form",
    [
        "{h}:{m:02}:{s:02}.{f:03}",
        "{M}:{s:02}.{f:03}",
        "2021-05-01T{h:02}:{m:02}:{s:02}.{f:03}Z",
        "2021-05-01 {h:02}:{m:02}:{s:02}.{f:03}000+02:00",
        "01.05.2021 {h:02}:{m:02}:{s:02}.{f:03}",
        "{h:02}:{m:02}:{s:02}:{f:03}",
        "{h}:{m:02}:{s:02}.{f:03} PM",
        "'[{h:02}:{m:02}:{s:02}.{f:03} 01/05/2021]'",
    ],
)
def test_times_may_be_a_clock(form):
    start = 0 if form.startswith("{M}") else 3600
    check(twelve(times=[clock(start + x, form) for x in TIME_S]))


def test_a_clock_may_pass_midnight():
    check(twelve(times=[clock(86399 + x, "{h:02}:{m:02}:{s:02}.{f:03}") for x in TIME_S]))


@pytest.mark.parametrize(
    ("rate_hz", "digits"), [(360, 3), (128, 4), (1000, 3), (512, 3), (700, 3), (257, 2), (250, 0)]
)
def test_rounded_times_still_give_the_rate(rate_hz, digits):
    times = np.round(np.arange(2571) / rate_hz, digits)
    record = read(table(["time", "II"], [times, np.sin(times)]).encode())
    assert record.rate_hz == pytest.approx(rate_hz, rel=1e-3)
    assert record.signal_mv.shape == (1, 2571)


def test_times_may_jitter():
    jitter = np.random.default_rng(0).uniform(-5e-4, 5e-4, 1000)
    check(twelve(times=TIME_S + jitter), rate_hz=500)
    check(twelve(times=[f"{1.7e9 + x:.3f}" for x in TIME_S]))


def test_a_fractional_rate_is_kept(tmp_path):
    time_s = np.arange(1000) / 128.5
    pd.DataFrame({"time": time_s, "II": np.sin(time_s)}).to_csv(tmp_path / "a.csv", index=False)
    assert (read(tmp_path / "a.csv").rate_hz, read(tmp_path / "a.csv").name) == (128.5, "a")


def test_rows_that_are_missing_are_filled_if_few_and_said():
    kept = np.delete(np.arange(1000), [300, 301, 700])
    record = read(table(["time", "I"], [TIME_S[kept], SIGNAL_MV[kept, 0]]).encode())
    assert (record.rate_hz, record.signal_mv.shape) == (500, (1, 1000))
    assert record.warnings == (
        "3 samples are missing between the rows of the table",
        "3 missing samples of I filled by a straight line",
    )
    np.testing.assert_allclose(record.signal_mv[0, kept], SIGNAL_MV[kept, 0], atol=1e-6)
    kept = np.delete(np.arange(1000), slice(300, 400))
    refuse(
        table(["time", "I"], [TIME_S[kept], SIGNAL_MV[kept, 0]]),
        r"every lead has gaps that are too long to be filled: I \(0\.2 of 2 s\)",
    )


@pytest.mark.parametrize(
    "times",
    [
        TIME_S[::-1],
        np.zeros(1000),
        np.random.default_rng(0).permutation(TIME_S),
        np.cumsum(np.random.default_rng(0).exponential(0.002, 1000)),
        np.where(np.arange(1000) == 999, 1e9, TIME_S),
    ],
    ids=["backwards", "standing", "shuffled", "random", "one far off"],
)
def test_uneven_times_are_refused(times):
    refuse(twelve(times=times), "the times do not rise in even steps")


@pytest.mark.parametrize("value", ["", "inf"])
def test_missing_times_are_refused(value):
    times = [f"{x:g}" for x in TIME_S]
    times[500] = value
    refuse(twelve(times=times), "1 times are missing")


def test_times_of_no_ecg_are_refused():
    refuse(twelve(["time (s)", *LEADS], TIME_S * 1000), r"the times rise by 2 s from row to row")
    refuse(twelve(times=TIME_S * 35), r"rise by 0\.07 \(no unit\).*25 Hz or more")


def test_without_times_the_rate_must_be_given():
    text = table(list(LEADS), SIGNAL_MV.T)
    refuse(text, "no sampling rate; give it in samples per second")
    check(text, rate_hz=250.0, given={"rate_hz": 250})
    refuse(twelve(), "rate of 500 Hz, which contradicts the 250 Hz", rate_hz=250)


@pytest.mark.parametrize("index", ["", "index", "Unnamed: 0", "sample", "#", "n", "whatever"])
def test_a_column_that_counts_rows_is_no_lead(index):
    counts = [f"{k}" for k in range(1000)]
    check(twelve([index, "time", *LEADS][1:]))
    text = table([index, "time", *LEADS], [counts, TIME_S, *SIGNAL_MV.T])
    check(text)
    check(table([index, *LEADS], [counts, *SIGNAL_MV.T]), given={"rate_hz": 500})


def test_an_index_without_a_name_may_lack_its_cell_in_the_header():
    lines = twelve().splitlines()
    text = "\n".join([lines[0], *(f"{k},{line}" for k, line in enumerate(lines[1:]))])
    check(text)


def test_one_row_per_lead():
    rows = [
        ["time", *map(str, TIME_S)],
        *([lead, *map(str, x)] for lead, x in zip(LEADS, SIGNAL_MV.T, strict=True)),
    ]
    for kept in (rows, rows[1:], [["lead", *map(str, range(1000))], *rows[1:]]):
        text = "\n".join(map(",".join, kept))
        check(text, given={} if kept is rows else {"rate_hz": 500})
    text = "\n".join(",".join(row[1:]) for row in rows[1:])
    record = read(text.encode(), rate_hz=500, leads=LEADS)
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV.T, atol=1e-6)


def test_a_table_without_a_header_has_unnamed_leads():
    backwards = table([], [TIME_S, *SIGNAL_MV.T[::-1]])
    check(backwards, given={"leads": LEADS[::-1]}, leads=LEADS[::-1])
    record = read(backwards.encode())
    assert record.leads == tuple(f"#{k}" for k in range(1, 13))
    assert record.warnings == ("the leads have no names; give them in order (--leads, leads=)",)
    record = read(table([], [TIME_S, *SIGNAL_MV.T]).encode())
    assert record.leads == LEADS
    assert "in which the limb leads agree" in record.warnings[0]


def test_a_single_column_is_a_lead():
    for text in (table(["II"], [SIGNAL_MV[:, 0]]), table(["II"], [SIGNAL_MV[:, 0]], sign=",")):
        record = read(text.encode(), rate_hz=500)
        np.testing.assert_allclose(record.signal_mv[0], SIGNAL_MV[:, 0], atol=1e-6)
        assert record.leads == ("II",)


@pytest.mark.parametrize(
    ("form", "scale"),
    [
        ("{} (uV)", 1000),
        ("{} [\N{MICRO SIGN}V]", 1000),
        ("{}_uV", 1000),
        ("{} mV", 1),
        ("{}/V", 0.001),
    ]
    + [("Lead {} (mV)", 1), ("ECG {} [microvolts]", 1000), ("{}", 1)],
)
def test_units_in_the_header(form, scale):
    check(table(["time", *map(form.format, LEADS)], [TIME_S, *SIGNAL_MV.T * scale]))


def test_names_are_not_taken_for_units():
    header = ["t", "I", "II", "III", "aV R", "aV L", "aV F", *(f"V {k}" for k in range(1, 7))]
    check(table(header, [TIME_S, *SIGNAL_MV.T]))


def test_a_row_of_units_below_the_header():
    text = table(
        ["'Elapsed time'", *LEADS],
        [["'hh:mm:ss.mmm'", *TIMES], *([["'uV'", *map(str, x)] for x in SIGNAL_MV.T * 1000])],
    )
    check(text)


TIMES = [clock(x, "'{M}:{s:02}.{f:03}'") for x in TIME_S]


@pytest.mark.parametrize("unit", ["Unit,µV", "# unit: uV", "Units = microvolts"])
def test_a_unit_above_the_table(unit):
    check(unit + "\n" + table(["time", *LEADS], [TIME_S, *SIGNAL_MV.T * 1000]))


def test_a_given_unit_counts_where_the_table_has_none():
    text = table(["time", "I (mV)", *LEADS[1:]], [TIME_S, SIGNAL_MV[:, 0], *SIGNAL_MV.T[1:] * 1000])
    check(text, given={"units": "uV"})
    text = table(["time", *LEADS], [TIME_S, *SIGNAL_MV.T * 1e5])
    refuse(text, r"the file names no unit, and in mV .* mV is beyond any ECG.*Give it \(--units")


@pytest.mark.parametrize(
    "line",
    [
        "Sampling rate: 500 Hz",
        "# rate: 500",
        "fs=500",
        "Sample Rate,500 hertz",
        "SamplingFrequency;500.0",
    ]
    + ["% Sampling Frequency (Hz) = 500", "[Header]\nSampleRate=500"]
    + ["Filter 0.05-150 Hz, sampled at 500 Hz"],
)
def test_a_rate_above_the_table(line):
    text = f"Patient;Miller\n{line}\n\n" + table(list(LEADS), SIGNAL_MV.T)
    check(text)


def test_lines_above_and_below_the_table_are_no_samples():
    text = "# device: X200\nName, Miller\nAge,51\n" + twelve() + "end of file\nMiller 1950,\n"
    check(text, warnings=[FOOTER.format(2)])
    check(twelve() + "0.5,0.1,0.1", warnings=[FOOTER.format(1)])  # cut short


FOOTER = "the last {} rows of the table hold no complete sample and were left out"


def test_columns_that_are_no_leads_are_left_out_and_said():
    columns = [
        TIME_S,
        *SIGNAL_MV.T,
        ["SR"] * 1000,
        SIGNAL_MV[:, 0],
        98 + TIME_S,
        SIGNAL_MV[:, 1],
        [""] * 1000,
    ]
    header = ["time", *LEADS, "rhythm", "class_id", "SpO2 (%)", "Resp (mV)", "empty"]
    check(
        table(header, columns),
        warnings=[
            "columns left out, holding text: rhythm",
            "columns left out, being no ECG lead: class_id, empty",
            "channels left out, being no ECG lead in volts: SpO2 (%), Resp (mV)",
        ],
    )


@pytest.mark.parametrize("word", ["", "NaN", "nan", "NA", "null", "-", "#N/A", "missing"])
def test_missing_cells_are_filled_and_said(word):
    columns = [[f"{x:.9g}" for x in column] for column in SIGNAL_MV.T]
    columns[3][500:503] = 3 * [word]
    record = read(table(["time", *LEADS], [TIME_S, *columns]).encode())
    assert record.warnings == ("3 missing samples of aVR filled by a straight line",)
    expected = np.interp([500, 501, 502], [499, 503], SIGNAL_MV[[499, 503], 3])
    np.testing.assert_allclose(record.signal_mv[3, 500:503], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n,,\n", "unknown file format|not a table of numbers: it is empty"),
        ("time,I\n", "not a table of numbers: no column holds numbers"),
        ("Dear doctor,\nthis is a letter.\n", "not a table of numbers: no column holds numbers"),
        ("time,I\n0,1\n", "not a table of numbers: no column holds numbers"),
        ("time,I\n" + 9 * "0,1\n" + "0\n" + 9 * "0,1\n", "row 11 has 1 cells; expected 2"),
        ("time,I\n" + 9 * "0,1\n" + "\n0,1,5\n" + 9 * "0,1\n", "row 12 has 3 cells; expected 2"),
        ("time,I\n" + 9 * "0,1\n" + "0,one\n" + 9 * "0,1\n", "row 11 column 2 is not a number"),
        ("I,II\n" + 9 * "0,1,2,3\n", "4 cells in its rows and 2 in its header"),
        ("I,II\n" + 9 * "0,1\n", "no sampling rate"),
        ("time,I (mmHg)\n0,1\n0.002,1\n", r"no ECG lead in volts; found I \(mmHg\)"),
        ("\n".join(100 * [",".join(100 * ["1"])]), "100 columns of numbers; expected one ECG"),
        ("time,rhythm\n0,SR\n0.002,SR\n", "no ECG lead in volts; found no channel"),
        ("time,I\n0,1\n0.002,inf\n", r"invalid samples \(NaN or infinite\) in I"),
        ("time,I\n0,1\n0.002,1e300\n", r"invalid samples \(NaN or infinite\) in I"),
        ("time,I (V)\n0,1\n0.002,1e307\n", r"invalid samples \(NaN or infinite\) in I"),
        ("time,I\n0,\0\n0.002,1\n", "unknown file format"),
        (f'time,I\n0,"{200_000 * "1"}"\n', "not a table of numbers"),
    ],
)
def test_a_text_that_is_no_ecg_is_refused(text, message):
    refuse(text, message)


@pytest.mark.parametrize(
    "text",
    [
        "time,I\n" + 9 * "0,1\n" + "Miller 1950,\n" + 9 * "0,1\n",
        "Name: Miller,I\n0,1\n0.002,1\n",
        "Miller,1950-01-01\n" + 30 * "Miller,x\n",
        "Patient name;Miller\n" + table(["I"], [SIGNAL_MV[:, 0]]),
    ],
)
def test_no_error_shows_a_cell_that_may_name_a_person(text):
    assert "Miller" not in refuse(text, ".")


def test_a_long_table_is_read_in_little_memory_and_time():
    rows = 200_000
    text = "time,I,II\n" + "".join(
        f"{k / 500:.3f},{k % 7 / 10},{k % 5 / 10}\n" for k in range(rows)
    )
    start = time.process_time()
    record = read(text.encode())
    assert record.signal_mv.shape == (2, rows)
    assert time.process_time() - start < 3
