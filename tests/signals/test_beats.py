"""R peaks and heart rate against known ones: synthetic beats, and LUDB's annotated R peaks."""

import warnings

import numpy as np
import pytest
from scipy.signal import resample_poly

from ecgcam.signals.beats import heart_rate_bpm, r_peaks
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record


def bell_beats(width_s, *, bpm=60, rate_hz=500, seconds=10):
    """Return bell-shaped beats of this width, `bpm` per minute."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    beats_s = np.arange(0.4, seconds, 60 / bpm)
    return np.exp(-(((time_s[:, None] - beats_s) / width_s) ** 2)).sum(axis=1)


def beating(bpm, *, rate_hz=500, seconds=10, leads=("II",), scale_mv=1.0):
    """Return a record with narrow bell-shaped beats in every lead."""
    bells = bell_beats(0.015, bpm=bpm, rate_hz=rate_hz, seconds=seconds)
    return Record(
        signal_mv=np.tile(scale_mv * bells, (len(leads), 1)), rate_hz=rate_hz, leads=leads
    )


@pytest.mark.parametrize("rate_hz", [100, 257.5, 500, 1000])
@pytest.mark.parametrize("bpm", [40, 75, 150])
def test_the_rate_of_regular_beats_is_found(bpm, rate_hz):
    assert heart_rate_bpm(beating(bpm, rate_hz=rate_hz)) == pytest.approx(bpm, rel=0.03)


@pytest.mark.parametrize("scale_mv", [0.05, -1.0, 20.0])
def test_neither_size_nor_sign_matters(scale_mv):
    assert heart_rate_bpm(beating(60, scale_mv=scale_mv)) == pytest.approx(60, rel=0.03)


def test_a_flat_lead_does_not_matter():
    signal = np.concatenate([beating(50).signal_mv, np.zeros((1, 5000))])
    record = Record(signal_mv=signal, rate_hz=500, leads=("I", "II"))
    assert heart_rate_bpm(record) == pytest.approx(50, rel=0.03)


def test_peaks_are_where_the_beats_are():
    peaks_s = r_peaks(beating(60, rate_hz=250)) / 250
    np.testing.assert_allclose(peaks_s, np.arange(0.4, 10, 1), atol=0.05)


def test_noise_and_t_waves_are_not_beats():
    rng = np.random.default_rng(0)
    record = beating(60, leads=LEADS)
    t_waves = np.roll(bell_beats(0.08), round(0.3 * 500)) * 0.4
    signal = record.signal_mv + t_waves + rng.normal(0, 0.02, record.signal_mv.shape)
    noisy = Record(signal_mv=signal, rate_hz=500, leads=LEADS)
    assert len(r_peaks(noisy)) == 10


@pytest.mark.parametrize(
    "record",
    [
        Record(signal_mv=np.zeros((1, 5000)), rate_hz=500, leads=("II",)),
        beating(60, seconds=1.8),
        Record(signal_mv=[[0.0, 1.0, 0.5]], rate_hz=500, leads=("II",)),
    ],
    ids=["flat", "two beats", "three samples"],
)
def test_without_three_beats_there_is_no_rate(record):
    assert heart_rate_bpm(record) is None


@pytest.mark.parametrize("rate_hz", [500, 100])
def test_it_agrees_with_the_annotated_peaks_of_ludb(shared, rate_hz):
    hits = missed = false = 0
    for number in range(1, 121, 4):
        record, truth_s = ludb(shared / "ludb" / "data" / str(number), rate_hz)
        bpm = 60 / np.median(np.diff(truth_s))
        assert heart_rate_bpm(record) == pytest.approx(bpm, abs=5), f"LUDB {number}"
        peaks_s = r_peaks(record) / rate_hz
        marked = (peaks_s > truth_s[0] - 0.1) & (peaks_s < truth_s[-1] + 0.1)
        near = np.abs(peaks_s[marked][:, None] - truth_s) < 0.12
        hits += near.any(axis=0).sum()
        missed += (~near.any(axis=0)).sum()
        false += (~near.any(axis=1)).sum()
    assert hits / (hits + missed) > 0.995
    assert hits / (hits + false) > 0.995


def ludb(path, rate_hz):
    """Return the 12 leads at a rate, and the times in s of the R peaks annotated in lead II."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses features that newer versions of pandas warn of
        import wfdb

        signal, about = wfdb.rdsamp(str(path))
        marks = wfdb.rdann(str(path), "ii")
    peaks = marks.sample[np.array(marks.symbol) == "N"]
    signal_mv = resample_poly(signal, rate_hz, about["fs"], axis=0).T
    return Record(signal_mv=signal_mv, rate_hz=rate_hz, leads=LEADS), peaks / about["fs"]
