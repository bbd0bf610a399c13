"""SCP-ECG: every way in which the standard stores samples, by an independent writer."""

import struct

import numpy as np
import pytest
from support.scp_writer import ScpFile, default_code, fact, pack, table_of

from ecgcam.errors import RecordError
from ecgcam.readers.read import read, read_details

LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def heart(samples=1000, *, spike=400):
    """Rows in steps with small, medium and large jumps, so that every kind of code occurs."""
    time = np.arange(samples)
    rows = [
        60 * np.sin(time / (20 + k)) + spike * (k + 1) * (time % 250 == 100) + (k * time) % 3
        for k in range(len(LEADS))
    ]
    return np.rint(rows).astype(np.int64)


def check(file, tolerance_mv=1e-6):
    record = read(file.to_bytes())
    expected = file.rows * file.nanovolts * 1e-6
    rows = dict(zip(record.leads, record.signal_mv, strict=True))
    stored = np.array([rows[lead] for lead in file.leads])
    np.testing.assert_allclose(stored, expected, atol=tolerance_mv, rtol=1e-6)
    assert record.rate_hz == pytest.approx(1e6 / file.interval_us)
    return record


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("coded", [True, False])
def test_differences_of_each_order_with_and_without_huffman_codes(order, coded):
    tables = {} if coded else {"code": None, "tables": None}
    file = ScpFile(rows=heart(), leads=LEADS, order=order, **tables)
    assert read_details(file.to_bytes()).format == "SCP-ECG"
    assert not [w for w in check(file).warnings if "checksum" in w]


def test_no_tables_and_one_empty_code_both_mean_16_bit_samples():
    one_empty = struct.pack("<HHBBBhI", 1, 1, 0, 16, 1, 0, 0)
    for tables in (struct.pack("<H", 0), one_empty):
        check(ScpFile(rows=heart(), leads=LEADS, code=None, tables=tables, order=1))


def test_a_table_of_the_file_itself():
    codes = [("00", 0, 0), ("01", 0, 5), ("101", 0, -7), ("100", 4, 20), ("11", 16, 0)]
    known = {value: bits for bits, extra, value in codes if not extra}

    def code(number):
        if number in known:
            return known[number]
        if -8 <= number - 20 < 8:
            return "100" + f"{number - 20 & 0xF:04b}"
        return "11" + f"{number & 0xFFFF:016b}"

    check(ScpFile(rows=heart(), leads=LEADS, code=code, tables=table_of(codes)))


def test_a_code_switches_to_another_table():
    first = struct.pack("<HBBBhIBBBhI", 2, 1, 17, 1, 0, 0, 1, 1, 0, 2, 1)  # 0: number, 1: table 2
    second = struct.pack("<HBBBhIBBBhI", 2, 1, 9, 1, 100, 0, 1, 1, 0, 1, 1)  # 0: 100 + number
    state = [1]

    def code(number):
        wanted = 2 if -128 <= number - 100 < 128 else 1
        switch = "1" if wanted != state[0] else ""
        state[0] = wanted
        low = f"{number - 100 & 0xFF:08b}" if wanted == 2 else f"{number & 0xFFFF:016b}"
        return switch + "0" + low

    tables = struct.pack("<H", 2) + first + second
    rows = heart()[:1]  # each lead starts with table 1
    check(ScpFile(rows=rows, leads=LEADS[:1], order=0, code=code, tables=tables))


def reference_beat(rows, *, first=60, length=120):
    return rows[:, first - 1 : first - 1 + length]


def test_a_subtracted_reference_beat_is_added_where_it_was_subtracted():
    rows = heart()
    beats = tuple((0, 61 + 250 * k, 101 + 250 * k, 170 + 250 * k) for k in range(4))
    other = (1, 200, 210, 240)  # a beat of another type keeps its own shape
    file = ScpFile(
        rows=rows,
        leads=LEADS,
        beat=reference_beat(rows),
        beat_fiducial=42,
        beats=(*beats[:2], other, beats[3]),
        protected=((95, 110),) * 4,
    )
    assert np.abs(file.residual()).sum() < 0.9 * np.abs(rows).sum()
    check(file)


def test_the_reference_beat_may_have_steps_of_its_own():
    rows = heart() * 2
    beats = tuple((0, 61 + 250 * k, 101 + 250 * k, 170 + 250 * k) for k in range(4))
    file = ScpFile(
        rows=rows, leads=LEADS, nanovolts=1250, beat=reference_beat(rows) // 2, beat_fiducial=42,
        beats=beats, protected=((95, 110),) * 4, beat_nanovolts=2500,
    )  # fmt: skip
    check(file)


