"""Saturation: rests at the end of the range, far from the baseline."""

from dataclasses import replace

import numpy as np
import pytest
from support.disturbed import made_up

from ecgcam.signals.leads import LEADS
from ecgcam.signals.saturation import find_saturation


def find(record):
    return find_saturation(record.signal_mv, record.leads, record.rate_hz)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("rate_hz", [100, 500])
def test_a_lead_that_drifts_into_the_end_of_the_range_is_saturated(side, rate_hz):
    record = made_up(rate_hz=rate_hz)
    drift = 3 * np.sin(2 * np.pi * 0.1 * np.arange(10 * rate_hz) / rate_hz)
    signal_mv = record.signal_mv.copy()
    signal_mv[9] = side * np.clip(signal_mv[9] + drift, -9, 2.5)
    finding = find(replace(record, signal_mv=signal_mv))
    assert finding is not None
    assert (finding.name, finding.leads) == ("saturated", ("V4",))
    assert finding.text == "saturated V4: at the end of the recorder's range"


def test_a_whole_ecg_is_not_saturated():
    assert find(made_up()) is None


def test_a_rest_near_the_baseline_or_a_short_one_is_not_saturation():
    record = made_up()
    signal_mv = record.signal_mv.copy()
    median = np.median(signal_mv[3])
    signal_mv[3] = np.maximum(signal_mv[3], median - 0.05)
    signal_mv[4, 500:509] = 3.0
    assert find(replace(record, signal_mv=signal_mv)) is None
    signal_mv[4, 509] = 3.0
    finding = find(replace(record, signal_mv=signal_mv))
    assert finding is not None
    assert finding.leads == ("aVL",)


def test_no_real_ecg_of_a_thousand_is_saturated(ptbxl_fold_2):
    for signal_mv in ptbxl_fold_2[1][:1000]:
        assert find_saturation(signal_mv, LEADS, 100) is None
