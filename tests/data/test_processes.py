"""A map over processes: what `map` gives, and an end whatever happens."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ecgcam.data.processes import shared_map


def squared(number, offset):
    if number == 7:
        raise KeyError("seven")
    if number == 11:
        raise SystemExit
    time.sleep(0.02)
    return number**2 + offset, os.getpid()


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_it_gives_what_map_gives_in_its_order(jobs):
    numbers = [*range(20, 60)]
    found = list(shared_map(squared, numbers, numbers, jobs=jobs))
    assert [value for value, _ in found] == [k**2 + k for k in numbers]
    assert list(shared_map(squared, [], [], jobs=jobs)) == []


def test_this_process_works_too_and_so_do_the_others():
    processes = {pid for _, pid in shared_map(squared, [30] * 150, [0] * 150, jobs=2)}
    assert os.getpid() in processes
    assert len(processes) == 2


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(("bad", "error"), [(7, KeyError), (11, SystemExit)])
def test_an_error_comes_up_in_its_turn_and_ends_it(jobs, bad, error):
    results = shared_map(squared, [1, 2, bad, 3], [0] * 4, jobs=jobs)
    with pytest.raises(error):
        list(results)
    assert list(results) == []


def test_closed_early_it_begins_nothing_more(tmp_path):
    results = shared_map(touched, [tmp_path / str(k) for k in range(500)], jobs=2)
    assert next(results) == "0"
    results.close()
    assert len(list(tmp_path.iterdir())) < 250


INTERRUPTED = """
import signal, time
from multiprocessing import parent_process
from pathlib import Path
from ecgcam.data.processes import shared_map

def work(number):
    done = Path(__file__).with_name("done")
    if parent_process() is not None:
        return done.touch()
    while not done.exists():
        time.sleep(0.01)
    time.sleep(0.3)  # now the other waits for more
    print("both are there", flush=True)
    time.sleep(60)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job has none
    try:
        list(shared_map(work, range(2), jobs=2))
    except KeyboardInterrupt:
        print("stopped")
"""


def test_at_ctrl_c_the_other_processes_end_without_a_word(tmp_path):
    (tmp_path / "run.py").write_text(INTERRUPTED)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, tmp_path / "run.py"]
    with subprocess.Popen(command, start_new_session=True, **pipes) as run:
        assert run.stdout.readline() == "both are there\n"
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does
        assert run.communicate(timeout=30) == ("stopped\n", "")


def touched(path):
    path.touch()
    time.sleep(0.01)
    return path.name
