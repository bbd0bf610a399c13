"""A file is there whole or not at all, and where a folder can be."""

from pathlib import Path

import pytest

from ecgcam.errors import DatasetError
from ecgcam.files import atomic_write, check_output_file, check_output_folder


def test_the_file_appears_whole_with_its_folder(tmp_path):
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

    def half_of_it():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half_of_it()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_anybody_who_may_read_new_files_may_read_it(tmp_path):
    (tmp_path / "plain").write_text("")
    with atomic_write(tmp_path / "whole") as temporary:
        temporary.write_text("")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_can_be_anywhere_but_where_a_file_is_or_below_one(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    for free in (tmp_path, tmp_path / "new" / "newer", "new", "."):
        check_output_folder(Path(free))
    for taken in (tmp_path / "file", "file", "file/new/newer"):
        with pytest.raises(DatasetError, match="file: it is a file; needed: a folder"):
            check_output_folder(Path(taken))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_can_be_anywhere_but_where_a_folder_is_or_below_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    for free in ("file", "new", "folder/new", "new/newer"):
        check_output_file(Path(free))
    for taken in (tmp_path / "folder", "folder", "."):
        with pytest.raises(DatasetError, match="it is a folder; needed: a file"):
            check_output_file(Path(taken))
    with pytest.raises(DatasetError, match="file: it is a file; needed: a folder"):
        check_output_file(Path("file/new"))
