"""Real PTB-XL records, unpacked from the shared folder into the user's cache."""

import contextlib
import hashlib
import os
import subprocess
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from ecgcam.signals.record import Record

SHARED = Path(__file__).parents[3] / "shared"


def unpacked(shared, *options):
    """Real PTB-XL as PhysioNet serves it; unpacked once, and kept in the cache of the user.

    It is for reading only: a test that changes something copies first.
    """
    script = shared / "ptbxl" / "unpack.py"
    key = hashlib.sha256(script.read_bytes() + " ".join(options).encode()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ecgcam-tests"
    folder = cache / f"ptbxl-{key}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=cache) as scratch:
            whole = Path(scratch) / "whole"
            command = [sys.executable, str(script), str(whole), *options]
            subprocess.run(command, check=True, capture_output=True)
            with contextlib.suppress(OSError):  # another run was first
                whole.rename(folder)
    return folder


def ludb_record(shared, number):
    """Return a record of LUDB: 12 leads, 500 Hz, 10 s."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses features that newer versions of pandas warn of
        import wfdb

        record = wfdb.rdrecord(str(shared / "ludb" / "data" / str(number)))
    return Record(signal_mv=record.p_signal.T, rate_hz=record.fs, leads=tuple(record.sig_name))
