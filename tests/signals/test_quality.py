"""Findings of a signal: cases known by hand, plain loops as the reference, and real ECGs."""

from itertools import groupby

import numpy as np
import pytest

from ecgcam.signals.leads import LEADS
from ecgcam.signals.quality import (
    beyond_any_ecg,
    find_quality,
    find_quality_uv,
    signal_findings,
    unusual_size,
    with_findings,
)
from ecgcam.signals.record import Record

BROKEN_IN_FOLD_2 = {18767, 21160, 21169, 21171}  # breaks Einthoven's law by more than 0.1 mV


def lively(*, records=1, time=1000, seed=0):
    """Noise that obeys Einthoven's law, (records, 12, time): nothing is wrong with it."""
    signal = np.random.default_rng(seed).normal(0, 0.3, (records, 12, time)).round(3)
    signal[:, 2] = signal[:, 1] - signal[:, 0]
    return signal.astype(np.float32)


def beats(*, rate_hz=100, seconds=10, r_mv=1.0):
    """One lead: a triangular R peak of 80 ms each second on a slow wave."""
    t = np.arange(rate_hz * seconds) / rate_hz
    peaks = r_mv * np.clip(1 - np.abs(t % 1 - 0.5) / 0.04, 0, None)
    return peaks + 0.1 * np.sin(2 * np.pi * 0.13 * t)


def test_a_good_signal_gives_no_words():
    assert signal_findings(lively()[0]) == ()


def test_each_finding_names_its_lead():
    signal = lively()[0]
    signal[LEADS.index("V5")] = 0.2
    signal[LEADS.index("aVF"), 300:360] = -0.15
    signal[LEADS.index("V1"), 10] = np.nan
    signal[LEADS.index("V2")] = np.clip(beats(), -1, 0.6)
    assert signal_findings(signal) == (
        "missing samples V1",
        "flat V5",
        "stuck aVF",
        "clipped V2",
    )


def test_einthovens_law_is_judged_by_the_names_of_the_leads():
    signal = lively()[0]
    order = [7, 2, 5, 0, 11, 1]
    leads = [LEADS[k] for k in order]
    assert signal_findings(signal[order], leads) == ()
    signal[2, 500] += 0.102
    assert signal_findings(signal[order], leads) == ("Einthoven broken",)
    assert signal_findings(signal[[0, 1, 3]], ["I", "II", "aVR"]) == ()


def test_a_difference_of_just_a_tenth_of_a_millivolt_is_no_breach():
    whole = lively(records=50)
    off = whole.copy()
    off[:, 1, 7] = (np.round(1000 * (whole[:, 0, 7] + whole[:, 2, 7])) + 100) / 1000
    assert not find_quality(off)["Einthoven broken"].any()
    off[:, 1, 7] += 0.001
    assert find_quality(off)["Einthoven broken"].all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_number_are_missing_and_hide_nothing_else(bad):
    signal = lively()[0]
    signal[3] = 0.5
    signal[3, ::7] = bad
    signal[8] = bad
    signal[0, 20] = bad
    signal[1, 900] += 5
    assert signal_findings(signal) == (
        "missing samples I",
        "missing samples aVR",
        "missing samples V3",
        "flat aVR",
        "Einthoven broken",
    )


def test_a_rest_of_just_below_600_ms_is_not_stuck():
    for rate_hz, samples in ((100, 60), (500, 300), (250, 150)):
        signal = lively(time=3 * rate_hz)[0]
        signal[4, 20 : 20 + samples - 1] = 0.123
        assert signal_findings(signal, rate_hz=rate_hz) == ()
        signal[4, 20 : 20 + samples] = 0.123
        assert signal_findings(signal, rate_hz=rate_hz) == ("stuck aVL",)


@pytest.mark.parametrize("rate_hz", [100, 250, 500, 1000])
@pytest.mark.parametrize("side", [1, -1])
def test_cut_peaks_are_clipped_at_any_rate_and_on_either_side(rate_hz, side):
    signal = lively(time=10 * rate_hz)[0]
    signal[9] = side * beats(rate_hz=rate_hz).round(3)
    assert signal_findings(signal, rate_hz=rate_hz) == ()
    signal[9] = np.clip(signal[9], -0.7, 0.7)
    assert signal_findings(signal, rate_hz=rate_hz) == ("clipped V4",)


