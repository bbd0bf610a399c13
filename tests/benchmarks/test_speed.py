"""The benchmark compares like with like, in turn, and says what is missed."""

import ast
import json
import os
import platform
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.published.maps import evidence_before_norm, heatmaps
from benchmarks.speed import limits
from benchmarks.speed.__main__ import main
from benchmarks.speed.arrays import write_weights
from benchmarks.speed.crew import Crew
from benchmarks.speed.gpu import measure_gpu
from benchmarks.speed.growth import MANY, Point, fit
from benchmarks.speed.machine import machine
from benchmarks.speed.made_up import write_made_up
from benchmarks.speed.pairs import in_turn, spread, times_as_fast
from benchmarks.speed.plan import ONE_BY_ONE, OURS, PAPER, POLYFIT, RDSAMP, STAGES, Run, Stage
from benchmarks.speed.results import Results
from benchmarks.speed.rivals.memory import Watch
from benchmarks.speed.rivals.network import PlainNetwork, paper_map, plain_network
from benchmarks.speed.rivals.paper import prepare_record, read_records
from benchmarks.speed.rivals.training import PlainTraining, Records
from benchmarks.speed.rows import growth_rows, memory_row, rows_without, stage_rows, way_rows
from benchmarks.speed.stages import Measured, Taken, measure_stage
from benchmarks.speed.whole_way import EPOCHS, Counts, our_way_s, paper_way_s
from benchmarks.speed.words import duration, size, speed, speed_goal
from benchmarks.speed.workers import Kind, NotMeasured, started
from ecgcam.data.preparation import prepare
from ecgcam.data.store import open_store
from ecgcam.nn.complexity import measure_complexity
from ecgcam.nn.network import Network, NetworkConfig, evaluating

RIVALS = Path(__file__).parents[2] / "benchmarks" / "speed" / "rivals"


