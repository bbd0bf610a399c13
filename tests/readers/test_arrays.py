"""Reader of arrays: NPZ."""

import zipfile

import numpy as np
import pytest
from support.ecg_files import samples_like_an_ecg

from ecgcam.errors import RecordError
from ecgcam.readers.read import read
from ecgcam.signals.leads import LEADS

NAMES = [lead.upper() for lead in LEADS]
SIGNAL_MV = samples_like_an_ecg() / 1000


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
