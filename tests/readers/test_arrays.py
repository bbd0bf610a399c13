"""Readers of arrays: NPY, NPZ, MAT of every version, HDF5 and Parquet."""

import io
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from support.ecg_files import samples_like_an_ecg

from ecgcam.errors import RecordError
from ecgcam.readers.read import read, read_details
from ecgcam.signals.leads import LEADS

NAMES = [lead.upper() for lead in LEADS]
SIGNAL_MV = np.ascontiguousarray(samples_like_an_ecg().T / 1000)  # (leads, time)
TIME_S = np.arange(1000) / 500


def as_npz(arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def as_mat(arrays, **options):
    stream = io.BytesIO()
    savemat(stream, {key: np.asarray(value) for key, value in arrays.items()}, **options)
    return stream.getvalue()


def as_mat_4(arrays):
    return as_mat(arrays, format="4")


def as_mat_7(arrays):
    return as_mat(arrays, do_compression=True)


def as_hdf5(arrays):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for key, value in arrays.items():
            value = np.asarray(value)
            file[key] = value.astype("S") if value.dtype.kind == "U" else value
    return stream.getvalue()


def as_hdf5_attributes(arrays):
    """Write the signal as a compressed dataset in a group, all else as its attributes."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        name = next(key for key in arrays if np.size(arrays[key]) > 99)
        dataset = file.create_dataset(f"group/{name}", data=arrays[name], compression="gzip")
        for key in arrays.keys() - {name}:
            value = np.asarray(arrays[key])
            dataset.attrs[key] = value.astype("S") if value.dtype.kind == "U" else value
    return stream.getvalue()


WRITERS = [as_npz, as_mat, as_mat_4, as_mat_7, as_hdf5, as_hdf5_attributes]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    ("signal", "rate", "leads"),
    [
        ("signal_mv", "rate_hz", "leads"),
        ("ecg", "fs", "lead_names"),
        ("data", "sampling_rate", "channels"),
        ("X", "samplingFrequency", "sig_name"),
        ("whatever", "Fs", "labels"),
    ],
)
def test_the_signal_its_rate_and_leads_go_by_many_names(write, transposed, signal, rate, leads):
    array = SIGNAL_MV.T if transposed else SIGNAL_MV
    content = write({signal: array, rate: 500, leads: NAMES, "unit": "mV", "age": 61, "sex": "F"})
    record = read(content)
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, rtol=1e-6)
    assert (record.rate_hz, record.leads, record.warnings) == (500, LEADS, ())
    assert (record.age_years, record.sex) == (61, "female")


@pytest.mark.parametrize("write", WRITERS[:-1])
def test_each_lead_may_be_an_array(write):
    record = read(write({"Fs": 250, **dict(zip(LEADS, SIGNAL_MV, strict=True))}))
    np.testing.assert_allclose(record.with_leads(LEADS).signal_mv, SIGNAL_MV, rtol=1e-6)
    assert record.rate_hz == 250


@pytest.mark.parametrize("write", WRITERS[:-1])
def test_an_array_of_times_gives_the_rate(write):
    assert read(write({"ecg": SIGNAL_MV, "leads": NAMES, "time": TIME_S})).rate_hz == 500
    assert read(write({"ecg": SIGNAL_MV, "leads": NAMES, "t_ms": 1000 * TIME_S})).rate_hz == 500


@pytest.mark.parametrize("write", WRITERS)
def test_microvolts_and_integers_are_scaled(write):
    microvolts = np.rint(SIGNAL_MV * 1000).astype(np.int16)
    for arrays, given in (
        ({"ecg_uV": microvolts}, {}),
        ({"ecg": microvolts, "units": "uV"}, {}),
        ({"ecg": microvolts}, {"units": "uV"}),
    ):
        record = read(write({"fs": 500, "leads": NAMES, **arrays}), **given)
        np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, atol=1e-6)
    with pytest.raises(RecordError, match="the file names no unit, and in mV"):
        read(write({"fs": 500, "leads": NAMES, "ecg": microvolts}))


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_an_npy_needs_its_rate_and_its_leads(version, order):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(SIGNAL_MV, order=order), version=version)
    with pytest.raises(RecordError, match="no sampling rate; give it"):
        read(stream.getvalue())
    record = read(stream.getvalue(), rate_hz=500, leads=NAMES)
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, rtol=1e-6)
    assert "in which the limb leads agree" in read(stream.getvalue(), rate_hz=500).warnings[0]


def test_unnamed_leads_in_another_order_are_not_guessed():
    stream = io.BytesIO()
    np.save(stream, SIGNAL_MV[::-1])
    unnamed = read(stream.getvalue(), rate_hz=500)
    assert unnamed.leads[0] == "#1"
    assert unnamed.warnings == ("the leads have no names; give them in order (--leads, leads=)",)


def test_the_formats_are_told_apart_by_content():
    arrays = {"ecg": SIGNAL_MV, "fs": 500, "leads": NAMES}
    found = [read_details(write(arrays)).format for write in WRITERS]
    assert found == ["NPZ", "MAT", "MAT", "MAT", "HDF5", "HDF5"]


def test_files_of_ecgcam_need_no_names_for_the_twelve_leads(tmp_path):
    np.savez(tmp_path / "a.npz", signal_mv=SIGNAL_MV, rate_hz=500)
    assert (read(tmp_path / "a.npz").leads, read(tmp_path / "a.npz").name) == (LEADS, "a")


@pytest.mark.parametrize("write", [w for w in WRITERS if w is not as_mat_4])  # which is 2-D
def test_one_ecg_in_a_batch_of_one_is_read_and_several_are_refused(write):
    record = read(write({"tracings": SIGNAL_MV[None], "fs": 500, "leads": NAMES}))
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, rtol=1e-6)
    with pytest.raises(RecordError, match=r"shape \(2, 12, 1000\).*save them one by one"):
        read(write({"tracings": np.stack([SIGNAL_MV, SIGNAL_MV]), "fs": 500}))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_mat_file_may_hold_structures_and_cells(compressed):
    ecg = {"data": SIGNAL_MV, "sex": "Male", "age": 74.0, "fs": 500.0, "name": "Miller"}
    cells = np.array(NAMES, dtype=object)
    content = as_mat({"ECG": np.array(0), "leads": cells}, do_compression=compressed)
    stream = io.BytesIO()
    savemat(stream, {"ECG": ecg, "leads": cells}, do_compression=compressed)
    record = read(stream.getvalue())
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, rtol=1e-6)
    assert (record.rate_hz, record.leads) == (500, LEADS)
    assert (record.age_years, record.sex) == (74, "male")
    with pytest.raises(RecordError, match="it is not clear which array is the ECG"):
        read(content)


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_a_mat_file_may_store_any_type(kind):
    steps = np.clip(np.rint(SIGNAL_MV * 20) + 100, 0, 127).astype(kind)
    arrays = {"ecg_uV": steps, "fs": 500, "leads": NAMES}
    writers = [as_mat, as_mat_7] + (
        [as_mat_4] if kind in ("u1", "i2", "u2", "i4", "f4", "f8") else []
    )
    for write in writers:
        np.testing.assert_allclose(read(write(arrays)).signal_mv, steps / 1000.0, rtol=1e-6)


def test_a_big_endian_mat_file_is_read():
    values = SIGNAL_MV.T.reshape(-1).astype(">f8").tobytes()  # columns first
    name = struct.pack(">II", 1, 3) + b"ecg" + bytes(5)
    parts = [
        struct.pack(">IIII", 6, 8, 6, 0),
        struct.pack(">IIii", 5, 8, 12, 1000),
        name,
        struct.pack(">II", 9, len(values)) + values,
    ]
    matrix = b"".join(parts)
    content = b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI" + struct.pack(">II", 14, len(matrix))
    record = read(content + matrix, rate_hz=500, leads=LEADS)
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, rtol=1e-6)


def test_a_mat_file_of_version_7_3_is_hdf5_behind_a_block_of_text(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        file["ecg"] = SIGNAL_MV.T
        file["fs"] = np.array([[500.0]])
        cells = []
        for k, name in enumerate(NAMES):
            file[f"#refs#/{k}"] = np.array([[ord(c)] for c in name], np.uint16)
            file[f"#refs#/{k}"].attrs["MATLAB_class"] = np.bytes_("char")
            cells.append(file[f"#refs#/{k}"].ref)
        file.create_dataset("leads", data=np.array([cells], h5py.ref_dtype), dtype=h5py.ref_dtype)
    with (tmp_path / "a.mat").open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    record = read(tmp_path / "a.mat")
    np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, rtol=1e-6)
    assert (record.rate_hz, record.leads) == (500, LEADS)


def test_an_hdf5_file_leads_to_no_other_file(tmp_path):
    (tmp_path / "secret.bin").write_bytes(SIGNAL_MV.tobytes())
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["ecg"] = SIGNAL_MV
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["fs"] = 500
        file["ecg"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "/ecg")
        outside = [(str(tmp_path / "secret.bin"), 0, SIGNAL_MV.nbytes)]
        file.create_dataset("signal", SIGNAL_MV.shape, "f8", external=outside)
        layout = h5py.VirtualLayout(SIGNAL_MV.shape, "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "ecg", SIGNAL_MV.shape)
        file.create_virtual_dataset("data", layout)
    with pytest.raises(
        RecordError, match="it is not clear which array is the ECG; found no numbers"
    ):
        read(tmp_path / "a.h5")


def test_a_parquet_file_is_a_table(tmp_path):
    table = pd.DataFrame(SIGNAL_MV.T * 1000, columns=[f"{lead} (uV)" for lead in LEADS])
    stamps = pd.Timestamp("2021-05-01 23:59:59") + pd.to_timedelta(TIME_S, unit="s")
    for times in (TIME_S, stamps, stamps - stamps[0]):
        named = table.assign(time=times, rhythm="SR")
        named.index = named.index + 5
        named.to_parquet(tmp_path / "a.bin")
        record = read(tmp_path / "a.bin")
        np.testing.assert_allclose(record.signal_mv, SIGNAL_MV, rtol=1e-5)
        assert (record.rate_hz, record.leads, record.name) == (500, LEADS, "a")
        assert record.warnings == ("columns left out, holding text: rhythm",)
    table.to_parquet(tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet", rate_hz=250).rate_hz == 250


GOOD = {"signal_mv": np.zeros((12, 1000), np.float32), "rate_hz": 500}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"signal_mv": None}, "it is not clear which array is the ECG; found no numbers"),
        (
            {"signal_mv": None, "a": SIGNAL_MV, "b": SIGNAL_MV},
            r"found a \(12, 1000\), b \(12, 1000\)",
        ),
        ({"rate_hz": None}, "no sampling rate; give it"),
        ({"signal_mv": np.zeros((1000, 1000))}, r"the signal has shape \(1000, 1000\); expected"),
        ({"signal_mv": np.zeros((12, 12))}, r"the signal has shape \(12, 12\); expected"),
        ({"signal_mv": np.zeros((2, 2, 2, 100))}, r"the signal has shape \(2, 2, 2, 100\)"),
        ({"signal_mv": np.zeros((12, 0))}, "it is not clear which array is the ECG"),
        ({"signal_mv": np.full((12, 900), "x")}, "it is not clear which array is the ECG"),
        ({"signal_mv": np.full((12, 900), 1j)}, "it is not clear which array is the ECG"),
        ({"signal_mv": np.full((12, 900), 1e300)}, "invalid samples"),
        ({"rate_hz": [500, 500]}, "no sampling rate; give it"),
        ({"rate_hz": "fast"}, "no sampling rate; give it"),
        ({"rate_hz": -1}, "no sampling rate; give it"),
        ({"rate_hz": np.nan}, "no sampling rate; give it"),
        ({"rate_hz": 0}, "above 0"),
        ({"leads": NAMES[:5]}, r"has shape \(12, 1000\); expected \(leads, time\) with 5 leads"),
    ],
)
def test_an_npz_without_an_ecg_is_refused(change, message):
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    with pytest.raises(RecordError, match=message):
        read(as_npz(arrays))


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
    np.save(tmp_path / "b.npy", trap)
    for file in ("a.npz", "b.npy"):
        with pytest.raises(RecordError, match="Python objects, which are not unpickled"):
            read(tmp_path / file)
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize("write", WRITERS)
def test_a_damaged_file_gives_a_record_or_a_record_error(write):
    good = write({"ecg": SIGNAL_MV[:, :200], "fs": 500, "leads": NAMES})
    rng = np.random.default_rng(0)
    for size in (8, 100, len(good) // 2, len(good) - 10):
        with pytest.raises(RecordError):
            read(good[:size])
    for _ in range(100):
        damaged = bytearray(good)
        for place in rng.integers(min(len(good), 3000), size=3):
            damaged[place] = rng.integers(256)
        try:
            record = read(bytes(damaged))
        except RecordError:
            continue
        assert np.isfinite(record.signal_mv).all()


def npy_of_shape(shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def matrix_of_shape(rows, columns):
    return struct.pack("<5i", 0, rows, columns, 0, 4) + b"ecg\0"


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content.ljust(-(-len(content) // 8) * 8, b"\0")


def mat_5(content):
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + content


CELLS = element(6, struct.pack("<II", 1, 0)) + element(5, struct.pack("<ii", 2**30, 2**30))


@pytest.mark.parametrize(
    "content",
    [
        npy_of_shape("(12, 1000000000000)"),
        npy_of_shape("(-12, -1000)"),
        npy_of_shape("(" * 4000),
        matrix_of_shape(12, 2**31 - 1),
        mat_5(element(14, CELLS + element(1, b"ecg"))),
        mat_5(
            element(
                14,
                element(6, struct.pack("<II", 6, 0))
                + CELLS[16:]
                + element(1, b"ecg")
                + element(9, bytes(80)),
            )
        ),
        mat_5(element(15, zlib.compress(element(14, bytes(300_000_000))))),
    ],
    ids=["npy", "negative", "nested", "mat 4", "cells", "numbers", "compressed"],
)
def test_a_declared_size_takes_no_memory(content):
    with pytest.raises(RecordError):
        read(content)


def test_a_zip_bomb_is_refused_before_it_grows():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ecg.npy", npy_of_shape("(12, 5000000)") + bytes(480_000_000))
    with pytest.raises(RecordError, match=r"would grow to 480000128 or more; expected at most"):
        read(stream.getvalue())
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("ecg", (12, 10**12), "f8", chunks=(12, 1000), compression="gzip")
    with pytest.raises(RecordError, match="would grow to 96000000000000 or more"):
        read(stream.getvalue())


def test_an_encrypted_npz_is_refused():
    data = bytearray(as_npz(GOOD))
    data[6] |= 1  # the flag of an encrypted entry, here and in the archive's directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(RecordError, match="not a readable NPZ file"):
        read(bytes(data))
