"""Files that devices wrote: what they hold is known from their makers' other exports."""

import numpy as np
import pydicom
import pytest

from ecgcam.errors import RecordError
from ecgcam.readers.read import read, read_details
from ecgcam.signals.leads import LEADS

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
PRECORDIAL = LEADS[6:]


@pytest.fixture(scope="module")
def samples(shared):
    return shared / "device-formats"


@pytest.mark.parametrize(
    ("name", "file_format", "rate_hz", "length", "age", "sex"),
    [
        ("dicom_12lead.dcm", "DICOM", 1000, 10_000, 42, "female"),
        ("hl7_aecg_1.xml", "HL7 aECG", 500, 5000, 46, "male"),
        ("hl7_aecg_2.xml", "HL7 aECG", 500, 5000, 46, "male"),
        ("hl7_aecg_of_philips_sierra_1_04_02.xml", "HL7 aECG", 500, 5300, 32, "female"),
        ("philips_sierra_1_03.xml", "Philips Sierra", 500, 5264, 50, "male"),
        ("philips_sierra_1_04.xml", "Philips Sierra", 500, 5300, 60, "male"),
        ("philips_sierra_1_04_01.xml", "Philips Sierra", 500, 5300, 69, None),
        ("philips_sierra_1_04_02.xml", "Philips Sierra", 500, 5300, 32, "female"),
        ("ishne_12lead_1000hz.ecg", "ISHNE", 1000, 95_573, None, None),
    ],
)
def test_a_device_s_file_is_read_with_twelve_leads(
    samples, name, file_format, rate_hz, length, age, sex
):
    reading = read_details(samples / name)
    record = reading.record
    assert (reading.format, record.rate_hz, record.signal_mv.shape) == (
        file_format,
        rate_hz,
        (12, length),
    )
    assert sorted(record.leads) == sorted(LEADS)
    assert (record.age_years, record.sex) == (age, sex)


def lead_rows(record):
    return dict(zip(record.leads, record.signal_mv.astype(np.float64), strict=True))


@pytest.mark.parametrize(
    ("name", "tolerance_mv"),
    [
        ("dicom_12lead.dcm", 0.0007),  # half a step of 1.25 µV
        ("hl7_aecg_1.xml", 0.006),  # of 2.5 µV
        ("ishne_12lead_1000hz.ecg", 0.0026),  # of 5 µV
        ("philips_sierra_1_03.xml", 0.0101),  # two of 5 µV: the device rounds each lead
        ("philips_sierra_1_04.xml", 0.0101),
        ("philips_sierra_1_04_01.xml", 0.0101),
        ("philips_sierra_1_04_02.xml", 0.0101),
    ],
)
def test_the_limb_leads_obey_einthoven_and_goldberger(samples, name, tolerance_mv):
    rows = lead_rows(read(samples / name))
    one, two = rows["I"], rows["II"]
    expected = {
        "III": two - one,
        "aVR": -(one + two) / 2,
        "aVL": one - two / 2,
        "aVF": two - one / 2,
    }
    for lead, row in expected.items():
        np.testing.assert_allclose(rows[lead], row, atol=tolerance_mv, err_msg=lead)


def test_an_aecg_and_the_philips_file_it_was_made_of_agree(samples):
    philips = read(samples / "philips_sierra_1_04_02.xml")
    aecg = read(samples / "hl7_aecg_of_philips_sierra_1_04_02.xml")
    np.testing.assert_allclose(
        aecg.with_leads(LEADS).signal_mv, philips.with_leads(LEADS).signal_mv, atol=0.0201
    )


def test_the_calibration_pulse_of_philips_is_cut_off(samples):
    for name in ("philips_sierra_1_04.xml", "hl7_aecg_of_philips_sierra_1_04_02.xml"):
        end = read(samples / name).signal_mv[:, -100:]
        assert np.ptp(end, axis=1).max() < 0.9  # no step of 1 mV
        assert np.ptp(end, axis=0).min() > 0.02  # and no stretch where all leads are alike


def test_an_aecg_with_thirteen_samples_of_one_lead_keeps_their_values(samples):
    record = read(samples / "hl7_minimum_aecg.xml")
    assert record.leads == ("II",)
    digits = [-2, -2, -2, -2, -3, -4, -3, -5, -5, -4, -6, -9, -9]
    np.testing.assert_allclose(record.signal_mv[0], np.array(digits) * 0.0025, atol=1e-7)


def test_an_aecg_without_series_is_refused(samples):
    with pytest.raises(RecordError, match=r"hl7_empty\.xml: it has no rhythm series"):
        read(samples / "hl7_empty.xml")


def test_no_identity_of_the_samples_reaches_the_record(samples):
    for path in sorted(samples.iterdir()):
        try:
            shown = repr(read(path))
        except RecordError as error:
            shown = str(error)
        for word in ("Clark", "ZZDEMOPTONLY", "9999", "SBJ-123", "1112010721168bdc", "1950"):
            assert word not in shown.replace(str(path), "")


def test_a_dicom_file_is_read_as_pydicom_reads_it(samples):
    path = samples / "dicom_12lead.dcm"
    expected = pydicom.dcmread(path).waveform_array(0).T / 1000  # µV
    np.testing.assert_allclose(read(path).signal_mv, expected, atol=1e-6)
