"""Damaged device files: thousands of them give a Record or a RecordError, quickly."""

import time

import numpy as np
import pytest
from support.damaged_files import DEVICE_FILES, mutate

from ecgcam.errors import RecordError
from ecgcam.readers.read import read


def outcome(data):
    """The Record or the RecordError of a file; any other error fails the test."""
    try:
        return read(data)
    except RecordError as error:
        return error


@pytest.mark.parametrize("name", DEVICE_FILES)
def test_a_damaged_file_gives_a_record_or_a_record_error(name):
    assert read(DEVICE_FILES[name]).leads
    rng = np.random.default_rng(len(name))
    for _ in range(150):
        data = mutate(DEVICE_FILES[name], rng)
        start = time.process_time()
        result = outcome(data)
        assert time.process_time() - start < 5
        if isinstance(result, RecordError):
            assert not isinstance(result.__cause__, MemoryError | RecursionError)
            assert not [word for word in ("Doe", "Jane", "4711") if word in str(result)]
        else:
            assert np.isfinite(result.signal_mv).all()
