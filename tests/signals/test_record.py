"""Record: shape, leads, and refusal of invalid values."""

import numpy as np
import pytest

from ecgcam.errors import RecordError
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record

SIGNAL = np.arange(12 * 40, dtype=np.float32).reshape(12, 40) / 100


def test_a_record_keeps_its_signal_and_uses_our_names_of_leads():
    spelled = tuple(f"MDC_ECG_LEAD_{lead.upper()}" for lead in LEADS)
    record = Record(signal_mv=SIGNAL.astype(np.float64), rate_hz=20, leads=spelled, name="a")
    assert record.leads == LEADS
    assert record.signal_mv.dtype == np.float32
    np.testing.assert_array_equal(record.signal_mv, SIGNAL)
    assert record.duration_s == 2.0


def test_leads_are_selected_by_name():
    order = [3, 4, 0, 11]
    record = Record(
        signal_mv=SIGNAL[::-1], rate_hz=20, leads=LEADS[::-1], name="a", age_years=61, sex="female"
    )
    some = record.with_leads([LEADS[k] for k in order])
    np.testing.assert_array_equal(some.signal_mv, SIGNAL[order])
    assert some.leads == tuple(LEADS[k] for k in order)
    assert (some.name, some.age_years, some.sex, some.rate_hz) == ("a", 61, "female", 20)


def test_the_error_for_a_missing_lead_names_the_record():
    record = Record(signal_mv=SIGNAL[:2], rate_hz=20, leads=("I", "II"), name="a17")
    with pytest.raises(RecordError, match=r"a17: leads V1 are missing; found I, II"):
        record.with_leads(["I", "V1"])


@pytest.mark.parametrize("shape", [(12,), (11, 40), (40, 12), (12, 0), (0, 40), (1, 12, 40)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(RecordError, match="has shape"):
        Record(signal_mv=np.zeros(shape, np.float32), rate_hz=100)


@pytest.mark.parametrize("rate_hz", [0, -100, np.nan, np.inf])
def test_an_invalid_rate_is_refused(rate_hz):
    with pytest.raises(RecordError, match="expected above 0"):
        Record(signal_mv=SIGNAL, rate_hz=rate_hz)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_invalid_samples_are_refused_and_their_leads_named(bad):
    signal = SIGNAL.astype(np.float64)
    signal[[1, 7], 33] = bad
    with pytest.raises(RecordError, match=r"invalid samples \(NaN or infinite\) in II, V2"):
        Record(signal_mv=signal, rate_hz=100)
