"""DICOM, EDF, BDF and ISHNE: values, units, leads and persons, by independent writers."""

import io

import edfio
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian
from support.binary_ecgs import channel, dicom, dicom_group, edf, ishne
from support.xml_ecgs import IDENTITY

from ecgcam.errors import RecordError
from ecgcam.readers.read import read, read_details
from ecgcam.signals.leads import LEADS

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


def heart(leads=EIGHT, samples=2000):
    rng = np.random.default_rng(len(leads))
    rows = rng.normal(0, 60, (len(leads), samples)) + 500 * (np.arange(samples) % 200 == 50)
    return np.rint(rows).astype(np.int64)


def stored(record, leads=EIGHT):
    rows = dict(zip(record.leads, record.signal_mv, strict=True))
    return np.array([rows[lead] for lead in leads])


FILES = {
    "DICOM": dicom(dicom_group(heart(), EIGHT)),
    "EDF": edf(heart(), EIGHT),
    "BDF": edf(heart(), EIGHT, width=3, kind="BDF+C", step=1),
    "ISHNE": ishne(heart(), EIGHT),
}


@pytest.mark.parametrize("name", FILES)
def test_every_sample_is_read_in_mv_and_a_person_by_age_and_sex_alone(name):
    reading = read_details(FILES[name])
    record = reading.record
    assert reading.format == name
    assert record.rate_hz == (500 if name == "DICOM" else 200)
    step_mv = 0.001 if name == "BDF" else 0.0025
    np.testing.assert_allclose(stored(record), heart() * step_mv, atol=2e-6)
    assert (record.age_years, record.sex) == (59, "female")
    assert not [word for word in IDENTITY if word in repr(reading)]
    if name != "ISHNE":
        assert record.filters.startswith("high-pass 0.05 Hz, low-pass 150 Hz")


# --- DICOM


def test_the_original_rhythm_is_read_and_neither_median_beats_nor_derived_leads():
    rhythm, beats = dicom_group(heart(), EIGHT), heart(samples=600) * 2
    median = dicom_group(beats, EIGHT, label="MEDIAN BEAT", originality="DERIVED")
    for groups in ((median, rhythm), (rhythm, median)):
        record = read(dicom(*groups))
        np.testing.assert_allclose(stored(record), heart() * 0.0025, atol=1e-6)
        assert not [warning for warning in record.warnings if "ORIGINAL" in warning]
    only = read(dicom(dicom_group(heart(), EIGHT, originality="DERIVED")))
    assert any("no waveform is marked ORIGINAL" in warning for warning in only.warnings)


@pytest.mark.parametrize("code", ["SCPECG", "MDC", "99MAKER"])
def test_leads_are_known_by_their_codes_or_by_what_the_codes_mean(code):
    record = read(dicom(dicom_group(heart(LEADS), LEADS, code=code)))
    np.testing.assert_allclose(stored(record, LEADS), heart(LEADS) * 0.0025, atol=1e-6)


def test_sensitivity_correction_baseline_and_unit_are_applied():
    definitions = [channel(lead) for lead in EIGHT]
    for definition in definitions:
        definition.ChannelSensitivity = "0.001"
        definition.ChannelSensitivityUnitsSequence[0].CodeValue = "mV"
        definition.ChannelSensitivityCorrectionFactor = "1.25"
        definition.ChannelBaseline = "-0.5"
    record = read(dicom(dicom_group(heart(), EIGHT, ChannelDefinitionSequence=definitions)))
    np.testing.assert_allclose(stored(record), heart() * 0.00125 - 0.5, atol=1e-6)
    del definitions[0].ChannelSensitivity
    record = read(dicom(dicom_group(heart(), EIGHT, ChannelDefinitionSequence=definitions)))
    assert "I" not in record.leads
    assert any("left out" in w and "I (no sensitivity)" in w for w in record.warnings)


def test_leads_of_one_moment_may_be_spread_over_groups():
    rows = heart(LEADS)
    parts = [dicom_group(rows[k : k + 4], LEADS[k : k + 4]) for k in (0, 4, 8)]
    later = dicom_group(rows[:4] * 2, LEADS[:4], MultiplexGroupTimeOffset="10000")
    record = read(dicom(*parts, later))
    np.testing.assert_allclose(stored(record, LEADS), rows * 0.0025, atol=1e-6)


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_transfer_syntaxes(syntax):
    group = dicom_group(heart(), EIGHT)
    if syntax is ExplicitVRBigEndian:
        group.WaveformData = np.ascontiguousarray(heart().T).astype(">i2").tobytes()
    record = read(dicom(group, syntax=syntax))
    np.testing.assert_allclose(stored(record), heart() * 0.0025, atol=1e-6)


