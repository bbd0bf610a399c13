"""The Record made of a file's channels: names, units, rates, and missing samples."""

import numpy as np
import pytest

from ecgcam.errors import RecordError
from ecgcam.readers.channels import Channel, Recording, to_record
from ecgcam.signals.leads import LEADS

RNG = np.random.default_rng(0)
WAVE = RNG.normal(0, 0.3, 1000)


def recording(*channels, **fields):
    return Recording(channels=channels, name="a", **fields)


def channel(name, samples=WAVE, *, rate_hz=500.0, unit="mV"):
    return Channel(name=name, samples=np.array(samples, float), rate_hz=rate_hz, unit=unit)


def test_units_become_millivolts():
    units = {"V": 1e-3, "mV": 1, "µV": 1e3, "uV": 1e3, "nV": 1e6, None: 1}
    channels = [
        channel(lead, WAVE * per_mv, unit=unit)
        for lead, (unit, per_mv) in zip(LEADS, units.items(), strict=False)
    ]
    record = to_record(recording(*channels))
    np.testing.assert_allclose(record.signal_mv, np.tile(WAVE, (6, 1)), rtol=1e-6)
    assert record.leads == LEADS[:6]


def test_the_given_unit_counts_where_the_file_has_none():
    record = to_record(
        recording(channel("I", WAVE * 1000, unit=None), channel("II", WAVE)), units="uV"
    )
    np.testing.assert_allclose(record.signal_mv, [WAVE, WAVE], rtol=1e-6)
    with pytest.raises(RecordError, match="the unit 'mmHg' is not a voltage"):
        to_record(recording(channel("I")), units="mmHg")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("RESP", "mV"),
        ("Pleth", "mV"),
        ("SpO2", "%"),
        ("ABP", "mmHg"),
        ("V9", "adu"),
        ("EMG 1", "uV"),
    ]
    + [("resp_1", "mV"), ("EEG Fpz-Cz", "uV"), ("Marker", "mV"), ("Impedance I", "V")],
)
def test_what_is_no_ecg_lead_in_volts_is_left_out(name, unit):
    record = to_record(recording(channel("I"), channel(name, unit=unit), channel("II")))
    assert record.leads == ("I", "II")
    assert record.warnings == (f"channels left out, being no ECG lead in volts: {name} ({unit})",)
    with pytest.raises(RecordError, match=rf"no ECG lead in volts; found .*\({unit}\)"):
        to_record(recording(channel(name, unit=unit)))


@pytest.mark.parametrize("name", ["CM5", "vx", "V7", "V4R", "ECG", "chest lead V1", "A-I"])
def test_other_leads_stay(name):
    record = to_record(recording(channel("I"), channel(name)))
    assert (len(record.leads), record.warnings) == (2, ())


def test_a_mapping_renames_channels_and_wins_over_other_names():
    source = recording(channel("I", -WAVE), channel("ECG1"), channel("Resp 2", 2 * WAVE))
    record = to_record(source, leads={"I": "ECG1", "II": "Resp 2"})
    assert record.leads == ("I", "II")
    np.testing.assert_allclose(record.signal_mv, [WAVE, 2 * WAVE], rtol=1e-6)
    assert record.warnings == ("channels left out, being no ECG lead in volts: I (mV)",)
    with pytest.raises(RecordError, match="no channels are named 'X'; found I, ECG1, Resp 2"):
        to_record(source, leads={"I": "X"})


def test_a_list_names_the_ecg_channels_in_order():
    source = recording(channel("a"), channel("RESP"), channel("b"))
    assert to_record(source, leads=["II", "V2"]).leads == ("II", "V2")
    with pytest.raises(
        RecordError, match="3 lead names were given; expected 2, one for each .* a, b"
    ):
        to_record(source, leads=["I", "II", "V2"])


def test_the_given_rate_counts_where_the_file_has_none():
    assert to_record(recording(channel("I", rate_hz=None)), rate_hz=257).rate_hz == 257
    with pytest.raises(RecordError, match="no sampling rate; give it"):
        to_record(recording(channel("I", rate_hz=None)))
    with pytest.raises(RecordError, match="rate of 500 Hz, which contradicts the 100 Hz"):
        to_record(recording(channel("I")), rate_hz=100)
    with pytest.raises(RecordError, match="the rate is -1 Hz; expected above 0"):
        to_record(recording(channel("I", rate_hz=None)), rate_hz=-1)


@pytest.mark.parametrize("rates", [(500, 2**31), (1, 500), (1e9, 1e9)])
def test_rates_that_no_device_has_are_refused_before_memory_is_taken(rates):
    leads = [channel(lead, rate_hz=rate) for lead, rate in zip(("I", "V1"), rates, strict=True)]
    with pytest.raises(RecordError, match="samples per second; expected at most 100000, and"):
        to_record(recording(*leads))


