"""Rows in a file: the same as the array's, at the cost of what is asked for alone."""

import numpy as np
import pytest

from ecgcam.data.rows import Rows, write_rows


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(50, 3, 7)).astype(np.float16)


def test_rows_are_those_of_the_array_that_numpy_saves(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    rows = Rows(tmp_path / "a.npy")
    assert (len(rows), rows.shape, rows.dtype) == (50, (50, 3, 7), np.float16)
    for places in ([], [0], [49, 3, 3, 0], np.arange(50)[::-1]):
        np.testing.assert_array_equal(rows.read(places), array[np.asarray(places, int)])


def test_what_is_written_in_parts_is_what_numpy_loads(tmp_path, array):
    parts = (array[at : at + 16].astype(np.float64) for at in range(0, 50, 16))
    write_rows(tmp_path / "new" / "a.npy", parts, shape=array.shape, dtype=np.float16)
    np.testing.assert_array_equal(np.load(tmp_path / "new" / "a.npy"), array)


@pytest.mark.parametrize("place", [-1, 50])
def test_a_row_that_is_not_there_is_refused(tmp_path, array, place):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(IndexError, match=f"no row {place} of 50"):
        Rows(tmp_path / "a.npy").read([1, place])


@pytest.mark.parametrize("kept", [0, 30, 41])
def test_a_file_cut_short_after_it_was_opened_gives_no_rows_of_whatever_was_in_memory(
    tmp_path, array, kept
):
    np.save(tmp_path / "a.npy", array)
    rows = Rows(tmp_path / "a.npy")
    with (tmp_path / "a.npy").open("r+b") as file:
        file.truncate((tmp_path / "a.npy").stat().st_size - array.nbytes + kept)
    with pytest.raises(OSError, match="row 0 is cut short"):
        rows.read([0])


@pytest.mark.parametrize("rows", [49, 51])
def test_parts_that_do_not_make_the_array_leave_nothing(tmp_path, array, rows):
    with pytest.raises(ValueError, match="50 rows came"):
        write_rows(tmp_path / "a.npy", [array], shape=(rows, 3, 7), dtype=np.float16)
    with pytest.raises(ValueError, match="needed: \\(7, 3\\)"):
        write_rows(tmp_path / "a.npy", [array], shape=(50, 7, 3), dtype=np.float16)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_such_array_is_refused(tmp_path, array):
    np.save(tmp_path / "columns.npy", np.asfortranarray(array))
    np.save(tmp_path / "number.npy", np.float32(1))
    np.save(tmp_path / "cut.npy", array)
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:-1])
    (tmp_path / "text.npy").write_text("no array")
    for name in ("columns", "number", "cut", "text"):
        with pytest.raises(ValueError, match="."):
            Rows(tmp_path / f"{name}.npy")