@pytest.fixture(scope="module")
def network():
    """The paper's network, with weights by chance."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = Network(NetworkConfig(classes=1))
        with torch.no_grad():
            for tensor in network.state_dict().values():  # norms that do more than nothing
                if tensor.ndim == 1:
                    tensor.uniform_(0.5, 1.5)
        return network.eval()


@pytest.fixture(scope="module")
def plain(network, tmp_path_factory):
    """The same, in one-dimensional layers."""
    weights = write_weights(network, tmp_path_factory.mktemp("weights") / "weights.npz")
    return plain_network(weights).eval()


# The paper's way does the same as ours.


def test_the_papers_preprocessing_is_ours(network, synthetic_store):
    signals = synthetic_store.signals_mv(range(20))
    with evaluating(network):
        ours = network.preprocess(torch.from_numpy(signals)).numpy()
    theirs = np.stack([prepare_record(signal) for signal in signals])
    np.testing.assert_allclose(theirs, ours, atol=1e-5)


def test_the_plain_network_has_our_logits(network, plain):
    signal = torch.randn(4, 12, 1000)
    with evaluating(network):
        torch.testing.assert_close(plain(signal), network.logits(signal), atol=1e-5, rtol=1e-5)
    assert sum(p.numel() for p in plain.parameters()) == 22_273


def test_the_plain_network_learns_as_ours_does(network, plain):
    """In float64: of neighbours that are nearly alike each float32 may take another one."""
    ours, theirs = Network(network.config).double(), PlainNetwork().double()
    ours.load_state_dict(network.state_dict())
    theirs.load_state_dict(plain.state_dict())
    signal = torch.randn(8, 12, 1000, dtype=torch.float64)
    targets = torch.rand(8, 1, dtype=torch.float64).round()
    loss = torch.nn.BCEWithLogitsLoss()
    loss(ours.logits(signal), targets).backward()
    loss(theirs(signal), targets).backward()
    layers = [*ours.backbone.blocks, ours.backbone.last, ours.head]
    own = [p for layer in layers for p in layer.parameters()]
    for mine, other in zip(own, theirs.parameters(), strict=True):
        # a bias before a norm changes nothing, and may have no gradient instead of a zero one
        gradient = torch.zeros_like(mine) if mine.grad is None else mine.grad
        torch.testing.assert_close(gradient.reshape(other.shape), other.grad, atol=1e-10, rtol=1e-8)


def test_the_papers_map_is_ours_before_the_norm(network, plain, synthetic_store):
    signal_mv = synthetic_store.signals_mv([7])
    probability, shown = paper_map(plain, prepare_record(signal_mv[0]))
    with evaluating(network):
        logits, *_ = network(torch.from_numpy(signal_mv))
    ours = heatmaps(evidence_before_norm(network, signal_mv), samples=1000)
    assert probability == pytest.approx(float(logits.sigmoid()), abs=1e-5)
    np.testing.assert_allclose(shown, ours[0, 0], atol=1e-3)


def test_captums_map_is_our_evidence_over_the_number_of_frames(network, plain):
    signal = torch.randn(3, 12, 1000)
    theirs = LayerGradCam(plain, plain.layers[-1]).attribute(signal, target=0)
    with evaluating(network):
        relative = network.forward_preprocessed(signal).evidence
        evidence = relative + network.flat_evidence()[:, :, 0]
    torch.testing.assert_close(theirs.detach(), evidence / evidence.shape[-1], atol=1e-6, rtol=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # wfdb, of pandas
def test_wfdb_reads_what_a_store_holds(synthetic_folder, synthetic_store):
    ids = synthetic_store.records["id"].iloc[:5]
    stems = [str(synthetic_folder / "records100" / "00000" / f"{one:05d}_lr") for one in ids]
    read = np.stack([signal.T for signal in read_records(stems)])
    np.testing.assert_allclose(read, synthetic_store.signals_mv(range(5)), atol=1e-6)


def test_the_papers_epoch_takes_steps_and_tells_the_accuracy(plain):
    network = PlainNetwork()
    network.load_state_dict(plain.state_dict())
    rng = np.random.default_rng(3)
    prepared = rng.normal(size=(10, 12, 1000)).astype(np.float32)
    targets = rng.integers(0, 2, (10, 1)).astype(np.float32)
    batches = DataLoader(Records(prepared, targets), batch_size=4)
    accuracy = PlainTraining(network).epoch(batches, batches)
    with torch.no_grad():
        right = (network.eval()(torch.from_numpy(prepared)) > 0).numpy() == (targets > 0)
    assert accuracy == right.mean()
    assert not torch.equal(network.head.weight, plain.head.weight)


def test_an_augmentation_is_done_to_each_record_in_the_shape_that_it_wants():
    seen = []

    def twice(ecg):
        seen.append(ecg.shape)
        return {"ecg": 2 * ecg}

    records = Records(np.ones((3, 12, 50), np.float32), np.zeros((3, 1), np.float32), twice)
    signal, target = records[1]
    assert seen == [(50, 12)]
    torch.testing.assert_close(signal, torch.full((12, 50), 2.0))
    assert target.shape == (1,)


def test_the_rivals_import_nothing_of_ecgcam():
    for path in RIVALS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level < 2, path
                assert not (node.module or "").startswith("ecgcam"), path
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("ecgcam") for alias in node.names), path


# Runs in turn.


def test_runs_alternate():
    log = []
    runs = {name: lambda name=name: log.append(name) or len(log) for name in "AB"}
    assert in_turn(runs, rounds=3, unless=NotMeasured) == ({"A": [1, 3, 5], "B": [2, 4, 6]}, {})
    assert log == ["A", "B"] * 3


def test_a_run_that_fails_in_the_middle_costs_the_others_nothing():
    ends = NotMeasured("it ended")

    def broken():
        raise ends

    answers, ended = in_turn({"A": lambda: 1, "B": broken}, rounds=2, unless=NotMeasured)
    assert (answers, ended) == ({"A": [1, 1]}, {"B": ends})


def test_the_ratio_is_the_median_of_the_pairs_and_not_of_the_sides():
    ours, theirs = [1.0, 10.0, 2.0], [20.0, 30.0, 10.0]
    assert times_as_fast(ours, theirs).median == 5.0
    assert np.median(theirs) / np.median(ours) == 10.0


def test_what_slows_both_of_a_pair_changes_no_ratio():
    rng = np.random.default_rng(1)
    ours, theirs, slower = rng.uniform(1, 2, (3, 9))
    calm = times_as_fast(ours, theirs)
    disturbed = times_as_fast(ours * slower, theirs * slower)
    assert asdict(disturbed) == pytest.approx(asdict(calm))


def test_the_spread_is_the_quartiles():
    values = np.random.default_rng(2).normal(size=30).tolist()
    found = spread(values)
    expected = np.quantile(values, [0.25, 0.5, 0.75])
    np.testing.assert_allclose([found.low, found.median, found.high], expected)
    assert spread([3.0]).low == spread([3.0]).high == 3.0


class MadeUpWorker:
    """Treats ten ECGs in the seconds that it is given, run by run; notes what it does."""

    def __init__(self, name, log, *, seconds=(), why_not=None, result=None):
        self.name, self.log, self.seconds = name, log, iter(seconds)
        self.why_not, self.result = why_not, result

    def set_up(self, job, given):
        if self.why_not:
            raise NotMeasured(self.why_not)
        return 10

    def run(self, *, watch=False):
        self.log.append(f"{self.name} watched" if watch else self.name)
        memory = {"peak_bytes": 5e8} if watch else {}
        return {"seconds": next(self.seconds), "first_s": 7.0, **memory}

    def save(self, path):
        np.save(path, self.result)


class MadeUpCrew:
    """Hires these workers, one after the other."""

    def __init__(self, *workers):
        self.workers = workers

    @contextmanager
    def stage(self):
        left = iter(self.workers)
        yield lambda kind: next(left)


STAGE = Stage(
    key="store",
    title="a stage",
    ours="ours",
    rivals=(
        Run(name="a", side="rivals", job="a", goal=5),
        Run(name="b", side="ours", job="b", goal=0.8),
    ),
    rounds=3,
    same=0.1,
)


def measured(tmp_path, *workers, most_rounds=9):
    given = {"scratch": str(tmp_path)}
    return measure_stage(STAGE, given, MadeUpCrew(*workers), most_rounds=most_rounds)


def test_a_stage_leaves_the_warm_up_out_and_counts_by_ecg(tmp_path):
    log = []
    theirs = np.array([[0.0, 2, 1], [1, 1, 1]])
    found = measured(
        tmp_path,
        MadeUpWorker("ours", log, seconds=[99, 1, 2, 3], result=theirs + 0.0625),
        MadeUpWorker("a", log, seconds=[99, 10, 10, 10], result=theirs),
        MadeUpWorker("b", log, seconds=[99, 4, 5, 6]),
    )
    assert log == ["ours watched", "a watched", "b watched", *["ours", "a", "b"] * 3]
    assert found.taken[OURS].seconds == (0.1, 0.2, 0.3)
    assert found.taken["b"].seconds == (0.4, 0.5, 0.6)
    assert (found.taken["a"].peak_bytes, found.taken[OURS].first_s) == (5e8, 7.0)
    assert found.apart == 0.0625 / 2
    assert found.missing == {}


def test_what_our_own_job_says_of_a_rival_is_taken_from_there(tmp_path):
    said = Run(name="alone", side="ours", job="ours", said="first_s", goal=1)
    stage = replace(STAGE, rivals=(*STAGE.rivals, said))
    workers = [MadeUpWorker(name, [], seconds=[1] * 3, result=np.eye(2)) for name in "oab"]
    given = {"scratch": str(tmp_path)}
    found = measure_stage(stage, given, MadeUpCrew(*workers), most_rounds=2)
    assert found.taken["alone"].seconds == (0.7, 0.7)
    assert found.taken["alone"].peak_bytes is None
    assert stage_rows(stage, found, limit_s=None)[-1].faster.median == pytest.approx(7)
    workers = [MadeUpWorker("a", [], seconds=[1] * 3), MadeUpWorker("b", [], seconds=[1] * 3)]
    without = MadeUpCrew(MadeUpWorker("o", [], why_not="no torch"), *workers)
    found = measure_stage(stage, given, without, most_rounds=2)
    assert found.missing["alone"] == "no torch"


def test_a_rival_that_is_not_there_is_named_and_the_others_are_measured(tmp_path):
    log = []
    found = measured(
        tmp_path,
        MadeUpWorker("ours", log, seconds=[1] * 2),
        MadeUpWorker("a", log, why_not="a is not installed"),
        MadeUpWorker("b", log, seconds=[1] * 2),
        most_rounds=1,
    )
    assert found.missing == {"a": "a is not installed"}
    assert set(found.taken) == {OURS, "b"}
    assert found.apart is None
    rows = stage_rows(STAGE, found, limit_s=None)
    assert [(row.why_not, row.met) for row in rows] == [("a is not installed", None), ("", True)]
    assert rows[0].theirs is None


def test_results_of_another_shape_are_not_the_same(tmp_path):
    found = measured(
        tmp_path,
        MadeUpWorker("ours", [], seconds=[1] * 2, result=np.zeros((2, 3))),
        MadeUpWorker("a", [], seconds=[9] * 2, result=np.zeros((3, 3))),
        MadeUpWorker("b", [], seconds=[1] * 2),
        most_rounds=1,
    )
    assert found.apart == np.inf


def test_a_difference_in_microvolts_is_held_against_a_range_beyond_int16(tmp_path):
    theirs = np.array([[-20_000, 17_000], [5, 6]], np.int16)
    ours = theirs + np.int16([[0, 370], [0, 0]])
    found = measured(
        tmp_path,
        MadeUpWorker("ours", [], seconds=[1] * 2, result=ours),
        MadeUpWorker("a", [], seconds=[9] * 2, result=theirs),
        MadeUpWorker("b", [], seconds=[1] * 2),
        most_rounds=1,
    )
    assert found.apart == pytest.approx(370 / 37_000)


def test_from_results_that_are_all_alike_any_difference_is_endless(tmp_path):
    found = measured(
        tmp_path,
        MadeUpWorker("ours", [], seconds=[1] * 2, result=np.ones((2, 3))),
        MadeUpWorker("a", [], seconds=[9] * 2, result=np.zeros((2, 3))),
        MadeUpWorker("b", [], seconds=[1] * 2),
        most_rounds=1,
    )
    assert found.apart == np.inf


# Goals.


def stage_of(ours, theirs, bare, *, apart=0.0):
    taken = {name: Taken(seconds=(s,)) for name, s in ((OURS, ours), ("a", theirs), ("b", bare))}
    return stage_rows(STAGE, Measured(taken=taken, apart=apart), limit_s=0.5)


@pytest.mark.parametrize(("theirs", "met"), [(5.0, True), (4.99, False)])
def test_a_goal_is_met_from_its_bound_on(theirs, met):
    row, _ = stage_of(1.0, theirs, 1.0)
    assert (row.met, row.goal) == (met, "≥ 5 ×")
    assert row.bound == pytest.approx(theirs / 5)
    assert row.times_limit == 2.0


@pytest.mark.parametrize(("ours", "met"), [(1.25, True), (1.26, False)])
def test_a_goal_below_one_is_how_much_longer_we_may_take(ours, met):
    _, row = stage_of(ours, 10.0, 1.0)
    assert (row.met, row.goal) == (met, "≤ 1.25 × its time")
    assert row.measured == f"{ours} × its time"
    assert row.bound == pytest.approx(1.25)


def test_to_be_fast_with_other_results_is_to_miss_the_goal():
    row, other = stage_of(1.0, 100.0, 1.0, apart=0.2)
    assert (row.met, row.note) == (False, "the results differ by 2.0e-01")
    assert other.met
    row, _ = stage_of(1.0, 100.0, 1.0, apart=0.0)
    assert (row.met, row.note) == (True, "the same results")


@pytest.mark.parametrize("ours", [[[0.5, 0.5]], [[0.0, np.nan]], [[np.nan, 1.0]]])
def test_a_constant_or_what_is_no_number_is_not_the_same_result(tmp_path, ours):
    found = measured(
        tmp_path,
        MadeUpWorker("ours", [], seconds=[1] * 2, result=1e-5 * np.array(ours)),
        MadeUpWorker("a", [], seconds=[9] * 2, result=1e-5 * np.array([[0.0, 1.0]])),
        MadeUpWorker("b", [], seconds=[1] * 2),
        most_rounds=1,
    )
    assert stage_rows(STAGE, found, limit_s=None)[0].met is False


def test_what_this_machine_cannot_do_is_neither_met_nor_missed():
    rows = rows_without(STAGE, "no bf16")
    assert [(row.met, row.why_not) for row in rows] == [(None, "no bf16")] * 2


@pytest.mark.parametrize(("peak", "met"), [(1.5e9, True), (1.6e9, False)])
def test_memory_has_a_bound(peak, met):
    assert memory_row(peak).met is met


def test_memory_that_nobody_tells_is_not_judged():
    row = memory_row(None)
    assert row.met is None
    assert row.why_not


def test_the_goals_are_those_of_the_project():
    goals = {
        (stage.key, run.name): run.goal for stage in STAGES for run in stage.rivals if run.goal
    }
    assert {key: round(goal, 3) for key, goal in goals.items()} == {
        ("store", RDSAMP): 20,
        ("preprocess", POLYFIT): 20,
        ("augment", "ecgmentations"): 5,
        ("step", "Conv1d, float32"): 1.8,
        ("step_bf16", "Conv1d, float32"): 2.3,
        ("epoch", "forward, backward and optimizer alone"): 0.8,
        ("epoch", PAPER): 3,
        ("epoch_bf16", PAPER): 3,
        ("one", PAPER): 6,
        ("map", "the same by captum's LayerGradCam"): 3,
        ("map", "the probability alone"): 0.971,
    }


# Growth, limits, the whole way.


def points(seconds, own=lambda n: 1e9):
    return [
        Point(ecgs=n, seconds=seconds(n), peak_bytes=own(n), own_bytes=own(n))
        for n in (5_000, 20_000, 80_000)
    ]


def test_what_is_linear_and_flat_meets_both_goals():
    growth = fit(points(lambda n: 2e-3 * n))
    assert growth.power == pytest.approx(1)
    assert growth.slope_s == pytest.approx(2e-3)
    assert growth.many_s == pytest.approx(2e-3 * MANY)
    assert growth.many_bytes == pytest.approx(1e9)
    assert [row.met for row in growth_rows({"store": growth})] == [True, True]


def test_a_start_that_costs_something_is_no_part_of_the_slope():
    growth = fit(points(lambda n: 30 + 2e-3 * n))
    assert growth.slope_s == pytest.approx(2e-3)
    assert growth.many_s == pytest.approx(30 + 2e-3 * MANY)
    assert growth.power < 1


def test_what_grows_faster_than_the_ecgs_misses_the_goals():
    growth = fit(points(lambda n: 1e-8 * n**2, own=lambda n: 1e8 + 1e4 * n))
    assert growth.power == pytest.approx(2)
    assert growth.memory == pytest.approx(9e8 / 1.5e8)
    assert growth.many_bytes == pytest.approx(1e8 + 1e4 * MANY)
    assert [row.met for row in growth_rows({"judge": growth})] == [False, False]


def test_lines_that_fall_by_noise_promise_no_less_than_was_measured():
    growth = fit(points(lambda n: 9 - 1e-5 * n, own=lambda n: 2e9 - 1e3 * n))
    assert growth.many_s == growth.points[-1].seconds
    assert growth.many_bytes == growth.points[-1].own_bytes


def test_memory_that_is_unknown_is_left_out_of_growth():
    growth = fit([replace(point, own_bytes=None) for point in points(lambda n: 1e-3 * n)])
    assert growth.memory is None
    assert [row.met for row in growth_rows({"epoch": growth})] == [True, None]


def test_the_limits_count_what_the_network_does(network):
    cost = measure_complexity(network)
    assert 2 * (cost.backbone + cost.head) == limits.FORWARD_FLOPS
    assert 2 * cost.map == limits.MAP_FLOPS
    assert 2 * cost.preprocess == limits.DETREND_FLOPS


def test_a_step_is_counted_as_torch_counts_it(plain):
    with FlopCounterMode(display=False) as counter:
        plain(torch.zeros(2, 12, 1000)).sum().backward()
    assert counter.get_total_flops() == 2 * limits.STEP_FLOPS


def test_the_limit_is_the_longest_of_file_memory_and_arithmetic():
    speeds = {"file_bytes_s": 10, "memory_bytes_s": 100, "flops_s": 1000, "flops_s_one_thread": 500}
    work = limits.Work(file_bytes=10, memory_bytes=50, flops=1500)
    assert limits.limit_s(work, speeds) == 1.5
    assert limits.limit_s(work, speeds, threads=1) == 3.0
    assert limits.limit_s(replace(work, flops=0), speeds) == 1.0


def test_the_speeds_of_this_machine_are_plausible(tmp_path):
    speeds = limits.measure(tmp_path, megabytes=8)
    assert set(speeds) == set(limits.SPEEDS)
    assert 1e8 < speeds["file_bytes_s"] < 1e12
    assert 1e8 < speeds["memory_bytes_s"] < 1e13
    assert 1e8 < speeds["flops_s_one_thread"] < 1e13
    assert list(tmp_path.iterdir()) == []


def test_of_a_job_done_more_often_the_median_time_and_the_most_memory_count(tmp_path, monkeypatch):
    said = iter([{"seconds": 3, "own_bytes": 5}, {"seconds": 1, "own_bytes": 9}] * 2)

    class Worker:
        set_up = staticmethod(lambda job, given: 10)
        run = staticmethod(lambda watch: next(said))

    monkeypatch.setattr("benchmarks.speed.crew.started", lambda *_, **__: nullcontext(Worker()))
    with Crew(tmp_path, peers=None, kept=False) as crew:
        assert crew.once("store", {}, times=3) == {"seconds": 3, "own_bytes": 9}
        assert crew.once("store", {}) == {"seconds": 1, "own_bytes": 9}


class GpuWorker:
    """Starts slowly, then judges 100 ECGs in half a second."""

    def __init__(self):
        self.seconds = iter([60.0, 0.5, 0.5, 0.4, 0.5, 9.0])

    def set_up(self, job, given):
        return 100

    def run(self):
        return {"seconds": next(self.seconds)}


class GpuCrew:
    def once(self, job, given, *, gpu):
        assert (given["store"], gpu) == ("whole", True)
        return {"seconds": {"epoch": 1.5, "epoch_bf16": 1.25}[job]}

    @contextmanager
    def stage(self):
        worker = GpuWorker()
        yield lambda kind: worker if kind.gpu else None


GPU = {"name": "a GPU", "epoch_s": 1.5, "epoch_bf16_s": 1.25, "ecgs_s": 200.0}


def test_of_a_gpu_the_start_is_left_out(monkeypatch):
    given = {"whole": "whole", "prepared": "prepared.npy"}
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a GPU")
    assert measure_gpu(given, GpuCrew()) == GPU


def test_a_gpu_is_measured_by_itself(monkeypatch, tmp_path, synthetic_folder, capsys):
    """The GPU is made up; the data and what is written are not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("benchmarks.speed.gpu.measure_gpu", lambda given, crew: GPU)
    assert main([str(synthetic_folder), "--gpu", "--quick"]) == 0
    told = json.loads((tmp_path / "benchmarks" / "gpu.json").read_text(encoding="utf-8"))
    assert (told["gpu"], told["ecgs"], told["quick"]) == (GPU, 120, True)
    assert told["machine"]["cores"] == os.cpu_count()
    assert told["versions"]["torch"] == version("torch")
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "a GPU: an epoch of 120 ECGs takes 1.50 s, in bf16 1.25 s; 200 ECGs a second to "
        "probability and map.",
        "benchmarks/gpu.json",
    ]