@pytest.mark.parametrize("factor", [2, 4])
def test_decimation_between_the_beats_is_undone(factor):
    time = np.arange(1000)
    slow = 100 * np.sin(2 * np.pi * time / 500)
    rows = np.rint([slow * (k + 1) / 4 + 300 * (time % 250 == 102) for k in range(8)])
    zones = tuple((97 + 250 * k, 112 + 250 * k) for k in range(4))
    beats = tuple((0, 61 + 250 * k, 103 + 250 * k, 170 + 250 * k) for k in range(4))
    file = ScpFile(
        rows=rows, leads=LEADS, factor=factor, protected=zones, beats=beats,
        beat=np.zeros((8, 120), int), beat_fiducial=43,
    )  # fmt: skip
    record = check(file, tolerance_mv=0.04)  # of 2.5 µV steps, up to 0.5 mV in 125 samples
    spikes = record.signal_mv[:, 102::250]
    np.testing.assert_allclose(spikes, rows[:, 102::250] * 0.0025, atol=1e-6)
    assert record.signal_mv.shape[1] == 1000


def test_leads_that_start_later_are_placed_in_time():
    file = ScpFile(rows=heart(600), leads=LEADS, starts=(1,) * 7 + (5,))
    record = read(file.to_bytes())
    assert record.signal_mv.shape[1] == 604
    rows = dict(zip(record.leads, record.signal_mv, strict=True))
    np.testing.assert_allclose(rows["I"][:600], file.rows[0] * 0.0025, atol=1e-6)
    np.testing.assert_allclose(rows["V6"][4:], file.rows[7] * 0.0025, atol=1e-6)
    assert any("missing samples" in warning for warning in record.warnings)


def test_age_sex_and_filters_are_kept_and_the_name_is_not():
    facts = (
        fact(0, b"Doe\0")
        + fact(1, b"Jane\0")
        + fact(2, b"ID-4711\0")
        + fact(5, struct.pack("<HBB", 1950, 6, 15))
        + fact(8, b"\x02")
        + fact(25, struct.pack("<HBB", 2010, 6, 14))
        + fact(27, struct.pack("<H", 5))
        + fact(28, struct.pack("<H", 150))
        + fact(29, b"\x02")
    )
    record = read(ScpFile(rows=heart(), leads=LEADS, facts=facts).to_bytes())
    assert (record.age_years, record.sex) == (59, "female")
    assert record.filters == "high-pass 0.05 Hz, low-pass 150 Hz, notch 50 Hz"
    assert not any(word in repr(record) for word in ("Doe", "Jane", "4711"))
    facts = fact(4, struct.pack("<HB", 18, 2))  # months
    assert read(ScpFile(rows=heart(), leads=LEADS, facts=facts).to_bytes()).age_years == 1.5


def test_one_damaged_section_is_refused_and_a_device_without_valid_checksums_is_not():
    whole = bytearray(ScpFile(rows=heart(), leads=LEADS).to_bytes())
    whole[-40] ^= 4
    with pytest.raises(RecordError, match="the checksum of section 6 fails"):
        read(bytes(whole))
    check(ScpFile(rows=heart(), leads=LEADS, checksums=False))


@pytest.mark.parametrize("cut", [140, 200, 1500, 3000])
def test_a_file_that_was_cut_short_is_refused(cut):
    data = ScpFile(rows=heart(), leads=LEADS).to_bytes()
    with pytest.raises(RecordError, match="cut short|expected"):
        read(data[:cut])


def test_samples_that_are_promised_and_absent_are_refused_before_memory_is_taken():
    file = ScpFile(rows=heart(), leads=LEADS, checksums=False)
    sections = file.sections()
    huge = bytearray(sections[3])
    struct.pack_into("<I", huge, 6, 2**31)
    file.extra = {3: bytes(huge)}
    with pytest.raises(RecordError, match="promises|bytes for"):
        read(file.to_bytes())
    file.extra = {6: sections[6][:30]}
    with pytest.raises(RecordError, match="bytes for|cut short"):
        read(file.to_bytes())


def test_the_codes_of_the_writer_are_those_of_the_standard():
    assert [default_code(k) for k in (0, 1, -1, 2, -8, 9, -200)] == [
        "0", "100", "101", "1100", "1111111101", "111111111000001001",
        "1111111111" + "1111111100111000",
    ]  # fmt: skip
    assert pack(["101"]) == b"\xa0\0"
