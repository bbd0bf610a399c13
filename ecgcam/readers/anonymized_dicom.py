"""Anonymized DICOM: a new dataset with the waveforms, age and sex, under new UIDs."""

from io import BytesIO
from typing import Any

from .channels import Recording

_KEPT = ("SpecificCharacterSet", "SOPClassUID", "Modality", "Manufacturer", "ManufacturerModelName")
_EMPTY = (
    *("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "PatientName"),
    *("PatientID", "PatientBirthDate", "StudyID", "SeriesNumber", "InstanceNumber"),
)  # that every object must have
_CODE_GROUP = 0x0008
_CODE_ELEMENTS = (0x0100, 0x0102, 0x0103, 0x0104)
_WAVEFORM_GROUPS = (0x003A, 0x5400)
_SEX = {"female": "F", "male": "M", None: ""}
_DAY = "20000101"


def anonymize_dicom(data: bytes, recording: Recording) -> bytes:
    """Return a DICOM file with only the waveforms, age, sex and the device's model."""
    from pydicom import FileDataset, config, dcmread
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    with config.disable_value_validation():
        original = dcmread(BytesIO(data), force=True)
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = original.get("SOPClassUID", "")
        meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
        copy = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        for name in _KEPT:
            if name in original:
                setattr(copy, name, original[name].value)
        for name in _EMPTY:
            setattr(copy, name, None)
        copy.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
        copy.StudyInstanceUID = generate_uid(prefix=None)
        copy.SeriesInstanceUID = generate_uid(prefix=None)
        copy.AcquisitionDateTime = copy.ContentDate = _DAY
        copy.ContentTime = "000000"
        copy.PatientSex = _SEX[recording.sex]
        if recording.age_years is not None:
            copy.PatientAge = f"{min(999, max(1, round(recording.age_years))):03d}Y"
        copy.PatientIdentityRemoved = "YES"
        copy.DeidentificationMethod = "all but waveforms, age, sex and device removed"
        copy.WaveformSequence = [_waveform(item) for item in original.WaveformSequence]
        file = BytesIO()
        copy.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _waveform(item: Any) -> Any:
    """Return a copy of a waveform with its channels and their codes, and nothing else."""
    from pydicom import Dataset

    copy = Dataset()
    for element in item:
        code = element.tag.group == _CODE_GROUP and element.tag.element in _CODE_ELEMENTS
        if not (code or element.tag.group in _WAVEFORM_GROUPS):
            continue
        if element.VR == "SQ":
            copy.add_new(element.tag, "SQ", [_waveform(part) for part in element.value])
        else:
            copy.add_new(element.tag, element.VR, element.value)
    return copy
