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
    indices = np.flatnonzero(edges.edges(125, duration_s=10)).tolist()
    assert indices == [0, 1, 2, 3, 121, 122, 123, 124]


def test_a_record_counts_by_its_highest_frame(edges):
    evidence = np.zeros((2, 2, 125))
    evidence[0, 0, 3] = evidence[0, 1, 4] = evidence[1, 0, 60] = evidence[1, 1, 121] = 1
    at_edge = edges.peaks_at_an_edge(evidence, duration_s=10)
    assert at_edge.tolist() == [[True, False], [False, True]]


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