def test_leads_at_a_lower_rate_are_resampled_to_the_highest():
    slow, fast = (np.sin(2 * np.pi * 3 * np.arange(10 * r) / r) for r in (125, 500))
    record = to_record(
        recording(
            channel("I", fast), channel("V1", slow, rate_hz=125), channel("RESP", rate_hz=999)
        )
    )
    assert (record.rate_hz, record.signal_mv.shape) == (500, (2, 5000))
    np.testing.assert_allclose(record.signal_mv[1, 100:-100], fast[100:-100], atol=2e-3)
    assert "resampled to 500 Hz: V1 (125 Hz)" in record.warnings


def twelve_unnamed(names, change=lambda x: x):
    one, two = RNG.normal(0, 0.3, (2, 1000))
    limb = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    rows = change([*limb, *RNG.normal(0, 0.3, (6, 1000))])
    return recording(*(channel(name, row) for name, row in zip(names, rows, strict=True)))


@pytest.mark.parametrize("names", [12 * [""], [f"ch{k}" for k in range(1, 13)]])
def test_twelve_unnamed_leads_are_named_if_their_limb_leads_agree(names):
    record = to_record(twelve_unnamed(names))
    assert record.leads == LEADS
    assert "were taken in the usual order, in which the limb leads agree" in record.warnings[0]


def test_unnamed_leads_in_another_order_are_not_guessed():
    record = to_record(twelve_unnamed(12 * [""], lambda rows: rows[6:] + rows[:6]))
    assert record.leads == tuple(f"#{k}" for k in range(1, 13))
    assert record.warnings == ("the leads have no names; give them in order (--leads, leads=)",)
    assert to_record(recording(channel(""))).leads == ("#1",)


def with_gaps(*gaps):
    samples = WAVE.copy()
    for start, stop in gaps:
        samples[start:stop] = np.nan
    return samples


def test_short_gaps_are_filled_by_straight_lines():
    record = to_record(
        recording(channel("I"), channel("V1", with_gaps((0, 1), (500, 508), (999, 1000))))
    )
    filled = record.signal_mv[1]
    expected = np.linspace(WAVE[499], WAVE[508], 10)[1:-1]
    np.testing.assert_allclose(filled[500:508], expected, rtol=1e-5)
    assert (filled[0], filled[999]) == (np.float32(WAVE[1]), np.float32(WAVE[998]))
    assert record.warnings == ("10 missing samples of V1 filled by a straight line",)


@pytest.mark.parametrize(
    "gaps", [[(500, 511)], [(k, k + 1) for k in range(0, 1000, 15)], [(0, 1000)]]
)
def test_a_lead_with_long_gaps_or_many_is_left_out(gaps):
    record = to_record(recording(channel("I"), channel("V1", with_gaps(*gaps))))
    assert record.leads == ("I",)
    assert record.warnings[0].startswith("leads left out because of missing samples: V1 (")


def test_a_record_without_a_complete_lead_is_refused():
    source = recording(channel("I", with_gaps((100, 300))), channel("II", with_gaps((600, 999))))
    with pytest.raises(
        RecordError, match=r"every lead has gaps .*: I \(0.4 of 2 s\), II \(0.798 of 2 s\)"
    ):
        to_record(source)
    with pytest.raises(RecordError, match="all samples of all leads are missing"):
        to_record(recording(channel("I", with_gaps((0, 1000)))))


def test_ends_that_are_missing_in_all_leads_are_cut_off():
    record = to_record(recording(channel("I", with_gaps((0, 100), (800, 1000)))))
    np.testing.assert_array_equal(record.signal_mv[0], WAVE[100:800].astype(np.float32))
    assert record.warnings == (
        "the first 0.2 s are missing in all leads and were cut off",
        "the last 0.4 s are missing in all leads and were cut off",
    )


def test_what_a_shorter_lead_lacks_is_missing():
    record = to_record(
        recording(channel("I"), channel("II", WAVE[:995]), channel("V1", WAVE[:900]))
    )
    assert record.leads == ("I", "II")
    assert "5 missing samples of II filled by a straight line" in record.warnings


def test_infinite_samples_are_refused():
    with pytest.raises(RecordError, match="invalid samples .* in V1"):
        to_record(recording(channel("V1", [0, np.inf, 1])))
    with pytest.raises(RecordError, match="invalid samples .* in V1"):
        to_record(recording(channel("V1", [0, 1e307, 1], unit="V")))


def test_age_sex_filters_and_warnings_are_passed_on():
    record = to_record(
        recording(
            channel("I"), warnings=("w",), age_years=61.0, sex="female", filters="0.05-150 Hz"
        )
    )
    assert (record.age_years, record.sex, record.filters) == (61, "female", "0.05-150 Hz")
    assert (record.name, record.warnings) == ("a", ("w",))
