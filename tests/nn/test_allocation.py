"""Memory allocation: freed memory that is kept needs no new pages."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from ecgcam.nn import allocation

COUNT_PAGE_FAULTS = """
import resource
import numpy as np
from ecgcam.nn.allocation import keep_freed_memory

{call}

def page_faults(times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        [np.ones(2**20) for _ in range(4)]  # 32 MiB, freed at once
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

page_faults(1)
print(page_faults(20))
"""


def page_faults(call=""):
    """Count the page faults of 32 MiB, taken and freed twenty times, in a new process."""
    code = COUNT_PAGE_FAULTS.format(call=call)
    return int(subprocess.check_output([sys.executable, "-c", code], text=True))


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has mallopt")
def test_memory_that_is_kept_needs_no_new_pages():
    assert page_faults() > 20 * 1000  # 8,192 pages of 4 kB each time, or fewer larger ones
    assert page_faults("keep_freed_memory()") < 1000


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_another_c_library_is_left_alone(monkeypatch, platform):
    def load_library(name):
        if platform == "win32":
            raise TypeError("bad argument type for built-in operation")  # as Windows answers None
        return SimpleNamespace()

    monkeypatch.setattr(allocation, "sys", SimpleNamespace(platform=platform))
    monkeypatch.setattr(allocation, "ctypes", SimpleNamespace(CDLL=load_library))
    allocation.keep_freed_memory()
