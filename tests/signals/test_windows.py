"""Windows and resampling: lengths, padding, warnings, and the filter written out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import firwin

from ecgcam.errors import RecordError
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record
from ecgcam.signals.resampling import resample
from ecgcam.signals.windows import FrameGrid, Windows, cut_windows


def record_of(seconds, *, rate_hz=100, leads=LEADS, warnings=()):
    """Make a record with a random walk and an offset in each lead."""
    rng = np.random.default_rng(0)
    walk = rng.normal(0, 0.05, (len(leads), round(seconds * rate_hz))).cumsum(axis=1)
    return Record(
        signal_mv=walk + rng.normal(0, 1, (len(leads), 1)),
        rate_hz=rate_hz,
        leads=leads,
        name="a17",
        warnings=warnings,
    )


def cut_to_10_s(record):
    return cut_windows(record, leads=LEADS, rate_hz=100, duration_s=10)


def resample_by_hand(signal, up, down):
    """Insert zeros between the samples, filter, and keep every down-th sample."""
    m = max(up, down)
    taps = up * firwin(20 * m + 1, 1 / m, window=("kaiser", 5.0))
    reach = 10 * m // up + 1  # of the filter, in samples
    padded = np.pad(signal.astype(np.float64), ((0, 0), (reach, reach)), mode="edge")
    sparse = np.zeros((len(signal), padded.shape[1] * up))
    sparse[:, ::up] = padded
    smooth = np.array([np.convolve(row, taps) for row in sparse])
    first = reach * up + 10 * m  # the delay of the filter
    samples = -(-signal.shape[1] * up // down)
    return smooth[:, first : first + samples * down : down][:, :samples]


@pytest.mark.parametrize(
    ("rate_hz", "up", "down"),
    [(500, 1, 5), (250, 2, 5), (360, 5, 18), (257, 100, 257), (1000, 1, 10), (50, 2, 1)],
)
def test_resampling_applies_the_documented_filter(rate_hz, up, down):
    record = record_of(3.01, rate_hz=rate_hz, leads=("I", "V1"))
    resampled = resample(record, 100)
    np.testing.assert_allclose(
        resampled.signal_mv, resample_by_hand(record.signal_mv, up, down), atol=2e-6
    )
    assert resampled.rate_hz == 100
    assert (resampled.leads, resampled.name) == (record.leads, "a17")
    assert resampled.signal_mv.dtype == np.float32


@pytest.mark.parametrize("rate_hz", [128, 250, 360, 500, 1000])
@pytest.mark.parametrize("frequency_hz", [0, 1, 7.5, 30])
def test_a_sine_keeps_its_frequency_amplitude_and_phase(rate_hz, frequency_hz):
    def sine(rate_hz):
        return np.cos(2 * np.pi * frequency_hz * np.arange(10 * rate_hz) / rate_hz)

    resampled = resample(Record(signal_mv=sine(rate_hz)[None], rate_hz=rate_hz, leads=("I",)), 100)
    assert resampled.signal_mv.shape == (1, 1000)
    np.testing.assert_allclose(resampled.signal_mv[0, 50:-50], sine(100)[50:-50], atol=0.005)


@pytest.mark.parametrize("frequency_hz", [62, 75, 100, 180, 240])
def test_frequencies_above_the_new_nyquist_rate_are_suppressed(frequency_hz):
    fast = np.sin(2 * np.pi * frequency_hz * np.arange(5000) / 500 + 0.3)
    resampled = resample(Record(signal_mv=fast[None], rate_hz=500, leads=("I",)), 100)
    assert np.abs(resampled.signal_mv[0, 50:-50]).max() < 0.01


def test_a_constant_signal_stays_constant_to_its_ends():
    level = Record(signal_mv=np.full((12, 2500), -1.7), rate_hz=250)
    np.testing.assert_allclose(resample(level, 100).signal_mv, -1.7, atol=0.005)


def test_a_record_at_the_requested_rate_is_unchanged():
    record = record_of(10)
    assert resample(record, 100) is record


@pytest.mark.parametrize("rate_hz", [1e6, 1, 1e-5, 1e-300])
def test_an_implausible_rate_is_refused(rate_hz):
    record = Record(signal_mv=np.zeros((1, 50)), rate_hz=rate_hz, leads=("I",), name="a17")
    with pytest.raises(RecordError, match="a17: .* Hz to 100 Hz; expected a rate from 10"):
        resample(record, 100)


def test_ten_seconds_are_one_unchanged_window():
    record = record_of(10)
    windows = cut_to_10_s(record)
    np.testing.assert_array_equal(windows.signal_mv, record.signal_mv[None])
    assert (windows.recorded_s, windows.warnings) == (10, ())


def test_a_remainder_of_five_seconds_is_padded_with_the_median_of_each_lead():
    record = record_of(15)
    windows = cut_to_10_s(record)
    assert windows.signal_mv.shape == (2, 12, 1000)
    np.testing.assert_array_equal(windows.signal_mv[0], record.signal_mv[:, :1000])
    np.testing.assert_array_equal(windows.signal_mv[1, :, :500], record.signal_mv[:, 1000:])
    middle = np.median(record.signal_mv[:, 1000:], axis=1)  # the mean of the two middle values
    np.testing.assert_array_equal(windows.signal_mv[1, :, 500:], np.tile(middle[:, None], 500))
    assert windows.recorded_s == 15
    assert windows.warnings == ("the last 5 s of the last window are padding and do not count",)


@pytest.mark.parametrize(
    ("seconds", "count", "recorded_s", "warning"),
    [
        (5, 1, 5, "the last 5 s"),
        (7.3, 1, 7.3, "the last 2.7 s"),
        (9.99, 1, 9.99, "the last 0.01 s"),
        (10.01, 1, 10, "the last 0.01 s were left out"),
        (14.99, 1, 10, "the last 4.99 s were left out"),
        (17, 2, 17, "the last 3 s"),
        (20, 2, 20, None),
        (23, 2, 20, "the last 3 s were left out"),
        (25, 3, 25, "the last 5 s"),
    ],
)
def test_every_length_from_five_seconds_on(seconds, count, recorded_s, warning):
    record = record_of(seconds)
    windows = cut_to_10_s(record)
    assert windows.signal_mv.shape == (count, 12, 1000)
    assert windows.recorded_s == recorded_s
    assert [text.split(" of ")[0] for text in windows.warnings] == ([warning] if warning else [])
    joined = np.concatenate(list(windows.signal_mv), axis=1)
    recorded = round(recorded_s * 100)
    np.testing.assert_array_equal(joined[:, :recorded], record.signal_mv[:, :recorded])


@pytest.mark.parametrize("seconds", [0.01, 4, 4.99])
def test_less_than_five_seconds_are_refused(seconds):
    with pytest.raises(RecordError, match=rf"a17: it lasts {seconds:g} s; expected at least 5 s"):
        cut_to_10_s(record_of(seconds))


def test_a_model_with_shorter_windows_needs_only_one_window():
    windows = cut_windows(record_of(7), leads=LEADS, rate_hz=100, duration_s=2.5)
    assert windows.signal_mv.shape == (2, 12, 250)
    assert windows.warnings == ("the last 2 s were left out",)
    with pytest.raises(RecordError, match="at least 2.5 s"):
        cut_windows(record_of(2), leads=LEADS, rate_hz=100, duration_s=2.5)


def test_leads_are_selected_by_name_and_warnings_accumulate():
    record = record_of(8, rate_hz=500, leads=LEADS[::-1], warnings=("flat V5",))
    few = ("aVR", "I", "V6")
    windows = cut_windows(record, leads=few, rate_hz=100, duration_s=10)
    expected = resample(record.with_leads(few), 100).signal_mv
    np.testing.assert_array_equal(windows.signal_mv[0, :, :800], expected)
    assert windows.warnings == (
        "flat V5",
        "only aVR, I, V6 were used; the heat on other leads is not theirs",
        "resampled from 500 to 100 Hz",
        "the last 2 s of the last window are padding and do not count",
    )


def test_a_missing_lead_is_refused():
    with pytest.raises(RecordError, match="a17: leads V6 are missing"):
        cut_to_10_s(record_of(10, leads=LEADS[:11]))


def test_microvolts_declared_as_millivolts_are_refused():
    record = record_of(10)
    huge = replace(record, signal_mv=record.signal_mv * 1000)
    with pytest.raises(RecordError, match="a17: .* mV is beyond any ECG .*; check the unit"):
        cut_to_10_s(huge)
    only_v6 = np.where(np.arange(12)[:, None] == 11, huge.signal_mv, record.signal_mv)
    cut_windows(replace(record, signal_mv=only_v6), leads=("I", "II"), rate_hz=100, duration_s=10)


def test_a_warning_names_the_leads_that_were_used():
    record = record_of(10, leads=("I", "II", "V5"))
    windows = cut_windows(record, leads=("V5", "I"), rate_hz=100, duration_s=10)
    (warning,) = windows.warnings
    assert warning.startswith("only V5, I were used")
    assert not cut_windows(record, leads=record.leads[::-1], rate_hz=100, duration_s=10).warnings


@pytest.mark.parametrize(("recorded_s", "frames"), [(10, 125), (20, 250), (5, 62), (5.01, 63)])
def test_a_frame_counts_if_its_center_was_recorded(recorded_s, frames):
    """Of 80 ms each: the middle of that from 4.96 to 5.04 s is at 5 s."""
    windows = Windows(
        count=2, cut=lambda first, last: None, window_s=10, recorded_s=recorded_s, warnings=()
    )
    evidence = np.arange(250.0).reshape(2, 1, 125)
    grid = FrameGrid(first_s=0.04, step_s=0.08)
    assert windows.join_frames(evidence, grid).tolist() == [list(range(frames))]
