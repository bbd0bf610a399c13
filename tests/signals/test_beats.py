"""Heart rate against rates that are known: made-up beats, and LUDB's annotated R peaks."""

import warnings

import numpy as np
import pytest
from scipy.signal import resample_poly

from ecgcam.signals.beats import heart_rate_bpm
from ecgcam.signals.record import Record


def beating(bpm, *, rate_hz=500, seconds=10, leads=("II",), scale_mv=1.0):
    """Narrow bells, `bpm` of them a minute, in every lead."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    beats_s = np.arange(0.4, seconds, 60 / bpm)
    bells = np.exp(-(((time_s[:, None] - beats_s) / 0.015) ** 2)).sum(axis=1)
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


def test_lead_ii_is_asked_first_and_a_flat_one_is_passed_over():
    signal = np.concatenate([beating(50).signal_mv, beating(100).signal_mv])
    ii_last = Record(signal_mv=signal, rate_hz=500, leads=("I", "II"))
    assert heart_rate_bpm(ii_last) == pytest.approx(100, rel=0.03)
    flat = Record(signal_mv=signal * [[1], [0]], rate_hz=500, leads=("I", "II"))
    assert heart_rate_bpm(flat) == pytest.approx(50, rel=0.03)


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
    for number in range(1, 121, 8):
        record, truth = ludb(shared / "ludb" / "data" / str(number), rate_hz)
        assert heart_rate_bpm(record) == pytest.approx(truth, abs=5), f"LUDB {number}"


def ludb(path, rate_hz):
    """Lead II at a rate, and the beats a minute of its annotated R peaks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wfdb uses what newer versions of pandas warn of
        import wfdb

        signal, about = wfdb.rdsamp(str(path))
        marks = wfdb.rdann(str(path), "ii")
    peaks = marks.sample[np.array(marks.symbol) == "N"]
    lead = signal[:, about["sig_name"].index("ii")]
    lead = resample_poly(lead, rate_hz, about["fs"])
    truth = 60 / np.median(np.diff(peaks) / about["fs"])
    return Record(signal_mv=lead[None], rate_hz=rate_hz, leads=("II",)), truth