def test_a_slow_wave_that_rests_at_its_turn_is_not_clipped():
    signal = lively()[0]
    signal[9] = np.sin(2 * np.pi * 0.2 * np.arange(1000) / 100).round(2)
    assert (signal[9] == 1).sum() > 10
    assert signal_findings(signal) == ()


def test_one_record_alone_and_in_a_batch_gets_the_same():
    batch = quantised()
    together = find_quality(batch)
    for k in range(len(batch)):
        for finding, hits in find_quality(batch[k : k + 1]).items():
            np.testing.assert_array_equal(hits[0], together[finding][k])


def quantised():
    """Coarse random walks with rests, dropouts, cut peaks and holes: (40, 12, 400)."""
    rng = np.random.default_rng(4)
    steps = rng.integers(-1, 2, (40, 12, 400)) * rng.choice([0, 0, 1, 4], (40, 12, 400))
    signal = 0.01 * steps.cumsum(-1)
    signal[:12] = np.clip(signal[:12], -0.15, 0.15)
    signal[12:20, :, 100:165] = signal[12:20, :, 100:101]
    signal[20:22] = signal[20:22, :, :1]
    signal[18:25, 3, 50] = np.nan
    return signal.astype(np.float32)


def test_the_vectors_agree_with_plain_loops():
    batch = quantised()
    found = find_quality(batch)
    for finding in ("missing samples", "flat", "stuck", "clipped"):
        slow = [[finding in in_plain_loops(lead) for lead in record] for record in batch]
        np.testing.assert_array_equal(found[finding], slow)
        assert 0.005 < np.mean(slow) < 0.9 or finding == "missing samples"


def in_plain_loops(lead):
    """The findings of one lead at 100 Hz, written down from their definitions."""
    values = [None if x != x else round(x * 1000) for x in lead.tolist()]
    numbers = [x for x in values if x is not None]
    found = {"missing samples"} if None in values else set()
    if len(set(numbers)) == 1:
        return found | {"flat"}
    if any(value is not None and len(list(run)) >= 60 for value, run in groupby(values)):
        found.add("stuck")
    for extreme in (max(numbers), min(numbers)):
        corners = sum(
            extreme in (a, b) and None not in (a, b) and abs(a - b) >= 40
            for a, b in zip(values, values[1:], strict=False)
        )
        if values.count(extreme) >= 5 and corners >= 2:
            found.add("clipped")
    return found


def whole_microvolts():
    """Walks as above, and what only whole numbers can go wrong with: the ends of their range."""
    signals_uv = np.rint(1000 * np.nan_to_num(quantised())).astype(np.int16)
    extremes = np.random.default_rng(1).choice([-32767, 0, 32767], (8, 12, 400))
    extremes[:, :, 200:280] = 32767
    edges = np.zeros((2, 12, 400), np.int16)
    edges[:, 1, 7] = 100, 101  # Einthoven: I + III is 0
    edges[:, 3, 50:55] = [[39], [40]]  # the corners of a clipped peak
    return np.concatenate([signals_uv, extremes.astype(np.int16), edges])


@pytest.mark.parametrize("rate_hz", [2, 5, 10, 100, 250, 500, 1000])
def test_of_whole_microvolts_it_finds_what_it_finds_of_millivolts(rate_hz):
    signals_uv = whole_microvolts()
    found = find_quality_uv(signals_uv, LEADS, rate_hz)
    expected = find_quality(signals_uv * np.float32(1e-3), LEADS, rate_hz)
    assert list(found) == list(expected)
    for finding, hits in expected.items():
        np.testing.assert_array_equal(found[finding], hits)
        assert rate_hz != 100 or hits.any() == (finding != "missing samples")
    assert found["Einthoven broken"][-2:, 0].tolist() == [False, True]
    if rate_hz == 100:
        assert found["clipped"][-2:, 3].tolist() == [False, True]


