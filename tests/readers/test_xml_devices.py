"""XML formats of devices: values, units, leads and persons, by independent writers."""

import numpy as np
import pytest
from support import xml_ecgs
from support.xml_ecgs import IDENTITY

from ecgcam.errors import RecordError
from ecgcam.readers.read import read, read_details
from ecgcam.readers.xml_tree import root_name
from ecgcam.signals.leads import LEADS

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def heart(leads=EIGHT, samples=2500, seed=0):
    """Whole steps with spikes, which obey the equations of the limb leads."""
    time = np.arange(samples)
    rng = np.random.default_rng(seed)
    rows = {
        lead: np.rint(
            40 * np.sin(time / (30 + k))
            + 300 * (k + 2) / 8 * (time % 400 == 150)
            + rng.normal(0, 3, samples)
        )
        for k, lead in enumerate(EIGHT)
    }
    one, two = rows["I"], rows["II"]
    rows |= {
        "III": two - one,
        "aVR": -(one + two) // 2,
        "aVL": one - two // 2,
        "aVF": two - one // 2,
    }
    return np.array([rows[lead] for lead in leads]).astype(np.int64)


def stored(record, leads):
    rows = dict(zip(record.leads, record.signal_mv, strict=True))
    return np.array([rows[lead] for lead in leads])


# writer, leads, mV per step, rate, name of the format
WRITERS = {
    "muse": (xml_ecgs.muse, EIGHT, 0.00488, 500, "GE MUSE"),
    "cardiosoft": (xml_ecgs.cardiosoft, LEADS, 0.005, 500, "GE CardioSoft"),
    "cardiosoft, disclosed": (xml_ecgs.cardiosoft_disclosure, LEADS, 0.005, 500, "GE CardioSoft"),
    "schiller": (xml_ecgs.schiller, LEADS, 0.0025, 500, "Schiller"),
    "schiller, flat": (
        lambda *a: xml_ecgs.schiller(*a, nested=False), LEADS, 0.0025, 500, "Schiller",
    ),
    "mortara": (xml_ecgs.mortara, LEADS, 0.0025, 1000, "Mortara"),
    "aecg": (xml_ecgs.aecg, LEADS, 0.0025, 500, "HL7 aECG"),
    "philips 1.04": (xml_ecgs.philips, LEADS, 0.005, 500, "Philips Sierra"),
    "philips 1.03": (
        lambda *a: xml_ecgs.philips(*a, version="1.03"), LEADS, 0.005, 500, "Philips Sierra",
    ),
    "philips, raw": (
        lambda *a: xml_ecgs.philips(*a, compression=""), LEADS, 0.005, 500, "Philips Sierra",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("writer", "leads", "step", "rate_hz", "name"), WRITERS.values(), ids=WRITERS
)
def test_every_sample_is_read_in_mv(writer, leads, step, rate_hz, name):
    rows = heart(leads)
    reading = read_details(writer(rows, leads))
    record = reading.record
    assert (reading.format, record.rate_hz) == (name, rate_hz)
    np.testing.assert_allclose(stored(record, leads), rows * step, atol=1e-6)


@pytest.mark.parametrize(("writer", "leads"), [w[:2] for w in WRITERS.values()], ids=WRITERS)
def test_age_and_sex_are_kept_and_the_identity_is_not(writer, leads):
    record = read(writer(heart(leads), leads))
    if writer is not xml_ecgs.cardiosoft_disclosure:
        assert (record.age_years, record.sex) == (59, "female")
    assert not [word for word in IDENTITY if word in repr(record)]


def test_filters_are_told_in_hertz():
    assert read(xml_ecgs.muse(heart(), EIGHT)).filters == "high-pass 0.05 Hz, low-pass 150 Hz"
    philips = read(xml_ecgs.philips(heart(LEADS), LEADS))
    assert philips.filters == "high-pass 0.05 Hz, low-pass 150 Hz, notch 60 Hz"
    assert read(xml_ecgs.cardiosoft(heart(), EIGHT)).filters == "low-pass 40 Hz, notch 50 Hz"


@pytest.mark.parametrize(
    ("step", "rate_hz"), [(("0.002", "s"), 500), (("2", "ms"), 500), (("1000", "us"), 1000)]
)
def test_an_aecg_gives_its_increment_in_any_unit(step, rate_hz):
    assert read(xml_ecgs.aecg(heart(), EIGHT, step=step)).rate_hz == rate_hz


def test_an_aecg_has_origin_and_scale_with_units_of_their_own():
    data = xml_ecgs.aecg(heart(), EIGHT, scale=("2500", "nV"), origin=("0.5", "mV"))
    np.testing.assert_allclose(stored(read(data), EIGHT), heart() * 0.0025 + 0.5, atol=1e-6)
    with pytest.raises(RecordError, match="unit"):
        read(xml_ecgs.aecg(heart(), EIGHT, scale=("2.5", "mmHg")))


def test_an_aecg_whose_leads_are_of_different_times_gives_the_largest_set():
    record = read(xml_ecgs.aecg(heart(), EIGHT, sets=3))
    assert set(record.leads) >= {"I", "II", "V1"}
    assert not {"V4", "V6"} & set(record.leads)
    assert any("recordings of different times" in warning for warning in record.warnings)


def test_muse_marks_missing_samples_and_electrodes_that_were_off():
    rows = heart()
    rows[3, 100:104] = -32768
    record = read(xml_ecgs.muse(rows, EIGHT, off=("V2",)))
    assert any("electrodes were off: V2" in warning for warning in record.warnings)
    assert any("missing samples" in warning for warning in record.warnings)
    assert np.abs(record.signal_mv).max() < 10


def test_muse_units_and_gains_are_taken_from_the_file():
    record = read(xml_ecgs.muse(heart(), EIGHT, step="0.0025", unit="MILLIVOLTS"))
    np.testing.assert_allclose(stored(record, EIGHT), heart() * 0.0025, atol=1e-6)
    with pytest.raises(RecordError, match="unit"):
        read(xml_ecgs.muse(heart(), EIGHT, unit="STEPS"))


def test_a_damaged_lead_of_muse_is_refused_and_a_foreign_checksum_is_a_warning():
    data = xml_ecgs.muse(heart(), EIGHT)
    at = data.rindex(b"<WaveFormData>") + 200
    damaged = data[:at] + (b"A" if data[at : at + 1] != b"A" else b"B") + data[at + 1 :]
    with pytest.raises(RecordError, match="checksum of lead V6 fails"):
        read(damaged)
    foreign = read(xml_ecgs.muse(heart(), EIGHT, crc=lambda data: 12345))
    assert any("no checksum" in warning for warning in foreign.warnings)
    assert not [
        w
        for w in read(xml_ecgs.muse(heart(), EIGHT, crc=lambda data: 0)).warnings
        if "checksum" in w
    ]


def test_muse_without_a_rhythm_is_refused_with_what_it_has():
    with pytest.raises(RecordError, match="waveforms of type Median.*expected Rhythm"):
        read(xml_ecgs.muse(heart(), EIGHT, kind="Median"))


def test_a_cardiosoft_file_of_another_resolution_is_refused():
    with pytest.raises(RecordError, match="uVperLsb"):
        read(xml_ecgs.cardiosoft(heart(), EIGHT, unit="furlongs"))


def test_the_declared_encoding_may_be_wrong():
    text = xml_ecgs.philips(heart(LEADS), LEADS).decode("utf-16")
    expected = read(text.encode("utf-16")).signal_mv
    np.testing.assert_array_equal(read(text.encode()).signal_mv, expected)  # declares UTF-16
    gbk = text.replace("utf-16", "gbk").replace("Doe", "\u5fc3").encode("gbk")
    np.testing.assert_array_equal(read(gbk).signal_mv, expected)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE ECG [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;">]><ECG>&c;</ECG>"""
FILE = b"""<?xml version="1.0"?><!DOCTYPE ECG [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<ECG>&a;</ECG>"""


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("<ECG/>", "ECG"),
        ("\ufeff \n<?xml version='1.0'?>\n<!-- <a> -->\n<!-- b --><x:ECG a='1'>", "ECG"),
        ('<!DOCTYPE ECG SYSTEM "a.dtd"><ECG>', "ECG"),
        ("<!DOCTYPE ECG [\n<!ELEMENT ECG ANY>\n] ><ECG>", "ECG"),
        ("<!-- never ends " + "<!-- x " * 9000, ""),
        ("time,I\n0,<5\n", ""),
        ("", ""),
    ],
)
def test_the_root_of_xml_is_found_behind_its_prolog(head, name):
    assert root_name(head.encode()) == name
    assert root_name(head.encode("utf-16")) == name


