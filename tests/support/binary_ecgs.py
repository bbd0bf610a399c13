"""Writers of ISHNE, EDF, BDF and DICOM files, to test the readers with.

Each takes rows (leads, time) of whole steps and the names of the leads. The person is Jane Doe,
ID-4711, born on 15 June 1950 and recorded on 14 June 2010.
"""

import io
import struct

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from support.scp_writer import LEAD_NUMBERS, crc

ISHNE_LEADS = {"I": 5, "II": 6, "III": 7, "aVR": 8, "aVL": 9, "aVF": 10}
ISHNE_LEADS |= {f"V{k}": 10 + k for k in range(1, 7)} | {"ES": 17, "": 0}


def ishne(rows, leads, *, nanovolts=2500, rate_hz=200, count=None, checksum=None):
    """`count`: the samples that the header promises (default: of each lead)."""
    head = bytearray(512)

    def put(at, form, *values):
        struct.pack_into(f"<{form}", head, at, *values)

    put(0, "iiiih", 0, rows.shape[1] if count is None else count, 522, 522, 1)
    put(18, "40s40s20s", b"Jane", b"Doe", b"ID-4711")
    put(118, "hh3h3h", 2, 0, 15, 6, 1950, 14, 6, 2010)
    numbers = [ISHNE_LEADS[lead] for lead in leads]
    put(146, f"h{len(leads)}h", len(leads), *numbers)
    put(196, f"{len(leads)}h", *[nanovolts] * len(leads))
    put(262, "h", rate_hz)
    number = crc(head) if checksum is None else checksum
    data = np.ascontiguousarray(rows.T).astype("<i2").tobytes()
    return b"ISHNE1.0" + struct.pack("<H", number) + bytes(head) + data


def edf(rows, leads, *, width=2, unit="uV", step=2.5, kind="EDF+C", annotations=True, **changes):
    """EDF (2 bytes) or BDF (3): one-second records of 200 samples; `changes` of main fields."""
    samples = 200
    records = rows.shape[1] // samples
    limit = 2 ** (8 * width - 1) - 1
    signals = [(f"ECG {lead}", unit, -limit * step, limit * step, samples) for lead in leads]
    if annotations:
        signals.append((f"{kind[:3]} Annotations", "", -1, 1, 20))
    count = len(signals)
    fields = {
        "version": "0" if width == 2 else "\xffBIOSEMI",
        "patient": "ID-4711 F 15-JUN-1950 Jane_Doe",
        "recording": "Startdate 14-JUN-2010 X X X",
        "date": "14.06.10", "time": "10.15.00", "bytes": 256 * (count + 1), "reserved": kind,
        "records": records, "seconds": 1, "signals": count,
    } | changes  # fmt: skip
    widths = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
    head = "".join(str(v).ljust(w)[:w] for v, w in zip(fields.values(), widths, strict=True))
    columns = [
        (16, [s[0] for s in signals]), (80, [""] * count), (8, [s[1] for s in signals]),
        (8, [f"{s[2]:.8g}"[:8] for s in signals]), (8, [f"{s[3]:.8g}"[:8] for s in signals]),
        (8, [-limit] * count), (8, [limit] * count),
        (80, ["HP:0.05Hz LP:150Hz N:50Hz"] * count), (8, [s[4] for s in signals]),
        (32, [""] * count),
    ]  # fmt: skip
    head += "".join(str(value).ljust(size)[:size] for size, values in columns for value in values)
    body = b""
    for record in range(records):
        for row in rows[:, record * samples : (record + 1) * samples]:
            body += row.astype("<i4").view(np.uint8).reshape(-1, 4)[:, :width].tobytes()
        if annotations:
            body += f"+{record}\x14\x14\0".encode().ljust(20 * width, b"\0")
    return head.encode("latin-1") + body


def dicom_group(rows, leads, *, label="RHYTHM", originality="ORIGINAL", code="SCPECG", **changes):
    group = Dataset()
    group.WaveformOriginality = originality
    group.MultiplexGroupLabel = label
    group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = rows.shape
    group.SamplingFrequency = "500"
    group.ChannelDefinitionSequence = [channel(lead, code) for lead in leads]
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    group.WaveformData = np.ascontiguousarray(rows.T).astype("<i2").tobytes()
    for name, value in changes.items():
        setattr(group, name, value)
    return group


def channel(lead, code="SCPECG"):
    source, unit, definition = Dataset(), Dataset(), Dataset()
    prefix = {"SCPECG": "5.6.3-9-", "MDC": "2:"}.get(code)
    source.CodeValue = f"{prefix}{LEAD_NUMBERS[lead]}" if prefix else "L1"
    source.CodingSchemeDesignator = code
    source.CodeMeaning = f"Lead {lead} (of some maker)" if prefix else f"Lead {lead}"
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    definition.ChannelSourceSequence = [source]
    definition.ChannelSensitivity = "2.5"
    definition.ChannelSensitivityUnitsSequence = [unit]
    definition.ChannelSensitivityCorrectionFactor = "1"
    definition.ChannelBaseline = "0"
    definition.FilterLowFrequency, definition.FilterHighFrequency = "0.05", "150"
    return definition


def dicom(*groups, preamble=True, syntax=ExplicitVRLittleEndian, **changes):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    encoding = {
        "is_implicit_VR": syntax.is_implicit_VR,
        "is_little_endian": syntax.is_little_endian,
    }
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128, **encoding)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, generate_uid()
    data.PatientName, data.PatientID = "Doe^Jane", "ID-4711"
    data.PatientBirthDate, data.PatientSex, data.StudyDate = "19500615", "F", "20100614"
    data.StudyTime = "101500"
    data.Modality = "ECG"
    if groups:
        data.WaveformSequence = list(groups)
    for name, value in changes.items():
        setattr(data, name, value)
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue() if preamble else file.getvalue()[132:]
