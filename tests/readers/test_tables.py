"""Readers of tables: CSV and NPZ."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from support.ecg_files import samples_like_an_ecg

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS

NAMES = [lead.upper() for lead in LEADS]


def write_csv(path, header, table, *, digits=9):
    lines = [",".join(header), *(",".join(f"{x:.{digits}g}" for x in row) for row in table)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


SIGNAL_MV = samples_like_an_ecg() / 1000
TIME_S = np.arange(1000) / 500


@pytest.mark.parametrize("time", ["time", "Time", "t", "time_s", "Time (s)", "seconds"])
def test_a_csv_has_one_column_per_lead(tmp_path, time):
    path = write_csv(tmp_path / "a17.csv", [*NAMES, time], np.column_stack([SIGNAL_MV, TIME_S]))
    record = read(path)
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV.T, atol=1e-6)
    assert (record.leads, record.rate_hz, record.name) == (LEADS, 500, "a17")


def test_units_in_the_header_are_applied(tmp_path):
    header = ["time", "I (uV)", "II [\N{MICRO SIGN}V]", "V1 (mV)", "Lead V2 [V]", "V3"]
    table = np.column_stack([TIME_S, SIGNAL_MV[:, :5] * [1000, 1000, 1, 0.001, 1]])
    record = read(write_csv(tmp_path / "a.csv", header, table))
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV[:, :5].T, atol=1e-6)
    assert record.leads == ("I", "II", "V1", "V2", "V3")
    with pytest.raises(RecordError, match=r"no ECG lead in volts; found I \(mmHg\)"):
        read(write_csv(tmp_path / "b.csv", ["time", "I (mmHg)"], table[:, :2]))


def test_additions_of_spreadsheet_programs_do_no_harm(tmp_path):
    path = write_csv(tmp_path / "a.csv", ["time", "I"], np.column_stack([TIME_S, SIGNAL_MV[:, 0]]))
    text = "\N{ZERO WIDTH NO-BREAK SPACE}" + path.read_text().replace("\n", "\r\n") + "\r\n\r\n"
    path.write_bytes(text.encode())
    np.testing.assert_allclose(read(path).signal_mv[0], SIGNAL_MV[:, 0], atol=1e-6)


@pytest.mark.parametrize(("rate_hz", "digits"), [(360, 3), (128, 4), (1000, 3)])
def test_rounded_times_still_give_the_rate(tmp_path, rate_hz, digits):
    times = np.round(np.arange(2571) / rate_hz, digits)
    record = read(write_csv(tmp_path / "a.csv", ["time", "I"], np.column_stack([times, times])))
    assert record.rate_hz == pytest.approx(rate_hz, rel=1e-3)


def changed_times(change):
    times = TIME_S.copy()
    change(times)
    return times


@pytest.mark.parametrize(
    "times",
    [
        changed_times(lambda t: t.__setitem__(slice(400, None), t[400:] + 0.002)),
        changed_times(lambda t: t.__setitem__(500, np.nan)),
        changed_times(lambda t: t.__setitem__(999, np.inf)),
        np.round(np.arange(1000) / 257, 2),
        TIME_S[::-1],
        np.zeros(1000),
        np.random.default_rng(0).permutation(TIME_S),
    ],
    ids=["gap", "nan", "infinite", "rounded away", "backwards", "standing", "shuffled"],
)
def test_uneven_times_are_refused(tmp_path, times):
    path = write_csv(tmp_path / "a.csv", ["time", "I"], np.column_stack([times, SIGNAL_MV[:, 0]]))
    with pytest.raises(RecordError, match="does not rise in even steps of seconds"):
        read(path)


def test_times_in_milliseconds_are_refused(tmp_path):
    table = np.column_stack([1000 * TIME_S, SIGNAL_MV[:, 0]])
    with pytest.raises(RecordError, match="rises by 2 per row; is it in seconds"):
        read(write_csv(tmp_path / "a.csv", ["time", "I"], table))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n,,\n", "not a table of numbers: it is empty"),
        ("time,I\n", "0 rows below the header; expected 2 or more rows of 2 numbers"),
        ("time,I\n0,1\n", "1 rows below the header"),
        ("time,I\n0,1\n0.002\n", "row 3 has 1 cells; expected 2"),
        ("time,I\n0,1\n\n0.002,1,5\n", "row 4 has 3 cells; expected 2"),
        ("time,I\n\n0,1\n,\n0.002,one\n", "row 5, column 2 is not a number"),
        ("time,I\n0,1,5\n0.002,1,5\n", "row 2 has 3 cells; expected 2"),
        ("time,I\n0,one\n0.002,two\n", "not a table of numbers: row 2, column 2 is not a number"),
        ("time;I\n0;1\n0,002;1\n", "semicolon-separated; expected commas"),
        ("I,II\n0,1\n0.002,1\n", "no columns of times; expected one column 'time'"),
        (
            "time,t,I\n0,0,1\n0.002,0.002,1\n",
            "2 columns of times; expected one column 'time'",
        ),
        ("time,I\n0,1\n0.002,inf\n", "invalid samples \\(NaN or infinite\\) in I"),
        ("time,I\n0,1\n0.002,1e300\n", "invalid samples \\(NaN or infinite\\) in I"),
        ("time,I (V)\n0,1\n0.002,1e307\n", "invalid samples \\(NaN or infinite\\) in I"),
    ],
)
def test_a_file_that_is_not_a_table_is_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(RecordError, match=message):
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


def test_blank_rows_are_skipped(tmp_path):
    table = np.column_stack([TIME_S, SIGNAL_MV[:, 0]])
    path = write_csv(tmp_path / "a.csv", ["time", "I"], table)
    expected = read(path).signal_mv
    path.write_text("\n,\n" + path.read_text() + ",\n , \n\n")
    np.testing.assert_array_equal(read(path).signal_mv, expected)


def test_bytes_that_are_not_text_are_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"time,I\n\xff\xfe,1\n")
    with pytest.raises(RecordError, match="not a table of numbers"):
        read(tmp_path / "a.csv")


def test_a_fractional_rate_is_kept(tmp_path):
    file = tmp_path / "a.csv"
    time_s = np.arange(1000) / 128.5
    pd.DataFrame({"time": time_s, "II": np.sin(time_s)}).to_csv(file, index=False)
    assert read(file).rate_hz == 128.5


def test_an_npz_has_named_leads_or_the_twelve(tmp_path):
    signal_mv = SIGNAL_MV.T.astype(np.float32)
    np.savez(tmp_path / "a.npz", signal_mv=signal_mv, rate_hz=500)
    np.savez_compressed(tmp_path / "b.npz", signal_mv=signal_mv, rate_hz=500, leads=NAMES[::-1])
    whole, named = read(tmp_path / "a.npz"), read(tmp_path / "b.npz")
    np.testing.assert_array_equal(whole.signal_mv, signal_mv)
    np.testing.assert_array_equal(named.with_leads(LEADS).signal_mv, signal_mv[::-1])
    assert (whole.rate_hz, whole.leads, whole.name) == (500, LEADS, "a")


GOOD = {"signal_mv": np.zeros((12, 1000), np.float32), "rate_hz": 500}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signal_mv": None}, "signal_mv is not a file in the archive; expected"),
        ({"rate_hz": None}, "rate_hz"),
        ({"signal_mv": np.zeros((1000, 12))}, "has shape"),
        ({"signal_mv": np.zeros(1000)}, "has shape"),
        ({"signal_mv": np.zeros((12, 0))}, "no ECG lead in volts"),
        ({"signal_mv": np.full((12, 9), "x")}, "not an NPZ file"),
        ({"signal_mv": np.full((12, 9), 1e300)}, "invalid samples"),
        ({"rate_hz": [500, 500]}, "not an NPZ file"),
        ({"rate_hz": "fast"}, "not an NPZ file"),
        ({"rate_hz": -1}, "above 0"),
        ({"leads": 3}, "has shape"),
        ({"leads": NAMES[:5]}, "has shape"),
    ],
)
def test_an_npz_without_an_ecg_is_refused(tmp_path, change, message):
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(RecordError, match=message):
        read(tmp_path / "a.npz")


class Trap:
    """Object that creates a file when it is unpickled."""

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
        with pytest.raises(RecordError):
            read(path)
    for place in range(20, 20000, 999):
        path.write_bytes(good[:place] + bytes(40) + good[place + 40 :])
        with pytest.raises(RecordError, match="not an NPZ file|a ZIP archive"):
            read(path)


def test_an_npz_that_is_too_large_or_encrypted_is_refused(tmp_path):
    header = "{'descr': '<f4', 'fortran_order': False, 'shape': (12, 900000000000), }"
    magic = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("signal_mv.npy", magic + header.encode() + b"\n")
        for name, value in {"rate_hz": 500, "leads": np.array(NAMES)}.items():
            with file.open(f"{name}.npy", "w") as entry:
                np.save(entry, value)
    with pytest.raises(RecordError, match="not an NPZ file"):
        read(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", **GOOD)
    data = bytearray((tmp_path / "b.npz").read_bytes())
    data[6] |= 1  # the flag of an encrypted entry, here and in the archive's directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "b.npz").write_bytes(bytes(data))
    with pytest.raises(RecordError, match="not an NPZ file.*password"):
        read(tmp_path / "b.npz")