def test_a_padding_value_that_occurs_in_the_signal_is_signal():
    rows = heart()
    rows[:, 1:-1:3] = 0
    record = read(dicom(dicom_group(rows, EIGHT, WaveformPaddingValue=b"\0\0")))
    np.testing.assert_allclose(stored(record), rows * 0.0025, atol=1e-6)


def test_a_padding_value_is_missing_where_no_signal_reaches_and_at_the_ends_of_all_leads():
    rows = heart()
    rows[:, -500:] = 0
    record = read(dicom(dicom_group(rows, EIGHT, WaveformPaddingValue=b"\0\0")))
    assert record.signal_mv.shape[1] == 1500
    rows = heart()
    rows[2, 100:103] = -32768
    record = read(dicom(dicom_group(rows, EIGHT, WaveformPaddingValue=b"\0\x80")))
    assert any("missing samples" in warning for warning in record.warnings)
    assert record.signal_mv.min() > -10


def test_channels_that_were_sampled_later_are_moved_back():
    rows = heart()
    rows[3, :-2] = rows[3, 2:].copy()
    definitions = [channel(lead) for lead in EIGHT]
    definitions[3].ChannelSampleSkew = "2"
    record = read(dicom(dicom_group(rows, EIGHT, ChannelDefinitionSequence=definitions)))
    np.testing.assert_allclose(stored(record)[3, 2:], heart()[3, 2:] * 0.0025, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "bits", "dtype"), [("US", 16, "<u2"), ("SL", 32, "<i4"), ("SB", 8, "i1")]
)
def test_samples_of_other_types(kind, bits, dtype):
    rows = np.abs(heart()) % 100
    data = np.ascontiguousarray(rows.T).astype(dtype).tobytes()
    changes = {"WaveformSampleInterpretation": kind, "WaveformBitsAllocated": bits}
    record = read(dicom(dicom_group(rows, EIGHT, **changes, WaveformData=data)))
    np.testing.assert_allclose(stored(record), rows * 0.0025, atol=1e-6)


def test_a_file_without_the_preamble_is_dicom_too():
    record = read(dicom(dicom_group(heart(), EIGHT), preamble=False))
    np.testing.assert_allclose(stored(record), heart() * 0.0025, atol=1e-6)


def test_what_is_no_waveform_is_named():
    pdf = dicom(SOPClassUID="1.2.840.10008.5.1.4.1.1.104.1")
    with pytest.raises(RecordError, match="a PDF in DICOM, a picture of an ECG"):
        read(pdf)
    picture = dicom(PixelData=b"\0\0", Rows=1, Columns=1, BitsAllocated=16)
    with pytest.raises(RecordError, match="a picture in DICOM"):
        read(picture)
    with pytest.raises(RecordError, match="has no waveform"):
        read(dicom())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"NumberOfWaveformSamples": 2**31}, "bytes for 2147483648 samples"),
        ({"NumberOfWaveformChannels": 9}, "bytes for 2000 samples of 9 channels|defines 8"),
        ({"SamplingFrequency": "0"}, "sampling frequency is 0"),
        ({"WaveformSampleInterpretation": "MB"}, "samples are MB"),
        ({"ChannelDefinitionSequence": [channel("I")]}, "defines 1 of its 8 channels"),
        ({"WaveformData": b""}, "bytes for|empty"),
    ],
)
def test_a_waveform_that_contradicts_its_header_is_refused(changes, message):
    with pytest.raises(RecordError, match=message):
        read(dicom(dicom_group(heart(), EIGHT, **changes)))


# --- EDF and BDF


@pytest.mark.parametrize("bits", [16, 24])
def test_edf_and_bdf_agree_with_edfio(bits):
    kind, signal = (edfio.Edf, edfio.EdfSignal) if bits == 16 else (edfio.Bdf, edfio.BdfSignal)
    rows = heart() * 2.5
    file = io.BytesIO()
    kind(
        [
            signal(row, 250, label=lead, physical_dimension="uV", physical_range=(-4000, 4000))
            for lead, row in zip(EIGHT, rows, strict=True)
        ]
        + [signal(np.ones(16), 2, label="SpO2", physical_dimension="%")]
    ).write(file)
    record = read(file.getvalue())
    opened = (edfio.read_edf if bits == 16 else edfio.read_bdf)(io.BytesIO(file.getvalue()))
    expected = np.array([opened.get_signal(lead).data for lead in EIGHT]) / 1000
    np.testing.assert_allclose(stored(record), expected, atol=1e-6)
    assert record.rate_hz == 250
    assert any("SpO2" in warning for warning in record.warnings)


def test_our_edf_is_read_alike_by_edfio():
    for data, reader in ((FILES["EDF"], edfio.read_edf), (FILES["BDF"], edfio.read_bdf)):
        opened = reader(io.BytesIO(data))
        expected = np.array([signal.data for signal in opened.signals]) / 1000
        np.testing.assert_allclose(stored(read(data)), expected, atol=2e-6)