@pytest.mark.parametrize("attack", [BOMB, FILE, BOMB.replace(b"ECG", b"AnnotatedECG")])
def test_entities_are_refused(attack):
    with pytest.raises(RecordError, match="defines entities"):
        read(attack)


@pytest.mark.parametrize(
    "huge",
    [b"<ECG>" + b"<a/>" * 500_000, b"<ECG " + b'a="1" ' * 500_000, b"<ECG>" + b" " * 65_000_000],
)
def test_xml_larger_than_any_ecg_is_refused_before_it_is_parsed(huge):
    with pytest.raises(RecordError, match="expected at most"):
        read(huge)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'durationperchannel="5000"', b'durationperchannel="9e99"'),
        (b'durationperchannel="5000"', b'durationperchannel="900000"'),
        (b'numberofleads="12"', b'numberofleads="1000000000"'),
        (b'numberofleads="12"', b'numberofleads="20"'),
        (b'compression="XLI"', b'compression="ZIP"'),
        (b'resolution="5"', b'resolution="-5"'),
        (b"Base64", b"Base64"),
    ],
)
def test_a_philips_file_that_promises_nonsense_is_refused(old, new):
    text = xml_ecgs.philips(heart(LEADS), LEADS).decode("utf-16").encode()
    if old == new:
        middle = text.index(b">", text.index(b"<parsedwaveforms")) + 500
        changed = text[:middle] + b"////////" + text[middle + 8 :]
    else:
        changed = text.replace(old, new)
    assert changed != text
    with pytest.raises(RecordError):
        read(changed)
