"""Freed memory that is kept needs no new pages from the system."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ecgcam.nn import allocation

PAGES = """
import ctypes, resource
import numpy as np
from ecgcam.nn.allocation import FOR_JUDGING, FOR_TRAINING, keep_freed_memory

if not hasattr(ctypes.CDLL(None), "mallopt"):
    print("no glibc"); raise SystemExit
{keep}

def faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        [np.ones(2**20) for _ in range(4)]  # 32 MiB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(1)
print(faults(20))
"""


def faults(keep):
    """The page faults of 32 MiB, taken and freed twenty times, in a new process."""
    said = subprocess.run(
        [sys.executable, "-c", PAGES.format(keep=keep)], capture_output=True, text=True, check=True
    ).stdout.strip()
    if said == "no glibc":
        pytest.skip("this C library has no mallopt")
    return int(said)


def test_kept_memory_needs_no_new_pages():
    assert faults("") > 20 * 1000  # 8,192 pages of 4 kB each time, or fewer larger ones
    assert faults("keep_freed_memory(FOR_JUDGING)") < 1000


def test_a_smaller_wish_after_a_larger_one_changes_nothing():
    assert faults("keep_freed_memory(FOR_TRAINING); keep_freed_memory(1)") < 1000


HELD = """
import ctypes, re
from pathlib import Path
import numpy as np
from ecgcam.nn.allocation import FOR_TRAINING, give_back_freed_memory, keep_freed_memory

status = Path("/proc/self/status")
if not (status.exists() and hasattr(ctypes.CDLL(None), "malloc_trim")):
    print("no glibc"); raise SystemExit
def own():
    return int(re.search(r"RssAnon:\\s+(\\d+)", status.read_text())[1]) // 1024

keep_freed_memory(FOR_TRAINING)
before = own()
[np.ones(2**17) for _ in range(64)]  # 64 MiB, freed at once
kept = own() - before
give_back_freed_memory()
print(kept, own() - before)
"""


def test_what_is_given_back_is_no_longer_held():
    said = subprocess.run(
        [sys.executable, "-c", HELD], capture_output=True, text=True, check=True
    ).stdout.strip()
    if said == "no glibc":
        pytest.skip("this C library has no malloc_trim")
    kept, left = map(int, said.split())  # MiB; pyarrow itself takes some 20
    assert kept > 60
    assert left < 40


def test_on_windows_which_names_no_c_library_nothing_is_done(monkeypatch):
    def library(name):
        raise TypeError("bad argument type for built-in operation")  # as Windows says to None

    monkeypatch.setattr(allocation, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr(allocation, "ctypes", SimpleNamespace(CDLL=library))
    monkeypatch.setattr(allocation, "_kept", 0)
    allocation.keep_freed_memory(allocation.FOR_JUDGING)
    allocation.give_back_freed_memory()
