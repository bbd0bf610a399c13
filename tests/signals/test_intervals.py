"""Measurements are those of known hearts, and are left out where the waves are not sure."""

import numpy as np
import pytest
from support.disturbed import made_up

from benchmarks.intervals import marked_intervals
from benchmarks.ludb import ludb_ecg
from ecgcam.signals.intervals import measure
from ecgcam.signals.record import Record


def test_intervals_are_those_of_the_marks(shared):
    errors = {"pr_ms": [], "qrs_ms": [], "qt_ms": []}
    for number in range(1, 121, 6):
        record, marks = ludb_ecg(shared / "ludb", number)
        measured, expected = measure(record).to_dict(), marked_intervals(marks, record.duration_s)
        for name, values in errors.items():
            if measured[name] is not None and expected[name] is not None:
                values.append(measured[name] - expected[name])
    for name, limit_ms in (("pr_ms", 10), ("qrs_ms", 8), ("qt_ms", 15)):
        assert len(errors[name]) >= 10
        assert abs(np.mean(errors[name])) < limit_ms
        assert np.std(errors[name]) < 2.5 * limit_ms


def test_the_corrected_qt_is_by_its_formulas():
    measured = measure(made_up(seed=4))
    rr_s = 60 / measured.heart_rate_bpm
    assert measured.qtc_bazett_ms == pytest.approx(measured.qt_ms / np.sqrt(rr_s))
    assert measured.qtc_fridericia_ms == pytest.approx(measured.qt_ms / np.cbrt(rr_s))


@pytest.mark.parametrize("axis_deg", [-60, 0, 45, 90, 150])
def test_the_axis_is_that_of_a_known_vector(axis_deg):
    """Each limb lead sees the projection of the vector, with the shape of a heart's lead II."""
    heart = made_up(seed=6)
    shape = heart.signal_mv[heart.leads.index("II")]
    angles = {"I": 0, "II": 60, "III": 120, "aVR": -150, "aVL": -30, "aVF": 90}
    rows = []
    for lead in heart.leads:
        if lead in angles:
            scale = np.cos(np.radians(axis_deg - angles[lead]))
            rows.append(scale * shape * (3**0.5 / 2 if lead.startswith("a") else 1))
        else:
            rows.append(shape)
    record = Record(signal_mv=np.stack(rows), rate_hz=heart.rate_hz)
    assert measure(record).axis_deg == pytest.approx(axis_deg, abs=3)


def test_noise_has_no_measurements():
    noise = np.random.default_rng(0).normal(0, 0.3, (12, 1000))
    measured = measure(Record(signal_mv=noise, rate_hz=100))
    assert set(measured.to_dict().values()) == {None}
    assert "PR not measured" in measured.in_words()
    assert "QTc not measured" in measured.in_words()


def test_a_record_without_limb_leads_has_no_axis():
    heart = made_up(seed=6)
    record = Record(signal_mv=heart.signal_mv[6:], rate_hz=100, leads=heart.leads[6:])
    assert measure(record).axis_deg is None
    assert measure(record).qrs_ms is not None
