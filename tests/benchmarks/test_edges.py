"""The benchmark of edges counts the maps that are hottest there."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from support.tiny import SUPERCLASS, tiny_model, tiny_store

from ecgcam.signals.leads import LEADS

TURNED = LEADS[::-1]
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def edges(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("edges")


def test_of_ten_seconds_in_125_frames_four_at_either_end_are_edges(edges):
    found = np.flatnonzero(edges.edges(125, duration_s=10)).tolist()
    assert found == [0, 1, 2, 3, 121, 122, 123, 124]


def test_a_map_counts_by_its_hottest_frame(edges):
    evidence = np.zeros((2, 2, 125))
    evidence[0, 0, 3] = evidence[0, 1, 4] = evidence[1, 0, 60] = evidence[1, 1, 121] = 1
    found = edges.hottest_at_an_edge(evidence, duration_s=10)
    assert found.tolist() == [[True, False], [False, True]]


def test_the_table_has_a_line_a_class_and_all_records_of_the_fold(edges, tmp_path):
    store = tiny_store(tmp_path / "store").folder
    model = tiny_model(tmp_path / "model.safetensors", task=SUPERCLASS)
    head, *lines = edges.table(model, store).splitlines()
    assert [line.split()[0] for line in lines] == list(SUPERCLASS.classes)
    assert [int(line.split()[1]) + int(line.split()[3]) for line in lines] == [12] * 5
    assert head.split()[-1] == "chance"


def test_leads_are_taken_by_their_names(edges, tmp_path):
    stores = [tiny_store(tmp_path / str(k), leads=leads) for k, leads in enumerate((LEADS, TURNED))]
    signals = stores[0].signals_uv(range(120))[:, [LEADS.index(lead) for lead in TURNED]]
    np.save(stores[1].folder / "signals-00000.npy", signals)
    model = tiny_model(tmp_path / "model.safetensors", task=SUPERCLASS)
    told = [edges.table(model, store.folder) for store in stores]
    assert told[0] == told[1]