def test_without_a_gpu_there_is_nothing_to_measure(monkeypatch, tmp_path, synthetic_folder, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmarks.speed.gpu.make_material", pytest.fail)  # nor anything to make
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main([str(synthetic_folder), "--gpu", "--quick"]) == 1
    assert "not measured: there is no GPU that PyTorch can use." in capsys.readouterr().err
    assert not (tmp_path / "benchmarks").exists()


def test_the_whole_way_adds_up():
    counts = Counts(records=100, train=80, validation=10, trained=40)
    stages = {
        "store": Measured(taken={OURS: Taken(seconds=(0.1,)), RDSAMP: Taken(seconds=(1.0,))}),
        "preprocess": Measured(taken={POLYFIT: Taken(seconds=(2.0,))}),
        "epoch": Measured(
            taken={OURS: Taken(seconds=(0.5,), first_s=40.0), PAPER: Taken(seconds=(3.0,))}
        ),
        "evaluate": Measured(
            taken={OURS: Taken(seconds=(0.2,)), ONE_BY_ONE: Taken(seconds=(4.0,))}
        ),
    }
    assert EPOCHS == 25
    ours_s, theirs_s = 10 + 80 * (1 + 24 * 0.5) + 2, 100 * 3 + 80 * 25 * 3 + 40
    assert our_way_s(stages, counts, epoch="epoch") == pytest.approx(ours_s)
    assert paper_way_s(stages, counts) == pytest.approx(theirs_s)
    row, not_measured = way_rows(stages, counts, limit_s=50)
    assert (not_measured.stage, not_measured.ours) == ("way_bf16", None)
    assert not_measured.why_not
    assert row.faster.median == pytest.approx(theirs_s / ours_s)
    assert (row.met, row.limit) == (True, 0.5)
    quicker = {"epoch_bf16": Measured(taken={OURS: Taken(seconds=(0.25,), first_s=20.0)})}
    rows = way_rows({**stages, **quicker}, counts, limit_s=50)
    assert [each.stage for each in rows] == ["way", "way_bf16"]
    bf16_s = 10 + 80 * (0.5 + 24 * 0.25) + 2
    assert rows[1].faster.median == pytest.approx(theirs_s / bf16_s)


# Data, workers, words.


def test_made_up_folders_have_as_many_ecgs_as_wanted_of_other_people(synthetic_folder, tmp_path):
    folder = write_made_up(tmp_path / "ecgs", 1002, base=synthetic_folder)
    prepared = prepare(folder, tmp_path / "store")
    assert (prepared.records, prepared.rejected) == (1002, 0)
    store = open_store(prepared.folder)
    records = store.records
    assert records["id"].is_unique
    first = records["patient"].iloc[:120].nunique()
    assert records["patient"].iloc[:960].nunique() == 8 * first
    later = np.roll(store.signals_uv([5]), -8, axis=2)
    np.testing.assert_array_equal(later, store.signals_uv([5 + 8 * 120]))


@pytest.fixture
def rival(tmp_path):
    """A worker of the rivals in this Python."""
    with started(Kind(side="rivals"), python=sys.executable, scratch=tmp_path) as worker:
        yield worker


def test_a_worker_does_what_it_is_told(rival, tmp_path, synthetic_store):
    signals = synthetic_store.signals_mv(range(3))
    np.save(tmp_path / "signals.npy", signals)
    assert rival.set_up("preprocess", {"signals": str(tmp_path / "signals.npy")}) == 3
    assert set(rival.run()) == {"seconds"}
    assert rival.run(watch=True)["peak_bytes"] > 1e7
    rival.save(tmp_path / "result.npy")
    expected = [prepare_record(signal) for signal in signals]
    np.testing.assert_array_equal(np.load(tmp_path / "result.npy"), expected)
    assert rival.versions(["numpy", "no-such-library"]) == {
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def test_a_worker_says_what_it_cannot_do_and_goes_on(rival):
    with pytest.raises(NotMeasured, match="KeyError: 'nothing'"):
        rival.set_up("nothing", {})
    with pytest.raises(NotMeasured, match="no job is set up"):
        rival.run()
    assert rival.versions([])


def test_a_worker_that_ends_says_its_last_words(tmp_path):
    with (
        started(Kind(side="rivals"), python="/bin/false", scratch=tmp_path) as worker,
        pytest.raises(NotMeasured, match="the worker ended: without a word"),
    ):
        worker.versions([])


def test_workers_that_are_kept_are_hired_again(tmp_path):
    kind = Kind(side="rivals")
    with Crew(tmp_path, peers=None, kept=True) as crew:
        with crew.stage() as hire:
            first, second = hire(kind), hire(kind)
            assert first is not second
        with crew.stage() as hire:
            assert (hire(kind), hire(kind)) == (first, second)
            assert first.versions([]) == second.versions([])


def test_workers_that_are_not_kept_end_with_their_stage(tmp_path):
    with Crew(tmp_path, peers=None, kept=False) as crew:
        with crew.stage() as hire:
            worker = hire(Kind(side="rivals"))
        with pytest.raises((NotMeasured, ValueError)):
            worker.versions([])


def test_the_memory_of_a_block_is_seen_and_the_next_block_starts_anew():
    with Watch() as large:
        taken = np.ones(200_000_000, np.uint8)
        del taken
    with Watch() as small:
        pass
    if not large.found:
        pytest.skip("this system has no /proc")
    assert large.found["peak_bytes"] - small.found["peak_bytes"] > 1.5e8


def test_the_memory_of_children_counts(tmp_path):
    code = "import time; held = bytearray(150_000_000); time.sleep(1)"
    with Watch() as alone:
        pass
    with Watch() as together:
        subprocess.run([sys.executable, "-c", code], check=True)
    if not alone.found:
        pytest.skip("this system has no /proc")
    assert together.found["peak_bytes"] - alone.found["peak_bytes"] > 1.5e8
    assert together.found["own_bytes"] - alone.found["own_bytes"] > 1.4e8


def test_a_child_that_is_still_this_process_counts_once():
    held = np.ones(30_000_000)
    with Watch() as alone:
        pass
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of threads, which the child has none of
        child = os.fork()
    if not child:
        time.sleep(0.5)
        os._exit(0)
    with Watch() as together:
        os.waitpid(child, 0)
    if not alone.found:
        pytest.skip("this system has no /proc")
    assert together.found["own_bytes"] - alone.found["own_bytes"] < held.nbytes / 2


def test_numbers_in_words():
    assert [duration(s) for s in (2e-9, 3.4e-6, 0.085, 1, 60, 9e3, 2e5, -0.002)] == [
        "2 ns", "3.4 µs", "85 ms", "1 s", "1 min", "2.5 h", "2.31 d", "-2 ms",
    ]  # fmt: skip
    assert [size(8.5e8), size(1.234e9)] == ["850 MB", "1.23 GB"]
    assert [speed_goal(20), speed_goal(1 / 1.03), speed_goal(None)] == [
        "≥ 20 ×", "≤ 1.03 × its time", "",
    ]  # fmt: skip
    pairs = spread([2.0, 4.0, 5.0])
    assert speed(pairs, goal=3) == "4 × (3 to 4.5)"
    assert speed(pairs, goal=0.5) == "0.25 × its time (0.222 to 0.333)"


def test_nothing_tells_whose_machine_it_was():
    about = machine()
    assert set(about) == {"processor", "cores", "memory_bytes", "system", "bf16"}
    assert platform.node() not in json.dumps(about)
    assert 1e8 < about["memory_bytes"] < 1e14


# The command.


@pytest.fixture
def made_up_results():
    rows = stage_of(1e-3, 4e-3, 1e-3)
    growth = {"store": fit(points(lambda n: 2e-3 * n))}
    about = {"machine": machine(), "batch": 128}
    return Results(
        rows=(*rows, *rows_without(STAGES[4], "no bf16"), *growth_rows(growth)),
        growth=growth,
        about=about,
    )


def run_command(monkeypatch, results, out, *words):
    asked = {}

    def made_up(folder, **others):
        asked.update(others, folder=folder)
        return results

    monkeypatch.setattr("benchmarks.speed.run.benchmark", made_up)
    monkeypatch.chdir(out.parent)
    return main(["--out", str(out), *words]), asked


def test_a_missed_goal_is_named_and_the_exit_status_is_one(
    made_up_results, monkeypatch, tmp_path, capsys
):
    out = tmp_path / "results.json"
    code, _ = run_command(monkeypatch, made_up_results, out)
    said = capsys.readouterr().out
    assert code == 1
    assert "missed: a stage, against a: 4 ×; ≥ 5 × is needed." in said.splitlines()
    assert "not measured: one training step in bf16, against Conv1d, float32: no bf16." in said
    assert said.splitlines()[-2:] == ["4 of 5 goals were judged, 1 of them missed.", str(out)]
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told["missed"] == ["a stage, against a"]
    assert told["rows"][0]["faster"] == {"median": 4.0, "low": 4.0, "high": 4.0}
    assert told["rows"][0]["times_limit"] == pytest.approx(2e-3)
    assert told["growth"]["store"]["power"] == pytest.approx(1)
    assert out.with_suffix(".png").is_file()


def test_where_all_goals_are_met_the_exit_status_is_zero(
    made_up_results, monkeypatch, tmp_path, capsys
):
    met = replace(made_up_results, rows=made_up_results.rows[1:])
    code, _ = run_command(monkeypatch, met, tmp_path / "results.json")
    assert code == 0
    assert "3 of 4 goals were judged, 0 of them missed." in capsys.readouterr().out.splitlines()


def test_the_peers_are_those_of_make_peers_unless_told_otherwise(
    made_up_results, monkeypatch, tmp_path
):
    out = tmp_path / "results.json"
    assert run_command(monkeypatch, made_up_results, out)[1]["peers"] is None
    python = tmp_path / ".venv-peers" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert run_command(monkeypatch, made_up_results, out)[1]["peers"] == python
    other = tmp_path / "python"
    other.touch()
    _, asked = run_command(monkeypatch, made_up_results, out, "--peers", "python", "--quick")
    assert (asked["peers"], asked["quick"]) == (other, True)
    assert run_command(monkeypatch, made_up_results, out, "--peers", "nowhere")[0] == 2


def test_a_folder_that_is_none_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["empty", "--quick"]) == 2
    assert "not a PTB-XL folder" in capsys.readouterr().err


def test_the_quick_benchmark_goes_through_all_of_it(tmp_path, monkeypatch, synthetic_folder):
    """Without the peers: what needs them is named, and nothing is made up in their place."""
    monkeypatch.chdir(tmp_path)
    assert main([str(synthetic_folder), "--quick"]) == 0
    tried = tmp_path / "benchmarks" / "tried.json"
    told = json.loads(tried.read_text(encoding="utf-8"))
    rows = {(row["stage"], row["against"]): row for row in told["rows"]}
    assert {stage.key for stage in STAGES} | {"way", "memory"} <= {stage for stage, _ in rows}
    assert told["missed"] == []
    assert rows["augment", "ecgmentations"]["why_not"] == "ecgmentations is not installed"
    assert rows["augment", "ecgmentations"]["theirs"] is None
    assert rows["way", PAPER]["why_not"] == "the paper's way was not measured"
    assert rows["store", RDSAMP]["note"] == "the same results"
    for key in (("preprocess", POLYFIT), ("step", "Conv1d, float32"), ("evaluate", ONE_BY_ONE)):
        assert rows[key]["note"].startswith("the same results to")
    assert rows["memory", ""]["ours"] > 1e8
    assert rows["map", "LayerGradCam of our network"]["why_not"] == ""
    assert (tmp_path / "benchmarks" / "tried.png").is_file()
    assert set(told["growth"]) == {"store", "epoch", "judge"}
    assert told["versions"]["ecgcam"]["torch"] == told["versions"]["peers"]["torch"]
    assert not list(tmp_path.glob("*.half"))
