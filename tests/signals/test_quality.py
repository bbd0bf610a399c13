"""Signal quality: cases by hand, plain loops as the reference, and real ECGs."""

from itertools import groupby

import numpy as np
import pytest

from ecgcam.signals.leads import LEADS
from ecgcam.signals.quality import (
    find_quality,
    find_quality_uv,
    implausible_amplitude,
    signal_findings,
    unusual_amplitude,
)

BROKEN_IN_FOLD_2 = {18767, 21160, 21169, 21171}  # breaks Einthoven's law by more than 0.1 mV


def good_signal(*, records=1, time=1000, seed=0):
    """Return noise that obeys Einthoven's law and has no findings, (records, 12, time)."""
    signal = np.random.default_rng(seed).normal(0, 0.3, (records, 12, time)).round(3)
    signal[:, 2] = signal[:, 1] - signal[:, 0]
    return signal.astype(np.float32)


def beats(*, rate_hz=100, seconds=10, r_mv=1.0):
    """Return one lead: a triangular R peak of 80 ms each second on a slow wave."""
    t = np.arange(rate_hz * seconds) / rate_hz
    peaks = r_mv * np.clip(1 - np.abs(t % 1 - 0.5) / 0.04, 0, None)
    return peaks + 0.1 * np.sin(2 * np.pi * 0.13 * t)


def test_a_good_signal_has_no_findings():
    assert signal_findings(good_signal()[0]) == ()


def test_each_finding_names_its_lead():
    signal = good_signal()[0]
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


def test_einthovens_law_goes_by_the_names_of_the_leads():
    signal = good_signal()[0]
    order = [7, 2, 5, 0, 11, 1]
    leads = [LEADS[k] for k in order]
    assert signal_findings(signal[order], leads) == ()
    signal[2, 500] += 0.102
    assert signal_findings(signal[order], leads) == ("Einthoven broken",)
    assert signal_findings(signal[[0, 1, 3]], ["I", "II", "aVR"]) == ()


def test_a_difference_of_exactly_a_tenth_of_a_millivolt_is_allowed():
    whole = good_signal(records=50)
    off = whole.copy()
    off[:, 1, 7] = (np.round(1000 * (whole[:, 0, 7] + whole[:, 2, 7])) + 100) / 1000
    assert not find_quality(off)["Einthoven broken"].any()
    off[:, 1, 7] += 0.001
    assert find_quality(off)["Einthoven broken"].all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_missing_samples_and_hide_nothing_else(bad):
    signal = good_signal()[0]
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


def test_a_rest_just_below_600_ms_is_not_stuck():
    for rate_hz, samples in ((100, 60), (500, 300), (250, 150)):
        signal = good_signal(time=3 * rate_hz)[0]
        signal[4, 20 : 20 + samples - 1] = 0.123
        assert signal_findings(signal, rate_hz=rate_hz) == ()
        signal[4, 20 : 20 + samples] = 0.123
        assert signal_findings(signal, rate_hz=rate_hz) == ("stuck aVL",)


@pytest.mark.parametrize("rate_hz", [100, 250, 500, 1000])
@pytest.mark.parametrize("side", [1, -1])
def test_cut_peaks_are_clipped_at_any_rate_and_on_either_side(rate_hz, side):
    signal = good_signal(time=10 * rate_hz)[0]
    signal[9] = side * beats(rate_hz=rate_hz).round(3)
    assert signal_findings(signal, rate_hz=rate_hz) == ()
    signal[9] = np.clip(signal[9], -0.7, 0.7)
    assert signal_findings(signal, rate_hz=rate_hz) == ("clipped V4",)


def test_a_slow_wave_that_rests_at_its_turn_is_not_clipped():
    signal = good_signal()[0]
    signal[9] = np.sin(2 * np.pi * 0.2 * np.arange(1000) / 100).round(2)
    assert (signal[9] == 1).sum() > 10
    assert signal_findings(signal) == ()


