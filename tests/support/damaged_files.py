"""Small files of every format, and random damage to them."""

import io
import re
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pandas as pd
import soundfile
from scipy.io import savemat

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS
from support import xml_ecgs
from support.binary_ecgs import dicom, dicom_group, edf, ishne
from support.ecg_files import samples_like_an_ecg, write_wfdb
from support.scp_writer import ScpFile, table_of

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


DEVICE_FILES = {
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


def written(write):
    """Return the files that a function writes into a folder, by name."""
    with TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        write(Path(folder))
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def wfdb_by_library(form):
    """Return a WFDB record of another format than 16."""
    with warnings.catch_warnings(action="ignore"):
        import wfdb

    signal_mv = samples_like_an_ecg(time=600, leads=3).clip(-900, 900) / 1000
    gains, zeros = [100.0] * 3, [0] * 3
    return written(
        lambda folder: wfdb.wrsamp(
            "a", 100, ["mV"] * 3, ["I", "II", "V1"], signal_mv, fmt=[form] * 3, adc_gain=gains,
            baseline=zeros, write_dir=str(folder),
        )
    )  # fmt: skip


def wfdb_of_bytes(form):
    """Return a WFDB record whose samples are any bytes: no checksum refuses them."""
    lines = [f"a.dat {form} 100(0)/mV 12 0 0 0 0 {lead}" for lead in ("I", "II", "V1")]
    header = "\n".join(["a 3 100 600", *lines])
    return {"a.hea": header.encode(), "a.dat": np.random.default_rng(0).bytes(8000)}


def wfdb_segments(folder):
    """Write a record in two segments."""
    for name in "bc":
        write_wfdb(folder / name, samples_like_an_ecg(time=600))
    (folder / "a.hea").write_text("a/3 12 100 1202\nb 600\n~ 2\nc 600\n# age: 61\n")


def wfdb_flac(folder):
    """Write a record in format 516."""
    samples = samples_like_an_ecg(time=600, leads=3)
    soundfile.write(folder / "a.flac", samples, 8000, subtype="PCM_16")
    (folder / "a.flac").rename(folder / "a.dat")
    lines = [f"a.dat 516 1000(0)/mV 16 0 0 0 0 {lead}" for lead in ("I", "II", "V1")]
    (folder / "a.hea").write_text("\n".join(["a 3 100 600", *lines]))


def wfdb_mat(folder):
    """Write a record of the PhysioNet challenges."""
    savemat(folder / "a.mat", {"val": samples_like_an_ecg(time=600).T}, format="4")
    lines = [f"a.mat 16+24 1000/mV 16 0 0 0 0 {lead}" for lead in LEADS]
    header = "\n".join(["a.mat 12 100 600 05-May-2020 09:49:17", *lines, "# Age: 61", "# Sex: M"])
    (folder / "a.hea").write_text(header)


SIGNAL_MV = np.ascontiguousarray(samples_like_an_ecg(time=600).T / 1000)
TIME_S = np.arange(600) / 100
ARRAYS = {"ecg": SIGNAL_MV, "fs": 100, "leads": np.array(LEADS), "units": "mV", "age": 61}


def saved(write, *arguments, **options):
    """Return the bytes that a function writes into a stream."""
    stream = io.BytesIO()
    write(stream, *arguments, **options)
    return stream.getvalue()


def text_table(separator=",", sign=".", *, clock=False, across=False, header=True):
    """Return a table of the twelve leads."""
    times = [f"10:00:0{x:06.3f}" if clock else f"{x:g}" for x in TIME_S]
    columns = [times, *([f"{x:g}".replace(".", sign) for x in row] for row in SIGNAL_MV)]
    if header:
        columns = [[name, *c] for name, c in zip(("time", *LEADS), columns, strict=True)]
    rows = columns if across else list(zip(*columns, strict=True))
    return "\n".join(map(separator.join, rows)).encode()


def as_hdf5(stream):
    """Write a compressed dataset with attributes."""
    with h5py.File(stream, "w") as file:
        dataset = file.create_dataset("group/ecg", data=SIGNAL_MV, compression="gzip")
        dataset.attrs["fs"] = 100.0
        file["leads"] = np.array(LEADS, "S")


TABLE = pd.DataFrame(SIGNAL_MV.T, columns=list(LEADS)).assign(time=TIME_S)
PREAMBLE = b"# device: X\n# rate: 100 Hz\nUnit,mV\n\n"

# Each is the files of a record by name, or the bytes of one file.
FILES = {
    "WFDB": written(lambda folder: write_wfdb(folder / "a", samples_like_an_ecg(time=600))),
    **{f"WFDB {form}": wfdb_by_library(form) for form in ("212", "80", "24", "32")},
    **{f"WFDB {form}": wfdb_of_bytes(form) for form in ("16x2:3", "310", "311", "61", "160", "8")},
    "WFDB segments": written(wfdb_segments),
    "WFDB FLAC": written(wfdb_flac),
    "WFDB MAT": written(wfdb_mat),
    "table": text_table(),
    "table, decimal comma": PREAMBLE + text_table(";", ",", clock=True),
    "table, one row per lead": text_table("\t", across=True),
    "table, UTF-16": text_table(" ", header=False).decode().encode("utf-16"),
    "NPY": saved(np.save, SIGNAL_MV),
    "NPZ": saved(np.savez_compressed, **ARRAYS),
    "MAT 4": saved(savemat, ARRAYS, format="4"),
    "MAT 5": saved(savemat, {"s": ARRAYS}),
    "MAT 7": saved(savemat, ARRAYS, do_compression=True),
    "HDF5": saved(as_hdf5),
    "Parquet": saved(lambda stream: TABLE.to_parquet(stream)),
    **DEVICE_FILES,
}


def read_files(files, folder):
    """Read a record from its files, which are written into the folder; 100 Hz if it has no rate."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder / ("a.hea" if "a.hea" in files else next(iter(files)))
    try:
        return read(path)
    except RecordError as error:
        if "no sampling rate" not in str(error):
            raise
        return read(path, rate_hz=100)


def change_bytes(data, rng):
    """Change one to three bytes, so that most checks still pass."""
    changed = bytearray(data)
    for place in rng.integers(len(changed), size=rng.integers(1, 4)):
        changed[place] = rng.integers(256)
    return bytes(changed)


def damage(files, rng):
    """Return the files of a record, with one of them changed a little or much."""
    change = change_bytes if rng.random() < 0.5 else mutate
    if isinstance(files, bytes):
        return {"a.bin": change(files, rng)}
    chosen = str(rng.choice(sorted(files)))
    return files | {chosen: change(files[chosen], rng)}
