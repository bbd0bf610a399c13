"""Atomic files and folders, and checks of output paths."""

import os
import time
from pathlib import Path

import pytest

from ecgcam.errors import DatasetError
from ecgcam.files import atomic_folder, atomic_write, check_output_file, check_output_folder


def test_a_file_appears_complete_and_its_folder_is_created(tmp_path):
    path = tmp_path / "new" / "scores.json"
    with atomic_write(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == ".json"
        temporary.write_text("{}")
        assert not path.exists()
    assert path.read_text() == "{}"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")

    def write_half():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_has_the_permissions_of_a_new_file(tmp_path):
    (tmp_path / "plain").write_text("")
    with atomic_write(tmp_path / "atomic") as temporary:
        temporary.write_text("")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_an_output_folder_cannot_be_a_file_or_below_one(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    for free in (tmp_path, tmp_path / "new" / "newer", "new", "."):
        check_output_folder(Path(free))
    for taken in (tmp_path / "file", "file", "file/new/newer"):
        with pytest.raises(DatasetError, match="file: this is a file; expected a folder"):
            check_output_folder(Path(taken))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_output_file_cannot_be_a_folder_or_below_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for free in ("file", "new", "folder/new", "new/newer"):
        check_output_file(Path(free))
    for taken in (tmp_path / "folder", "folder", "."):
        with pytest.raises(DatasetError, match="this is a folder; expected a file"):
            check_output_file(Path(taken))
    with pytest.raises(DatasetError, match="file: this is a file; expected a folder"):
        check_output_file(Path("file/new"))


def content(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def write_folder(path, text, error=None):
    with atomic_folder(path) as temporary:
        (temporary / "a.txt").write_text(text)
        if error:
            raise error


@pytest.mark.parametrize("old", [None, {}, {"b.txt": "old"}])
def test_a_folder_appears_complete_and_replaces_an_older_one(tmp_path, old):
    path = tmp_path / "parent" / "folder"
    if old is not None:
        path.mkdir(parents=True)
        for name, text in old.items():
            (path / name).write_text(text)
    write_folder(path, "new")
    assert content(path) == {"a.txt": "new"}
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_folder_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "folder"
    write_folder(path, "old")
    with pytest.raises(KeyboardInterrupt):
        write_folder(path, "new", KeyboardInterrupt())
    rename = Path.rename

    def fail_for_the_new(source, target):
        if source.name == "new":
            raise OSError("the disk is gone")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OSError, match="the disk is gone"):
        write_folder(path, "new")
    assert content(path) == {"a.txt": "old"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_left_by_a_killed_process_is_removed_after_a_day(tmp_path):
    path = tmp_path / "store[1]"
    stale, recent = tmp_path / ".store[1].0123abcd.partial", tmp_path / ".store[1].abcd0123.partial"
    others = [tmp_path / name for name in (".store1.0123abcd.partial", ".store[1].v2.0123.partial")]
    for left in (stale, recent, *others):
        left.mkdir()
        age_s = 3600 if left == recent else 2 * 86_400
        os.utime(left, (time.time() - age_s, time.time() - age_s))
    write_folder(path, "new")
    assert set(tmp_path.iterdir()) == {path, recent, *others}


def test_other_users_may_read_the_folder_as_they_may_any_new_one(tmp_path):
    (tmp_path / "plain").mkdir()
    write_folder(tmp_path / "folder", "new")
    assert (tmp_path / "folder").stat().st_mode == (tmp_path / "plain").stat().st_mode
