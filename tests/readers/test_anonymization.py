"""Anonymized copies: the same signal, and no string of the person left in the bytes."""

import io
import os
import re
from dataclasses import replace

import edfio
import numpy as np
import pydicom
import pytest
from support import xml_ecgs
from support.binary_ecgs import dicom, dicom_group, edf, ishne
from support.scp_writer import ScpFile, fact

from ecgcam.errors import RecordError
from ecgcam.readers.anonymization import anonymize
from ecgcam.readers.formats import FORMATS
from ecgcam.readers.read import read, read_details
from ecgcam.signals.leads import LEADS

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
IDENTITY = ("Doe", "Jane", "4711", "1950", "2010", "0615", "0614")


def heart(leads=EIGHT, samples=2000):
    rng = np.random.default_rng(len(leads))
    rows = rng.normal(0, 60, (len(leads), samples)) + 500 * (np.arange(samples) % 200 == 50)
    return np.rint(rows).astype(np.int64)


ROWS, TWELVE = heart(), heart(LEADS)
FACTS = fact(0, b"Doe\0") + fact(1, b"Jane\0") + fact(2, b"ID-4711\0")
FILES = {
    "DICOM": dicom(dicom_group(ROWS, EIGHT), dicom_group(ROWS[:, :300], EIGHT, label="MEDIAN"),
                   InstitutionName="of Doe", DeviceSerialNumber="4711"),
    "EDF": edf(ROWS, EIGHT),
    "BDF": edf(ROWS, EIGHT, width=3, kind="BDF+C", step=1),
    "ISHNE": ishne(ROWS, EIGHT),
    "SCP-ECG": ScpFile(rows=ROWS[:, :1000], leads=EIGHT,
                       facts=FACTS + fact(8, b"\x02") + fact(4, b"\x3b\0\1"),
                       extra={8: b"\0" * 9 + b"Jane Doe is well\0"}).to_bytes(),
    "GE MUSE": xml_ecgs.muse(ROWS, EIGHT),
    "GE CardioSoft": xml_ecgs.cardiosoft(TWELVE, LEADS),
    "Schiller": xml_ecgs.schiller(TWELVE, LEADS),
    "Mortara": xml_ecgs.mortara(TWELVE, LEADS),
    "HL7 aECG": xml_ecgs.aecg(TWELVE, LEADS),
    "Philips Sierra": xml_ecgs.philips(TWELVE, LEADS),
}  # fmt: skip
LOSES_AGE = ("EDF", "BDF", "ISHNE", "Schiller", "HL7 aECG")  # where it follows from dates alone


def words_left(data, words=IDENTITY):
    data = re.sub(rb"2\.25\.\d+", b"", data)  # new random UIDs, which may hold any digits
    texts = (data, data.decode("utf-16-le", "ignore").encode(), data.decode("latin-1").encode())
    return [word for word in words if any(word.encode() in text for text in texts)]


@pytest.mark.parametrize("name", FILES)
def test_the_copy_has_the_same_signal_and_nothing_of_the_person(tmp_path, name):
    source, out = tmp_path / "source.ecg", tmp_path / "out.ecg"
    source.write_bytes(FILES[name])
    assert len(words_left(FILES[name])) >= 3  # the test would see an identity
    assert anonymize(source, out) == [out]
    assert source.read_bytes() == FILES[name]
    assert not words_left(out.read_bytes())
    original, copy = read_details(source), read_details(out)
    assert copy.format == original.format == name
    np.testing.assert_array_equal(copy.record.signal_mv, original.record.signal_mv)
    assert (copy.record.leads, copy.record.rate_hz) == (
        original.record.leads,
        original.record.rate_hz,
    )
    assert copy.record.sex == original.record.sex == "female"
    assert copy.record.age_years == (None if name in LOSES_AGE else 59)
    assert copy.record.filters == original.record.filters or name == "SCP-ECG"
    assert sorted(tmp_path.iterdir()) == [out, source]


def test_other_libraries_read_the_copies(tmp_path):
    for name in ("DICOM", "EDF", "BDF"):
        (tmp_path / name).write_bytes(FILES[name])
        anonymize(tmp_path / name, tmp_path / f"{name}.out")
    dataset = pydicom.dcmread(tmp_path / "DICOM.out")
    array = dataset.waveform_array(0)
    np.testing.assert_allclose(array, ROWS.T * 2.5, rtol=1e-6)
    assert (dataset.PatientName, dataset.PatientID, dataset.PatientAge) == ("", "", "059Y")
    for name, reader in (("EDF", edfio.read_edf), ("BDF", edfio.read_bdf)):
        opened = reader(io.BytesIO((tmp_path / f"{name}.out").read_bytes()))
        assert opened.num_signals == len(EIGHT)
        assert [annotation.text for annotation in opened.annotations] == []
        assert opened.patient.sex == "F"
        assert opened.patient.name == "X"


def test_names_in_annotations_of_edf_are_removed(tmp_path):
    signal = edfio.EdfSignal(np.arange(1000) / 10, 100, label="ECG I", physical_dimension="uV")
    file = io.BytesIO()
    edfio.Edf(
        [signal],
        patient=edfio.Patient(code="ID-4711", name="Jane_Doe"),
        annotations=[edfio.EdfAnnotation(1.5, None, "Jane Doe coughs")],
    ).write(file)
    (tmp_path / "a.edf").write_bytes(file.getvalue())
    assert words_left(file.getvalue())
    anonymize(tmp_path / "a.edf", tmp_path / "b.edf")
    assert not words_left((tmp_path / "b.edf").read_bytes())