def test_a_record_has_the_same_findings_alone_and_in_a_batch():
    batch = coarse_walks()
    together = find_quality(batch)
    for k in range(len(batch)):
        for finding, hits in find_quality(batch[k : k + 1]).items():
            np.testing.assert_array_equal(hits[0], together[finding][k])


def coarse_walks():
    """Return coarse random walks with rests, dropouts, cut peaks and gaps: (40, 12, 400)."""
    rng = np.random.default_rng(4)
    steps = rng.integers(-1, 2, (40, 12, 400)) * rng.choice([0, 0, 1, 4], (40, 12, 400))
    signal = 0.01 * steps.cumsum(-1)
    signal[:12] = np.clip(signal[:12], -0.15, 0.15)
    signal[12:20, :, 100:165] = signal[12:20, :, 100:101]
    signal[20:22] = signal[20:22, :, :1]
    signal[18:25, 3, 50] = np.nan
    return signal.astype(np.float32)


def test_the_vectorized_code_agrees_with_plain_loops():
    batch = coarse_walks()
    findings = find_quality(batch)
    for finding in ("missing samples", "flat", "stuck", "clipped"):
        slow = [[finding in by_plain_loops(lead) for lead in record] for record in batch]
        np.testing.assert_array_equal(findings[finding], slow)
        assert 0.005 < np.mean(slow) < 0.9 or finding == "missing samples"


def by_plain_loops(lead):
    """Return the findings of one lead at 100 Hz, as defined."""
    values = [None if x != x else round(x * 1000) for x in lead.tolist()]
    numbers = [x for x in values if x is not None]
    names = {"missing samples"} if None in values else set()
    if len(set(numbers)) == 1:
        return names | {"flat"}
    if any(value is not None and len(list(run)) >= 60 for value, run in groupby(values)):
        names.add("stuck")
    for extreme in (max(numbers), min(numbers)):
        corners = sum(
            extreme in (a, b) and None not in (a, b) and abs(a - b) >= 40
            for a, b in zip(values, values[1:], strict=False)
        )
        if values.count(extreme) >= 5 and corners >= 2:
            names.add("clipped")
    return names


def whole_microvolts():
    """Return the walks in microvolts, with the ends of the int16 range and cases at the limits."""
    signals_uv = np.rint(1000 * np.nan_to_num(coarse_walks())).astype(np.int16)
    extremes = np.random.default_rng(1).choice([-32767, 0, 32767], (8, 12, 400))
    extremes[:, :, 200:280] = 32767
    edges = np.zeros((2, 12, 400), np.int16)
    edges[:, 1, 7] = 100, 101  # Einthoven: I + III is 0
    edges[:, 3, 50:55] = [[39], [40]]  # the corners of a clipped peak
    return np.concatenate([signals_uv, extremes.astype(np.int16), edges])


@pytest.mark.parametrize("rate_hz", [2, 5, 10, 100, 250, 500, 1000])
def test_microvolts_have_the_same_findings_as_millivolts(rate_hz):
    signals_uv = whole_microvolts()
    findings = find_quality_uv(signals_uv, LEADS, rate_hz)
    expected = find_quality(signals_uv * np.float32(1e-3), LEADS, rate_hz)
    assert list(findings) == list(expected)
    for finding, hits in expected.items():
        np.testing.assert_array_equal(findings[finding], hits)
        assert rate_hz != 100 or hits.any() == (finding != "missing samples")
    assert findings["Einthoven broken"][-2:, 0].tolist() == [False, True]
    if rate_hz == 100:
        assert findings["clipped"][-2:, 3].tolist() == [False, True]


