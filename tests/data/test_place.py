"""What one run makes beside a store no other run takes away, whenever it looks."""

import errno
import os
import shutil

import pytest

from ecgcam.data import place
from ecgcam.data.place import beside, tidy_up

fcntl = pytest.importorskip("fcntl")

HALF, OLD = ".store.6972047c.half", ".store.6972047c.old.half"


def windows(monkeypatch):
    monkeypatch.setattr(place.sys, "platform", "win32")


def a_file_system_without_locks(monkeypatch):
    def fail(handle, how):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", fail)


def test_a_folder_that_another_run_took_away_before_it_was_kept_is_made_anew(tmp_path, monkeypatch):
    store, flock = tmp_path / "store", fcntl.flock

    def late(handle, how):
        monkeypatch.setattr(fcntl, "flock", flock)
        tidy_up(store)  # another run's
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with beside(store) as half:
        assert half.is_dir()
        tidy_up(store)
        assert half.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_run_keeps_is_made_anew(tmp_path, monkeypatch):
    """As one that is just about to remove it."""
    handles, flock = [], fcntl.flock

    def held(handle, how):
        monkeypatch.setattr(fcntl, "flock", flock)
        (folder,) = tmp_path.iterdir()
        handles.append(os.open(folder, os.O_RDONLY))
        flock(handles[0], fcntl.LOCK_EX)
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", held)
    with beside(tmp_path / "store") as half:
        (theirs,) = set(tmp_path.iterdir()) - {half}
        shutil.rmtree(theirs)
        assert half.is_dir()
    os.close(handles[0])


def test_what_was_left_is_kept_from_others_until_it_is_gone(tmp_path, monkeypatch):
    (tmp_path / HALF).mkdir()
    removed, rmtree = [], shutil.rmtree

    def remove(folder, **options):
        handle = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(handle)
        removed.append(folder.name)
        rmtree(folder, **options)

    monkeypatch.setattr(shutil, "rmtree", remove)
    tidy_up(tmp_path / "store")
    assert removed == [HALF]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("without_locks", [windows, a_file_system_without_locks])
def test_where_nobody_can_tell_whether_a_run_is_at_work_nothing_is_removed(
    tmp_path, monkeypatch, without_locks
):
    without_locks(monkeypatch)
    store = tmp_path / "store"
    with beside(store) as half:
        (half / "signals").write_text("much work")
        tidy_up(store)
        assert (half / "signals").read_text() == "much work"
    (tmp_path / HALF).mkdir()
    (tmp_path / OLD).mkdir()
    tidy_up(store)  # the old store comes back all the same
    assert {path.name for path in tmp_path.iterdir()} == {"store", HALF}


def to_nothing(path):
    path.symlink_to("nowhere")


def to_a_folder(path):
    (path.parent / "mine").mkdir()
    path.symlink_to("mine")


def a_file(path):
    path.write_text("mine")


@pytest.mark.parametrize("make", [to_nothing, to_a_folder, a_file])
@pytest.mark.parametrize("name", [HALF, OLD])
def test_a_link_or_a_file_of_such_a_name_is_not_ours(tmp_path, make, name):
    make(tmp_path / name)
    there = sorted(tmp_path.iterdir())
    tidy_up(tmp_path / "store")
    assert sorted(tmp_path.iterdir()) == there


def test_what_goes_while_one_looks_is_gone(tmp_path, monkeypatch):
    (tmp_path / HALF).mkdir()
    opened = os.open

    def gone(path, *flags):
        path.rmdir()
        return opened(path, *flags)

    monkeypatch.setattr(os, "open", gone)
    tidy_up(tmp_path / "store")
    assert list(tmp_path.iterdir()) == []
