"""The edge benchmark counts the records whose evidence peaks at an edge."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from support.tiny import SUPERCLASS, tiny_model, tiny_store

from ecgcam.signals.leads import LEADS

REVERSED = LEADS[::-1]
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def edges(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("edges")


def test_four_of_125_frames_at_either_end_of_ten_seconds_are_edges(edges):
    centers_s = (np.arange(125) + 0.5) * 0.08
    indices = np.flatnonzero(edges.edges(centers_s, duration_s=10)).tolist()
    assert indices == [0, 1, 2, 3, 121, 122, 123, 124]


def test_frames_that_start_inside_the_record_are_edges_where_they_are_near(edges):
    centers_s = 0.215 + np.arange(240) * 0.04
    indices = np.flatnonzero(edges.edges(centers_s, duration_s=10)).tolist()
    assert indices == [0, 1, 2, 238, 239]


def test_the_table_has_one_line_per_class_and_counts_all_records_of_the_fold(edges, tmp_path):
    store = tiny_store(tmp_path / "store").folder
    model = tiny_model(tmp_path / "model.safetensors", task=SUPERCLASS)
    header, *lines = edges.table(model, store).splitlines()
    assert [line.split()[0] for line in lines] == list(SUPERCLASS.classes)
    assert [int(line.split()[1]) + int(line.split()[3]) for line in lines] == [12] * 5
    assert header.split()[-1] == "chance"


def test_leads_are_matched_by_name(edges, tmp_path):
    stores = [
        tiny_store(tmp_path / str(k), leads=leads) for k, leads in enumerate((LEADS, REVERSED))
    ]
    signals = stores[0].signals_uv(range(120))[:, [LEADS.index(lead) for lead in REVERSED]]
    np.save(stores[1].folder / "signals-00000.npy", signals)
    model = tiny_model(tmp_path / "model.safetensors", task=SUPERCLASS)
    tables = [edges.table(model, store.folder) for store in stores]
    assert tables[0] == tables[1]
