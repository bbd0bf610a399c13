"""A record cut to a model's windows, and brought to its rate by a filter known tap by tap."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import firwin

from ecgcam.errors import RecordError
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record
from ecgcam.signals.resampling import resample
from ecgcam.signals.windows import Windows, cut


def record_of(seconds, *, rate_hz=100, leads=LEADS, warnings=()):
    """A random walk in each lead, with an offset of its own."""
    rng = np.random.default_rng(0)
    walk = rng.normal(0, 0.05, (len(leads), round(seconds * rate_hz))).cumsum(axis=1)
    return Record(
        signal_mv=walk + rng.normal(0, 1, (len(leads), 1)),
        rate_hz=rate_hz,
        leads=leads,
        name="a17",
        warnings=warnings,
    )


def cut_to_ten(record):
    return cut(record, leads=LEADS, rate_hz=100, duration_s=10)


def by_hand(signal, up, down):
    """Zeros between the samples, the documented filter, every down-th sample of what comes."""
    m = max(up, down)
    taps = up * firwin(20 * m + 1, 1 / m, window=("kaiser", 5.0))
    around = 10 * m // up + 1  # as far as the filter reaches
    padded = np.pad(signal.astype(np.float64), ((0, 0), (around, around)), mode="edge")
    sparse = np.zeros((len(signal), padded.shape[1] * up))
    sparse[:, ::up] = padded
    smooth = np.array([np.convolve(row, taps) for row in sparse])
    first = around * up + 10 * m  # the filter's own delay
    samples = -(-signal.shape[1] * up // down)
    return smooth[:, first : first + samples * down : down][:, :samples]


@pytest.mark.parametrize(
    ("rate_hz", "up", "down"),
    [(500, 1, 5), (250, 2, 5), (360, 5, 18), (257, 100, 257), (1000, 1, 10), (50, 2, 1)],
)
def test_resampling_is_the_filter_that_is_documented(rate_hz, up, down):
    record = record_of(3.01, rate_hz=rate_hz, leads=("I", "V1"))
    found = resample(record, 100)
    np.testing.assert_allclose(found.signal_mv, by_hand(record.signal_mv, up, down), atol=2e-6)
    assert found.rate_hz == 100
    assert (found.leads, found.name) == (record.leads, "a17")
    assert found.signal_mv.dtype == np.float32


@pytest.mark.parametrize("rate_hz", [128, 250, 360, 500, 1000])
@pytest.mark.parametrize("frequency_hz", [0, 1, 7.5, 30])
def test_a_sine_keeps_its_frequency_size_and_place(rate_hz, frequency_hz):
    def sine(rate_hz):
        return np.cos(2 * np.pi * frequency_hz * np.arange(10 * rate_hz) / rate_hz)

    found = resample(Record(signal_mv=sine(rate_hz)[None], rate_hz=rate_hz, leads=("I",)), 100)
    assert found.signal_mv.shape == (1, 1000)
    np.testing.assert_allclose(found.signal_mv[0, 50:-50], sine(100)[50:-50], atol=0.005)


@pytest.mark.parametrize("frequency_hz", [62, 75, 100, 180, 240])
def test_what_the_new_rate_cannot_hold_is_suppressed(frequency_hz):
    fast = np.sin(2 * np.pi * frequency_hz * np.arange(5000) / 500 + 0.3)
    found = resample(Record(signal_mv=fast[None], rate_hz=500, leads=("I",)), 100)
    assert np.abs(found.signal_mv[0, 50:-50]).max() < 0.01


def test_a_level_stays_level_to_the_very_ends():
    level = Record(signal_mv=np.full((12, 2500), -1.7), rate_hz=250)
    np.testing.assert_allclose(resample(level, 100).signal_mv, -1.7, atol=0.005)


def test_a_record_at_the_rate_already_is_not_touched():
    record = record_of(10)
    assert resample(record, 100) is record


@pytest.mark.parametrize("rate_hz", [1e6, 1, 1e-5, 1e-300])
def test_a_rate_that_no_ecg_has_is_refused(rate_hz):
    record = Record(signal_mv=np.zeros((1, 50)), rate_hz=rate_hz, leads=("I",), name="a17")
    with pytest.raises(RecordError, match="a17: .* Hz to 100 Hz; expected a rate from 10"):
        resample(record, 100)


def test_ten_seconds_are_one_window_as_it_is():
    record = record_of(10)
    windows = cut_to_ten(record)
    np.testing.assert_array_equal(windows.signal_mv, record.signal_mv[None])
    assert (windows.judged_s, windows.warnings) == (10, ())


def test_a_rest_of_five_seconds_is_filled_with_the_median_of_each_lead():
    record = record_of(15)
    windows = cut_to_ten(record)
    assert windows.signal_mv.shape == (2, 12, 1000)
    np.testing.assert_array_equal(windows.signal_mv[0], record.signal_mv[:, :1000])
    np.testing.assert_array_equal(windows.signal_mv[1, :, :500], record.signal_mv[:, 1000:])
    middle = np.median(record.signal_mv[:, 1000:], axis=1)  # the mean of the two middle values
    np.testing.assert_array_equal(windows.signal_mv[1, :, 500:], np.tile(middle[:, None], 500))
    assert windows.judged_s == 15
    assert windows.warnings == ("the last window lacks 5 s: filled up, not judged",)


@pytest.mark.parametrize(
    ("seconds", "windows", "judged_s", "said"),
    [
        (5, 1, 5, "the last window lacks 5 s: filled up"),
        (7.3, 1, 7.3, "the last window lacks 2.7 s: filled up"),
        (9.99, 1, 9.99, "the last window lacks 0.01 s: filled up"),
        (10.01, 1, 10, "the last 0.01 s are left out"),
        (14.99, 1, 10, "the last 4.99 s are left out"),
        (17, 2, 17, "the last window lacks 3 s: filled up"),
        (20, 2, 20, None),
        (23, 2, 20, "the last 3 s are left out"),
        (25, 3, 25, "the last window lacks 5 s: filled up"),
    ],
)
def test_every_length_from_five_seconds_on(seconds, windows, judged_s, said):
    record = record_of(seconds)
    found = cut_to_ten(record)
    assert found.signal_mv.shape == (windows, 12, 1000)
    assert found.judged_s == judged_s
    assert [text.split(",")[0] for text in found.warnings] == ([said] if said else [])
    in_a_row = np.concatenate(list(found.signal_mv), axis=1)
    judged = round(judged_s * 100)
    np.testing.assert_array_equal(in_a_row[:, :judged], record.signal_mv[:, :judged])


@pytest.mark.parametrize("seconds", [0.01, 4, 4.99])
def test_less_than_five_seconds_are_refused(seconds):
    with pytest.raises(RecordError, match=rf"a17: it lasts {seconds:g} s; needed: at least 5 s"):
        cut_to_ten(record_of(seconds))


def test_a_model_of_shorter_windows_needs_no_more_than_its_window():
    found = cut(record_of(7), leads=LEADS, rate_hz=100, duration_s=2.5)
    assert found.signal_mv.shape == (2, 12, 250)
    assert found.warnings == ("the last 2 s are left out, not judged",)
    with pytest.raises(RecordError, match="at least 2.5 s"):
        cut(record_of(2), leads=LEADS, rate_hz=100, duration_s=2.5)


def test_leads_are_taken_by_name_and_warnings_add_up():
    record = record_of(8, rate_hz=500, leads=LEADS[::-1], warnings=("flat V5",))
    few = ("aVR", "I", "V6")
    found = cut(record, leads=few, rate_hz=100, duration_s=10)
    expected = resample(record.with_leads(few), 100).signal_mv
    np.testing.assert_array_equal(found.signal_mv[0, :, :800], expected)
    assert found.warnings == (
        "flat V5",
        "judged by aVR, I, V6 alone; the heat behind others is not theirs",
        "resampled from 500 to 100 Hz",
        "the last window lacks 2 s: filled up, not judged",
    )


def test_a_missing_lead_is_refused():
    with pytest.raises(RecordError, match="a17: leads V6 are missing"):
        cut_to_ten(record_of(10, leads=LEADS[:11]))


def test_microvolts_that_are_taken_for_millivolts_are_refused():
    record = record_of(10)
    huge = replace(record, signal_mv=record.signal_mv * 1000)
    with pytest.raises(RecordError, match="a17: .* mV is beyond any ECG .*: is its unit right"):
        cut_to_ten(huge)
    only_v6 = np.where(np.arange(12)[:, None] == 11, huge.signal_mv, record.signal_mv)
    cut(replace(record, signal_mv=only_v6), leads=("I", "II"), rate_hz=100, duration_s=10)


def test_leads_that_are_not_looked_at_are_said():
    record = record_of(10, leads=("I", "II", "V5"))
    found = cut(record, leads=("V5", "I"), rate_hz=100, duration_s=10)
    (warning,) = found.warnings
    assert warning.startswith("judged by V5, I alone")
    assert not cut(record, leads=record.leads[::-1], rate_hz=100, duration_s=10).warnings


@pytest.mark.parametrize(("judged_s", "frames"), [(10, 125), (20, 250), (5, 62), (5.01, 63)])
def test_a_frame_counts_if_its_middle_was_recorded(judged_s, frames):
    """Of 80 ms each: the middle of that from 4.96 to 5.04 s is at 5 s."""
    windows = Windows(
        signal_mv=np.zeros((2, 12, 1000)), window_s=10, judged_s=judged_s, warnings=()
    )
    evidence = np.arange(250.0).reshape(2, 1, 125)
    assert windows.in_a_row(evidence).tolist() == [list(range(frames))]
