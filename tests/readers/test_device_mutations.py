"""Damaged device files: thousands of them give a Record or a RecordError, quickly."""

import re
import time

import numpy as np
import pytest
from support import xml_ecgs
from support.binary_ecgs import dicom, dicom_group, edf, ishne
from support.scp_writer import ScpFile, table_of

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
NUMBERS = (b"", b"0", b"-1", b"1e999", b"nan", b"65536", b"2147483648", b"9" * 20, b"1e-300")
WORDS = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\0\0\0\x80", b"\0\0\1\0")


def heart(leads=EIGHT, samples=600):
    rng = np.random.default_rng(len(leads))
    rows = rng.normal(0, 50, (len(leads), samples)) + 300 * (np.arange(samples) % 250 == 100)
    return np.rint(rows).astype(np.int64)


EIGHT_ROWS, TWELVE_ROWS = heart(), heart(LEADS)
BEATS = tuple((0, 61 + 250 * k, 101 + 250 * k, 170 + 250 * k) for k in range(2))


def scp(**settings):
    return ScpFile(rows=EIGHT_ROWS, leads=EIGHT, checksums=False, **settings).to_bytes()


FILES = {
    "DICOM": dicom(dicom_group(EIGHT_ROWS, EIGHT, WaveformPaddingValue=b"\0\x80")),
    "EDF": edf(EIGHT_ROWS, EIGHT),
    "BDF": edf(EIGHT_ROWS, EIGHT, width=3, kind="BDF+C", step=1),
    "ISHNE": ishne(EIGHT_ROWS, EIGHT),
    "MUSE": xml_ecgs.muse(EIGHT_ROWS, EIGHT, crc=lambda data: 0),
    "CardioSoft": xml_ecgs.cardiosoft(TWELVE_ROWS, LEADS),
    "CardioSoft, disclosed": xml_ecgs.cardiosoft_disclosure(TWELVE_ROWS, LEADS),
    "Schiller": xml_ecgs.schiller(TWELVE_ROWS, LEADS),
    "Mortara": xml_ecgs.mortara(TWELVE_ROWS, LEADS),
    "aECG": xml_ecgs.aecg(TWELVE_ROWS, LEADS),
    "Philips": xml_ecgs.philips(TWELVE_ROWS, LEADS).decode("utf-16").encode(),
    "Philips, UTF-16": xml_ecgs.philips(TWELVE_ROWS, LEADS),
    "SCP": scp(),
    "SCP, 16 bits": scp(code=None, tables=None),
    "SCP, own table": scp(
        code=lambda number: "1" + f"{number & 0xFFFF:016b}",
        tables=table_of([("0", 0, 0), ("1", 16, 0)]),
    ),
    "SCP, beats": scp(
        beat=EIGHT_ROWS[:, 59:179], beat_fiducial=42, beats=BEATS, protected=((95, 110),) * 2,
        factor=2,
    ),
}  # fmt: skip


def mutate(data, rng):
    """One to five changes: bits, bytes, words, numbers in text, cuts, insertions, copies."""
    changed = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        reach = len(changed) if rng.random() < 0.5 else min(len(changed), 3000)
        at = int(rng.integers(0, max(1, reach)))
        kind = rng.integers(0, 8)
        if kind == 0:
            changed[at : at + 1] = rng.bytes(1)
        elif kind == 1:
            changed[at : at + 1] = bytes(
                b ^ 1 << int(rng.integers(0, 8)) for b in changed[at : at + 1]
            )
        elif kind == 2:
            del changed[at : at + int(rng.integers(1, 50))]
        elif kind == 3:
            changed[at:at] = rng.bytes(int(rng.integers(1, 20)))
        elif kind == 4:
            changed[at : at + 4] = rng.choice(WORDS)
        elif kind == 5:
            del changed[at + 1 :]
        elif kind == 6:
            found = [m.span() for m in re.finditer(rb"\d+\.?\d*", changed[at : at + 2000])]
            if found:
                start, end = rng.choice(found)
                changed[at + start : at + end] = rng.choice(NUMBERS)
        else:
            other = int(rng.integers(0, len(changed) or 1))
            changed[at : at + 64] = changed[other : other + 64]
    return bytes(changed)


def outcome(data):
    """The Record or the RecordError of a file; any other error fails the test."""
    try:
        return read(data)
    except RecordError as error:
        return error


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_gives_a_record_or_a_record_error(name):
    assert read(FILES[name]).leads
    rng = np.random.default_rng(len(name))
    for _ in range(150):
        data = mutate(FILES[name], rng)
        start = time.process_time()
        result = outcome(data)
        assert time.process_time() - start < 5
        if isinstance(result, RecordError):
            assert not isinstance(result.__cause__, MemoryError | RecursionError)
            assert not [word for word in ("Doe", "Jane", "4711") if word in str(result)]
        else:
            assert np.isfinite(result.signal_mv).all()
