"""P, QRS and T are found where cardiologists marked them, and not where there are none."""

import numpy as np
import pytest
import torch
from support.disturbed import made_up
from support.real_data import ludb_record

from benchmarks.delineation import compare, joined, sure_waves
from benchmarks.fit_waves import WaveNetwork
from benchmarks.ludb import ludb_ecg
from ecgcam.signals.record import Record
from ecgcam.signals.wave_network import shipped_weights, wave_logits
from ecgcam.signals.waves import WAVES, assemble_beats, find_waves, wave_stretches


def of_waves(waves):
    """Return the waves of each kind: name -> (waves, 2)."""
    found = {}
    for j, wave in enumerate(WAVES):
        times_s = waves.times_s[:, j]
        found[wave] = times_s[np.isfinite(times_s[:, 0])]
    return found


def test_the_network_is_torchs():
    network = WaveNetwork().eval()
    weights = {name: torch.from_numpy(value) for name, value in shipped_weights().items()}
    network.load_state_dict(weights)
    signal_mv = made_up(seed=1).signal_mv[:, :803]
    from ecgcam.signals.wave_network import prepare_leads

    prepared = torch.from_numpy(np.pad(prepare_leads(signal_mv)[0], ((0, 0), (0, 5))))
    with torch.inference_mode():
        expected = network(prepared)[..., :803].numpy()
    np.testing.assert_allclose(wave_logits(signal_mv), expected, atol=1e-3)


@pytest.mark.parametrize("rate_hz", [100, 500])
def test_waves_are_where_cardiologists_marked_them(shared, rate_hz):
    """The weights have seen these records; docs/waves.md has the figures without them."""
    from ecgcam.signals.resampling import resample

    ecgs = [ludb_ecg(shared / "ludb", number) for number in range(3, 121, 10)]
    found = [of_waves(find_waves(resample(record, rate_hz))) for record, _ in ecgs]
    measured = compare(found, [joined(marks, 10) for _, marks in ecgs])
    for boundary, of in measured.items():
        assert min(of["sensitivity"], of["ppv"]) > 0.9, boundary
        assert abs(of["mean_ms"]) < 15, boundary


@pytest.mark.parametrize(("late_s", "within"), [(0.03, 1), (0.06, 0)])
def test_the_benchmark_counts_sure_waves_as_right_within_40_ms(late_s, within):
    record = made_up(seed=5)
    marks = {wave: times_s + late_s for wave, times_s in of_waves(find_waves(record)).items()}
    for wave, of in sure_waves([(record, [marks] * 12)], None).items():
        assert len(marks[wave]) - of["found"] in (0, 1)  # the first may lie before all marks
        assert of["sure"] > 0.7
        assert of["overlapping"] == 1
        assert of["within_40_ms"] == within


def test_an_ecg_in_atrial_fibrillation_has_no_sure_p_waves(shared):
    waves = find_waves(ludb_record(shared, 8))  # atrial fibrillation, by its header
    assert waves.count > 5
    assert waves.sure()[:, 0].mean() < 0.2


@pytest.mark.parametrize("kind", ["noise", "sine", "flat"])
def test_no_waves_are_sure_where_there_is_no_ecg(kind):
    rng = np.random.default_rng(0)
    time_s = np.arange(1000) / 100
    signal_mv = {
        "noise": rng.normal(0, 0.3, (12, 1000)),
        "sine": np.sin(2 * np.pi * 5 * time_s) * np.ones((12, 1)),
        "flat": np.zeros((12, 1000)),
    }[kind]
    assert not find_waves(Record(signal_mv=signal_mv, rate_hz=100)).are_sure


def test_a_lost_lead_does_not_move_the_waves():
    record = made_up(seed=5)
    lost = record.signal_mv.copy()
    lost[3:5] = 0
    waves = find_waves(Record(signal_mv=lost, rate_hz=100))
    expected = find_waves(record)
    np.testing.assert_allclose(waves.times_s, expected.times_s, atol=0.02)


def test_blocks_of_a_long_record_join_without_a_seam():
    record = made_up(seed=2, duration_s=130)
    waves = find_waves(record)
    rr_s = np.diff(waves.times_s[:, 1, 0])
    assert rr_s.min() > 0.5 * np.median(rr_s)
    assert rr_s.max() < 1.6 * np.median(rr_s)


def test_a_record_of_more_than_ten_minutes_has_no_waves():
    one = made_up(seed=2)
    record = Record(signal_mv=np.tile(one.signal_mv, 61), rate_hz=100)
    assert find_waves(record).count == 0


def test_a_stretch_starts_and_ends_at_one_half():
    probability = np.zeros((4, 100))
    probability[2, 10:20] = 1
    probability[2, 9] = 0.25  # one half lies a third of the way from 9 to 10
    ((onset_s, offset_s, mean),) = wave_stretches(probability, "QRS")
    assert onset_s == pytest.approx((9 + 1 / 3) / 100)
    assert offset_s == pytest.approx(0.195)
    assert mean == 1


def test_waves_go_to_their_beat():
    waves = assemble_beats(
        [(0.1, 0.2, 0.9), (0.45, 0.5, 0.9), (1.1, 1.2, 0.9)],  # the second is before T
        [(0.3, 0.4, 0.9), (1.3, 1.4, 0.9)],
        [(0.55, 0.7, 0.9), (2.0, 2.2, 0.9)],  # the second is too late
    )
    np.testing.assert_allclose(
        waves.times_s,
        [[[0.1, 0.2], [0.3, 0.4], [0.55, 0.7]], [[1.1, 1.2], [1.3, 1.4], [np.nan, np.nan]]],
    )
    assert waves.sure_beats.tolist() == [True, False]
