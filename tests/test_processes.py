"""Pools of worker processes."""

import os

from ecgcam.processes import parallel_map

NAMES = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"]


def test_workers_have_one_thread_each_and_the_caller_keeps_its_own(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert list(parallel_map(os.getenv, NAMES, jobs=2)) == ["1", "1"]
    assert [os.getenv(name) for name in NAMES] == [None, None]


def test_the_number_of_threads_that_the_user_set_stays(monkeypatch):
    for name in NAMES:
        monkeypatch.setenv(name, "3")
    assert list(parallel_map(os.getenv, NAMES, jobs=2)) == ["3", "3"]
