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


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e300])
def test_invalid_samples_are_refused_and_their_leads_named(bad):
    signal = SIGNAL.astype(np.float64)
    signal[[1, 7], 33] = bad
    with pytest.raises(RecordError, match=r"invalid samples \(NaN or infinite\) in II, V2"):
        Record(signal_mv=signal, rate_hz=100)


def test_a_missing_sample_is_filled_and_said():
    signal = np.tile(np.linspace(0, 1, 500), (12, 1))
    signal[7, [40, 300]] = np.nan
    record = Record(signal_mv=signal, rate_hz=100, warnings=("own",))
    np.testing.assert_allclose(record.signal_mv[7], np.linspace(0, 1, 500), atol=1e-6)
    assert record.warnings == ("own", "2 missing samples of V2 filled by a straight line")


def test_a_longer_gap_is_refused():
    signal = np.zeros((12, 1000))
    signal[3, 500:503] = np.nan
    with pytest.raises(RecordError, match="invalid samples .* in aVR"):
        Record(signal_mv=signal, rate_hz=100)


def limb_leads(time=400, seed=3):
    """I and II of random steps, and the other four by their definitions, in whole microvolts."""
    one, two = np.random.default_rng(seed).normal(0, 0.4, (2, time)).round(3)
    others = [two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    return np.array([one, two, *others]).round(3)


def test_limb_leads_that_are_missing_are_computed():
    signal = np.concatenate([limb_leads(), SIGNAL[:6].repeat(10, axis=1)])
    eight = Record(
        signal_mv=signal[[0, 1, *range(6, 12)]], rate_hz=100, leads=("I", "II", *LEADS[6:])
    )
    whole = eight.with_leads(LEADS)
    np.testing.assert_allclose(whole.signal_mv, signal, atol=0.00051)
    assert whole.leads == LEADS
    assert whole.warnings == ("III, aVR, aVL, aVF computed from I and II",)
    without_one = Record(signal_mv=signal[1:4], rate_hz=100, leads=("II", "III", "aVR"))
    found = without_one.with_leads(["aVF", "I"])
    np.testing.assert_allclose(found.signal_mv, signal[[5, 0]], atol=0.0011)
    assert found.warnings == ("I, aVF computed from II and III",)


def test_a_limb_lead_that_cannot_be_computed_is_missing():
    few = Record(signal_mv=SIGNAL[:3], rate_hz=100, leads=("I", "aVR", "V1"))
    with pytest.raises(RecordError, match="leads II are missing"):
        few.with_leads(["I", "II"])
    twice = Record(signal_mv=SIGNAL[:3], rate_hz=100, leads=("I", "II", "DII"))
    with pytest.raises(RecordError, match="leads II occur more than once"):
        twice.with_leads(["I", "III"])


def test_a_lead_recorded_upside_down_is_turned_over():
    leads = ("aVL", "I", "-aVR", "II", "aVF", "III")
    record = Record(signal_mv=SIGNAL[:6], rate_hz=100, leads=leads)
    assert record.leads == ("aVL", "I", "aVR", "II", "aVF", "III")
    np.testing.assert_array_equal(record.signal_mv[2], -SIGNAL[2])
    np.testing.assert_array_equal(record.signal_mv[[0, 1, 3, 4, 5]], SIGNAL[[0, 1, 3, 4, 5]])
    assert record.warnings == ("-aVR was turned over to aVR",)


def test_twelve_numbered_leads_are_named_if_their_limb_leads_agree():
    signal = np.concatenate([limb_leads(), SIGNAL[:6].repeat(10, axis=1)])
    order = np.random.default_rng(0).permutation(12)
    names = tuple(f"lead{k + 1}" for k in order)
    record = Record(signal_mv=signal[order], rate_hz=100, leads=names)
    assert record.leads == tuple(LEADS[k] for k in order)
    assert "numbered lead1 to lead12" in record.warnings[0]
    assert record.with_leads(LEADS).warnings == record.warnings
    cabrera = signal[[4, 0, 3, 1, 5, 2, *range(6, 12)]]
    kept = Record(signal_mv=cabrera, rate_hz=100, leads=tuple(f"ch{k}" for k in range(12)))
    assert kept.leads == tuple(f"ch{k}" for k in range(12))


def test_warnings_are_added_once():
    record = Record(signal_mv=SIGNAL, rate_hz=100, warnings=("a",)).with_warnings("b", "a", "b")
    assert record.warnings == ("a", "b")


def test_a_stretch_of_a_record_is_named_in_a_warning():
    signal = np.arange(24, dtype=np.float32).reshape(2, 12)
    record = Record(signal_mv=signal, rate_hz=2, leads=("I", "II"), name="a")
    part = record.stretch(1, 2)
    assert part.signal_mv.tolist() == [[2, 3, 4, 5], [14, 15, 16, 17]]
    assert part.warnings == ("only 1 to 3 s of 6 s were used",)
    assert record.stretch(4).signal_mv.shape == (2, 4)
    assert record.stretch(4, 99).signal_mv.shape == (2, 4)
    assert record.stretch() is record
    for start_s, seconds in ((6, None), (-1, 2), (1, 0), (99, 1)):
        with pytest.raises(RecordError, match="it lasts 6 s; there is nothing from"):
            record.stretch(start_s, seconds)
