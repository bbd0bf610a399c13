"""The engine that predicts in several processes of one computer."""

import pytest
from support.crashing import predict_or_crash, refuse

from ecgcam.serving.ecg_inputs import Input
from ecgcam.serving.local_engine import CHUNK, predict_locally


def inputs(*ids):
    return [Input(id=name, name=name, path=name) for name in ids]


@pytest.mark.parametrize("jobs", [1, 2])
def test_rows_come_in_the_order_of_the_ecgs(jobs):
    ids = [f"ecg{k}" for k in range(5 * CHUNK + 3)]
    chunks = predict_locally(inputs(*ids), predict_or_crash, refuse=refuse, jobs=jobs)
    assert [row["id"] for rows in chunks for row in rows] == ids


def test_an_ecg_that_ends_its_process_is_a_row_and_stops_nothing():
    ids = [f"ecg{k}" for k in range(4 * CHUNK)]
    ids[CHUNK + 5] = "bad1"
    ids[CHUNK + 6] = "bad2"
    ids[-1] = "bad3"
    chunks = predict_locally(inputs(*ids), predict_or_crash, refuse=refuse, jobs=2)
    rows = [row for rows in chunks for row in rows]
    assert [row["id"] for row in rows] == ids
    assert [row["id"] for row in rows if "refused" in row] == ["bad1", "bad2", "bad3"]
    assert "ended the process" in rows[-1]["refused"]