@pytest.mark.parametrize("rate_hz", [2, 5, 10, 12, 100, 110, 250, 360])
def test_a_rest_is_found_wherever_it_begins(rate_hz):
    needed = max(round(0.6 * rate_hz), 2)
    starts = np.arange(3 * needed)
    signals_uv = np.tile(np.arange(5 * needed, dtype=np.int16), (len(starts), 1, 1))
    for length, stuck in ((needed - 1, False), (needed, True)):
        resting = signals_uv.copy()
        for row, start in enumerate(starts):
            resting[row, 0, start : start + length] = -7
        assert (find_quality_uv(resting, ["V1"], rate_hz)["stuck"] == stuck).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_what_no_16_bits_of_microvolts_hold_is_beyond_any_ecg(sign):
    assert beyond_any_ecg(sign * np.array([[0.5, 32.767]], np.float32)) == ""
    said = beyond_any_ecg(sign * np.array([[0.5, 32.768]], np.float32))
    assert said == "32.77 mV is beyond any ECG (32.767 mV): is its unit right?"


def test_what_no_lead_spans_enough_of_is_no_ecg_in_millivolts():
    ecg = np.zeros((12, 1000), np.float32)
    ecg[3, 500] = 0.0201
    assert beyond_any_ecg(ecg) == ""
    said = beyond_any_ecg(ecg / 1000)
    assert said == "no lead spans 0.02 mV, as any ECG does: is its unit right?"
    assert beyond_any_ecg(ecg * 0 + 7) == ""  # flat, which is told elsewhere


@pytest.mark.parametrize(
    ("span_mv", "said"),
    [
        (0.19, "unusual size: it spans 0.19 mV at most, less than other ECGs"),
        (0.21, ""),
        (9.9, ""),
        (10.4, "unusual size: it spans 10 mV at most, more than other ECGs"),
    ],
)
def test_an_unusual_size_is_a_warning(span_mv, said):
    """Of the lead that spans most, whatever its level."""
    signal_mv = 0.1 * np.sin(np.arange(1000.0))[None].repeat(12, 0) * span_mv + 1
    signal_mv[4] = 1
    signal_mv[4, 300] += span_mv
    told = with_findings(Record(signal_mv=signal_mv, rate_hz=100)).warnings
    assert [one for one in told if "size" in one] == ([said] if said else [])


def test_of_ptb_xls_usual_ecgs_none_is_of_unusual_size(synthetic_store):
    signals_mv = synthetic_store.signals_mv(range(50))
    assert [unusual_size(signal_mv) for signal_mv in signals_mv] == [""] * 50


def test_a_signal_too_short_to_rest_is_not_stuck():
    for time in (1, 2, 15, 59):
        found = find_quality_uv(np.ones((1, 1, time), np.int16), ["V1"])
        assert (bool(found["flat"]), bool(found["stuck"])) == (True, False)


def test_a_wrong_shape_is_the_caller_s_fault():
    for find, kind in ((find_quality, np.float32), (find_quality_uv, np.int16)):
        with pytest.raises(ValueError, match="12 leads"):
            find(np.zeros((2, 1000, 12), kind))


def test_on_real_ecgs_it_finds_what_is_known_of_them(ptbxl_fold_2):
    ids, signals_mv = (array[1100:] for array in ptbxl_fold_2)
    found = find_quality(signals_mv)
    names = {
        finding: {(int(ids[row]), LEADS[lead]) for row, lead in np.argwhere(hits)}
        for finding, hits in found.items()
    }
    assert names["flat"] == {(12722, "V5")}
    assert names["stuck"] == {(12251, "V5"), (12722, "V4"), (12722, "V6")}
    assert {record for record, _ in names["Einthoven broken"]} == BROKEN_IN_FOLD_2
    assert names["clipped"] == names["missing samples"] == set()


def test_real_ecgs_whose_peaks_are_cut_are_found(ptbxl_fold_2):
    signals_mv = ptbxl_fold_2[1][:200]
    middle = np.median(signals_mv, axis=-1, keepdims=True)
    reach = np.abs(signals_mv - middle).max(axis=-1, keepdims=True)
    cut = np.clip(signals_mv, middle - 0.7 * reach, middle + 0.7 * reach)
    assert find_quality(cut.round(3))["clipped"].mean() > 0.9