def test_units_of_edf_are_taken_from_the_file():
    data = edf(heart(), EIGHT, unit="mV", step=0.0001)
    np.testing.assert_allclose(stored(read(data)), heart() * 0.0001, atol=1e-6)


@pytest.mark.parametrize("kind", ["EDF+D", "BDF+D"])
def test_a_recording_with_interruptions_is_refused_with_the_reason(kind):
    width = 2 if kind.startswith("EDF") else 3
    with pytest.raises(RecordError, match="recording with interruptions; expected EDF"):
        read(edf(heart(), EIGHT, kind=kind, width=width))


def test_an_edf_that_was_cut_short_is_read_with_a_warning():
    data = FILES["EDF"]
    record = read(data[:-1000])
    assert record.signal_mv.shape[1] == 1800
    assert any("ends early: 9 of 10 data records" in warning for warning in record.warnings)
    assert read(edf(heart(), EIGHT, records=-1)).signal_mv.shape[1] == 2000


@pytest.mark.parametrize(
    "changes",
    [{"seconds": 0}, {"seconds": "nan"}, {"seconds": "x"}, {"records": "x"}, {"seconds": -1}],
)
def test_an_edf_with_nonsense_in_its_header_is_refused(changes):
    with pytest.raises(RecordError, match="header is no number|records last"):
        read(edf(heart(), EIGHT, **changes))


def test_signals_without_range_or_samples_are_refused():
    data = FILES["EDF"]
    count = 9
    start = 256 + count * (16 + 80 + 8 + 8 + 8)  # the digital minimum
    flat = data[:start] + b"32767   " * count + data[start + 8 * count :]
    with pytest.raises(RecordError, match=r"no ECG lead in volts; found ECG I \(no range\)"):
        read(flat)
    at = 256 + count * (16 + 80 + 8 * 5 + 80)  # the samples of a record
    for number in (b"0       ", b"99999999", b"-5      "):
        with pytest.raises(RecordError, match="samples a record|no whole data record"):
            read(data[:at] + number + data[at + 8 :])


# --- ISHNE


def test_an_ishne_header_may_count_the_samples_of_all_leads():
    record = read(ishne(heart(), EIGHT, count=2000 * 8))
    np.testing.assert_allclose(stored(record), heart() * 0.0025, atol=1e-6)


@pytest.mark.parametrize(
    "changes", [{"count": 2001}, {"count": -1}, {"nanovolts": 0}, {"rate_hz": 0}]
)
def test_an_ishne_header_that_contradicts_the_file_is_refused(changes):
    with pytest.raises(RecordError):
        read(ishne(heart(), EIGHT, **changes))


def test_a_wrong_checksum_of_ishne_is_a_warning():
    record = read(ishne(heart(), EIGHT, checksum=77))
    assert any("checksum" in warning for warning in record.warnings)
    assert not [w for w in read(FILES["ISHNE"]).warnings if "checksum" in w]


# --- what is not read is named


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ALIVE\0\0\0 and more \0\1", "a KardiaMobile records"),
        (b'Name,X\nDevice,"Watch6,1"\nSample Rate,512 hertz\n\nLead,Lead I\n\n-1\n2\n', "Watch"),
        ('Name,X\nGerät,"Watch7,2"\nMessrate,511,99 Hertz\n-1\n2\n'.encode(), "an Apple Watch"),
        (b'<?xml version="1.0"?><!DOCTYPE HealthData [\n<!ELEMENT a>]><HealthData/>', "Apple"),
        (b"PK\x03\x04" + bytes(26) + b"apple_health_export/export.xml", "an Apple Watch records"),
        (b"Withings ScanWatch\nECG\n1\n2\n3\n", "a watch records one lead"),
        (b"@\x20MFR and more", r"MFER \(.mwf\) is not supported"),
        (b"%PDF-1.4", "a PDF is a picture of an ECG; export the signal"),
        (b'<x:EncryptedData xmlns:x="u"/>', "encrypted; export the ECG from MUSE"),
        (b'<sapphire xmlns="urn:ge:sapphire:dcar_1"/>', "Sapphire|not supported"),
        (b"<?xml version='1.0'?><html/>", "unknown XML"),
        (b"PK\x03\x04 other", "ZIP archive"),
    ],
)  # fmt: skip
def test_what_is_recognized_and_not_read_is_named(content, message):
    with pytest.raises(RecordError, match=message):
        read(content)


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    with pytest.raises(RecordError, match=r"DICOM needs pydicom: pip install 'ecgcam\[formats\]'"):
        read(FILES["DICOM"])


def test_a_dataset_is_no_ecg_by_its_preamble_alone():
    empty = Dataset()
    assert not empty
    with pytest.raises(RecordError):
        read(bytes(128) + b"DICM" + bytes(40))