@pytest.mark.parametrize("rate_hz", [2, 5, 10, 12, 100, 110, 250, 360])
def test_a_rest_is_found_at_any_start(rate_hz):
    shortest = max(round(0.6 * rate_hz), 2)
    starts = np.arange(3 * shortest)
    signals_uv = np.tile(np.arange(5 * shortest, dtype=np.int16), (len(starts), 1, 1))
    for length, stuck in ((shortest - 1, False), (shortest, True)):
        resting = signals_uv.copy()
        for row, start in enumerate(starts):
            resting[row, 0, start : start + length] = -7
        assert (find_quality_uv(resting, ["V1"], rate_hz)["stuck"] == stuck).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_an_amplitude_outside_int16_microvolts_is_implausible(sign):
    assert implausible_amplitude(sign * np.array([[0.5, 32.767]], np.float32)) == ""
    problem = implausible_amplitude(sign * np.array([[0.5, 32.768]], np.float32))
    assert problem == "32.77 mV is beyond any ECG (at most 32.767 mV); check the unit."


def test_an_amplitude_below_the_noise_of_electrodes_is_implausible():
    ecg = np.zeros((12, 1000), np.float32)
    ecg[3, 500] = 0.0201
    assert implausible_amplitude(ecg) == ""
    problem = implausible_amplitude(ecg / 1000)
    assert problem == "no lead spans 0.02 mV, as in any ECG; check the unit."
    assert implausible_amplitude(ecg * 0 + 7) == ""  # flat, which find_quality reports


@pytest.mark.parametrize(
    ("span_mv", "warning"),
    [
        (0.19, "unusual amplitude: it spans 0.19 mV at most, less than other ECGs"),
        (0.21, ""),
        (9.9, ""),
        (10.4, "unusual amplitude: it spans 10 mV at most, more than other ECGs"),
    ],
)
def test_an_unusual_amplitude_is_found(span_mv, warning):
    """The lead that spans most counts, at any level."""
    signal_mv = 0.1 * np.sin(np.arange(1000.0))[None].repeat(12, 0) * span_mv + 1
    signal_mv[4] = 1
    signal_mv[4, 300] += span_mv
    assert unusual_amplitude(signal_mv.astype(np.float32)) == warning


def test_synthetic_ecgs_have_a_usual_amplitude(synthetic_store):
    signals_mv = synthetic_store.signals_mv(range(50))
    assert [unusual_amplitude(signal_mv) for signal_mv in signals_mv] == [""] * 50


def test_a_signal_shorter_than_a_rest_is_not_stuck():
    for time in (1, 2, 15, 59):
        findings = find_quality_uv(np.ones((1, 1, time), np.int16), ["V1"])
        assert (bool(findings["flat"]), bool(findings["stuck"])) == (True, False)


def test_a_wrong_shape_is_a_value_error():
    for find, kind in ((find_quality, np.float32), (find_quality_uv, np.int16)):
        with pytest.raises(ValueError, match="12 leads"):
            find(np.zeros((2, 1000, 12), kind))


def test_the_known_findings_of_real_ecgs(ptbxl_fold_2):
    ids, signals_mv = (array[1100:] for array in ptbxl_fold_2)
    findings = find_quality(signals_mv)
    names = {
        finding: {(int(ids[row]), LEADS[lead]) for row, lead in np.argwhere(hits)}
        for finding, hits in findings.items()
    }
    assert names["flat"] == {(12722, "V5")}
    assert names["stuck"] == {(12251, "V5"), (12722, "V4"), (12722, "V6")}
    assert {record for record, _ in names["Einthoven broken"]} == BROKEN_IN_FOLD_2
    assert names["clipped"] == names["missing samples"] == set()


def test_cut_peaks_of_real_ecgs_are_found(ptbxl_fold_2):
    signals_mv = ptbxl_fold_2[1][:200]
    middle = np.median(signals_mv, axis=-1, keepdims=True)
    reach = np.abs(signals_mv - middle).max(axis=-1, keepdims=True)
    cut = np.clip(signals_mv, middle - 0.7 * reach, middle + 0.7 * reach)
    assert find_quality(cut.round(3))["clipped"].mean() > 0.9
