"""Pacing: spikes of real pacemakers at 500 Hz, added ones, and paced beats at 100 Hz."""

from dataclasses import replace

import numpy as np
import pytest
from support.disturbed import made_up
from support.real_data import ludb_record

from ecgcam.signals.beats import SHAPE_RATE_HZ, r_peaks
from ecgcam.signals.pacing import find_pacing, find_spikes
from ecgcam.signals.record import Record
from ecgcam.signals.resampling import resample

PACED = {8, 34, 45, 72, 74, 90, 93, 95, 104, 111}  # by LUDB's diagnoses


def texts(record):
    at_100_hz = resample(record, SHAPE_RATE_HZ)
    return [finding.text for finding in find_pacing(record, at_100_hz, r_peaks(at_100_hz))]


def with_spikes(record, *, height_mv, before_r_s=0.1, width_s=0.002):
    """Add a rectangular pulse before each R peak in all leads, in the size of a pacemaker's."""
    signal_mv = record.signal_mv.copy()
    width = max(1, round(width_s * record.rate_hz))
    sizes = np.linspace(-1, 1, len(signal_mv)) * height_mv
    for peak in r_peaks(record):
        start = peak - round(before_r_s * record.rate_hz)
        if start > 20:
            signal_mv[:, start : start + width] += sizes[:, None]
    return replace(record, signal_mv=signal_mv)


@pytest.mark.parametrize("rate_hz", [250, 500, 1000])
@pytest.mark.parametrize("seed", range(4))
def test_added_spikes_are_counted(rate_hz, seed):
    record = made_up(rate_hz=rate_hz, seed=seed)
    assert texts(record) == []
    (text,) = texts(with_spikes(record, height_mv=1.0))
    count = int(text.split()[1])
    assert text == f"pacing: {count} spikes before QRS complexes"
    assert abs(count - len(r_peaks(record))) <= 2


def test_steps_that_do_not_return_are_no_spikes():
    record = made_up(rate_hz=500)
    stepped = with_spikes(record, height_mv=1.0, width_s=0.05)
    peaks_s = r_peaks(resample(record, 100)) / 100
    assert len(find_spikes(with_spikes(record, height_mv=1.0), peaks_s)) > 5
    assert len(find_spikes(stepped, peaks_s)) == 0


def test_slow_recorders_have_no_spikes_to_see():
    record = with_spikes(made_up(rate_hz=200), height_mv=1.0)
    assert find_spikes(record, np.empty(0)).size == 0


def test_paced_ecgs_of_ludb_are_found_and_others_are_not(shared):
    found = {number for number in range(1, 121) if texts(ludb_record(shared, number))}
    assert len(found & PACED) >= 9
    assert len(found - PACED) <= 1


def test_few_ecgs_at_100_hz_look_paced(ptbxl_fold_2):
    records = [Record(signal_mv=signal_mv, rate_hz=100) for signal_mv in ptbxl_fold_2[1][:1000]]
    hits = [texts(record) for record in records]
    assert hits.count(["pacing: the beats look paced"]) <= 0.03 * len(hits)
    assert hits.count([]) >= 0.97 * len(hits)


def test_leads_that_are_missing_leave_the_spikes():
    record = made_up(rate_hz=500).with_leads(("I", "V1"))
    assert texts(record) == []
    assert texts(with_spikes(record, height_mv=1.0))