def test_real_files_lose_their_identity(shared, tmp_path):
    samples = shared / "device-formats"
    words = {
        "dicom_12lead.dcm": ["Anonymous", "642341", "19710123"],
        "hl7_aecg_1.xml": ["Clark", "19530508", "subject1", "John Smith", "River City", "20021122"],
        "philips_sierra_1_04.xml": ["ZZDEMOPTONLY", "9999", "EKG1715", "1950-01-01", "2010-01-19"],
        "philips_sierra_1_03.xml": ["1112010721168bdc", "2011-12-01", "GE EMS"],
        "ishne_12lead_1000hz.ecg": ["none", "ECG_P28"],
    }
    for name, strings in words.items():
        source = samples / name
        assert words_left(source.read_bytes(), strings), name
        anonymize(source, tmp_path / name)
        assert not words_left((tmp_path / name).read_bytes(), strings), name
        original, copy = read(source), read(tmp_path / name)
        np.testing.assert_array_equal(copy.signal_mv, original.signal_mv)
        assert copy.sex == original.sex


@pytest.fixture
def wfdb_record(tmp_path):
    samples = ROWS.astype("<i2")
    samples.T.tofile(tmp_path / "Doe_4711.dat")
    lines = [f"Doe_4711 8 500 {samples.shape[1]} 10:15:00 14/06/2010"]
    for lead, row in zip(EIGHT, samples, strict=True):
        total = row.sum(dtype=np.int16)
        lines.append(f"Doe_4711.dat 16 400/mV 16 0 {row[0]} {total} 0 {lead}")
    lines += ["#Age: 59", "#Sex: F", "#Name: Jane Doe", "#Dx: 426783006"]
    (tmp_path / "Doe_4711.hea").write_text("\n".join(lines))
    return tmp_path / "Doe_4711"


@pytest.mark.parametrize("suffix", ["", ".hea"])
def test_a_wfdb_record_gets_a_new_name_and_loses_dates_and_comments(wfdb_record, tmp_path, suffix):
    out = tmp_path / "out" / f"ecg1{suffix}"
    written = anonymize(wfdb_record, out)
    assert [path.name for path in written] == ["ecg1.hea", "ecg1.dat"]
    header = written[0].read_text()
    assert not words_left(header.encode())
    assert header.splitlines()[0] == "ecg1 8 500 2000"
    assert header.splitlines()[-2:] == ["#Age: 59", "#Sex: Female"]
    original, copy = read(wfdb_record), read(out)
    np.testing.assert_array_equal(copy.signal_mv, original.signal_mv)
    assert (copy.age_years, copy.sex, copy.name) == (59, "female", "ecg1")


def test_a_wfdb_record_of_several_files_and_one_absent_keeps_what_is_there(tmp_path):
    folder = tmp_path / "Doe"
    folder.mkdir()
    lines = ["r/Doe 3 500 1000"]
    for k, lead in enumerate(EIGHT[:3]):
        row = ROWS[k, :1000].astype("<i2")
        if lead != "II":
            row.tofile(folder / f"Doe{k}.dat")
        lines.append(f"Doe{k}.dat 16 400 16 0 {row[0]} 0 0 {lead}")
    (folder / "Doe.hea").write_text("\n".join(lines).replace("r/", ""))
    written = anonymize(folder / "Doe.hea", tmp_path / "ecg")
    assert [path.name for path in written] == ["ecg.hea", "ecg_1.dat", "ecg_2.dat"]
    assert not words_left(written[0].read_bytes())
    copy = read(tmp_path / "ecg.hea")
    assert copy.leads == read(folder / "Doe.hea").leads == ("I", "V1")


def test_the_ecg_itself_is_never_overwritten(wfdb_record, tmp_path):
    source = tmp_path / "a.edf"
    source.write_bytes(FILES["EDF"])
    os.link(source, tmp_path / "b.edf")
    (tmp_path / "c.edf").symlink_to(source)
    for out in (source, tmp_path / "b.edf", tmp_path / "c.edf"):
        with pytest.raises(RecordError, match="this is the ECG itself"):
            anonymize(source, out)
    with pytest.raises(RecordError, match="this is the ECG itself"):
        anonymize(wfdb_record, wfdb_record)
    assert source.read_bytes() == FILES["EDF"]


def test_what_cannot_be_written_is_said_and_nothing_is_written(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("time,I,V1\n" + "".join(f"{k / 100},{k % 7 / 10},1\n" for k in range(1000)))
    with pytest.raises(RecordError, match="table cannot be anonymized; anonymized are WFDB, DICOM"):
        anonymize(table, tmp_path / "b.csv")
    with pytest.raises(RecordError, match="no such file"):
        anonymize(tmp_path / "none.edf", tmp_path / "b.edf")
    assert list(tmp_path.iterdir()) == [table]


def test_a_copy_that_would_read_otherwise_is_not_kept(tmp_path, monkeypatch):
    source = tmp_path / "a.edf"
    source.write_bytes(FILES["EDF"])
    wrong = [
        replace(known, anonymize=lambda data, recording: edf(ROWS + 1, EIGHT)) for known in FORMATS
    ]
    monkeypatch.setattr("ecgcam.readers.anonymization.FORMATS", wrong)
    with pytest.raises(RecordError, match="reads otherwise than the original"):
        anonymize(source, tmp_path / "b.edf")
    assert list(tmp_path.iterdir()) == [source]
