"""File formats: how each is recognized by its content, and its reader.

A new format is one entry of FORMATS. Its reader takes an EcgFile and returns a Recording; what it
raises becomes a RecordError that names the file and the format.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .aecg import read_aecg
from .anonymized_binary import anonymize_edf, anonymize_ishne, anonymize_scp_ecg
from .anonymized_dicom import anonymize_dicom
from .anonymized_xml import anonymize_xml
from .cardiosoft import read_cardiosoft
from .channels import Recording
from .dicom import is_dicom, read_dicom
from .ecg_file import EcgFile
from .edf import BDF_START, is_edf, read_edf
from .hdf5 import is_hdf5, read_hdf5
from .ishne import ISHNE_START, read_ishne
from .matlab import MAT_5_START, is_mat_4, read_mat
from .mortara import read_mortara
from .muse import read_muse
from .numpy_files import NPY_START, is_npz, read_npy, read_npz
from .parquet import PARQUET_START, read_parquet
from .philips import read_philips
from .schiller import read_schiller
from .scp_ecg import is_scp_ecg, read_scp_ecg
from .tables import is_table, read_csv
from .wfdb import is_wfdb, read_wfdb_file
from .xml_tree import root_name

TABLE = "table"  # any text with rows and columns

Sniff = Callable[[bytes, Path | None], bool]
Reader = Callable[[EcgFile], Recording]
Anonymizer = Callable[[bytes, Recording], bytes]


@dataclass(frozen=True)
class Format:
    """One file format.

    name:  as people call it.
    sniff: returns whether a file is of the format, from its first 64 KiB and its path, or None.
    read:  the reader; or, for a format that is not supported, the message that says so.
    anonymize: returns the bytes of a file without identity, from those of the file and what was
           read of it; None where such a file cannot be written.
    suffixes: those that no other kind of file has: with one of them, even an empty or damaged file
           of a folder counts as an ECG.
    """

    name: str
    sniff: Sniff
    read: Reader | str
    anonymize: Anonymizer | None = None
    suffixes: tuple[str, ...] = ()


def _magic(*starts: bytes, offset: int = 0) -> Sniff:
    """Return a sniffer for files with one of these bytes at a fixed place."""

    def sniff(head: bytes, path: Path | None) -> bool:
        return head[offset:].startswith(starts)

    return sniff


def _xml(*roots: str) -> Sniff:
    """Return a sniffer for XML whose root element has one of these names; "" for any other."""

    def sniff(head: bytes, path: Path | None) -> bool:
        name = root_name(head)
        return bool(name) and (name in roots or "" in roots)

    return sniff


def _words(*patterns: bytes, within: int = 4000) -> Sniff:
    """Return a sniffer for files that hold all these words near their start."""
    searches = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]

    def sniff(head: bytes, path: Path | None) -> bool:
        return all(search.search(head, 0, within) for search in searches)

    return sniff


# The first that matches is taken: formats with a signature come before text without one.
FORMATS: list[Format] = [
    Format("WFDB", is_wfdb, read_wfdb_file),
    Format("NPY", _magic(NPY_START), read_npy),
    Format("NPZ", is_npz, read_npz, suffixes=(".npz",)),
    Format("HDF5", is_hdf5, read_hdf5),
    Format("MAT", _magic(MAT_5_START), read_mat),
    Format("Parquet", _magic(PARQUET_START), read_parquet),
    Format("DICOM", is_dicom, read_dicom, anonymize_dicom, (".dcm",)),
    Format("EDF", is_edf, read_edf, anonymize_edf, (".edf",)),
    Format("BDF", _magic(BDF_START), read_edf, anonymize_edf, (".bdf",)),
    Format("ISHNE", _magic(ISHNE_START), read_ishne, anonymize_ishne, (".ecg",)),
    Format("SCP-ECG", is_scp_ecg, read_scp_ecg, anonymize_scp_ecg, (".scp",)),
    Format("HL7 aECG", _xml("AnnotatedECG"), read_aecg, anonymize_xml),
    Format("Philips Sierra", _xml("restingecgdata"), read_philips, anonymize_xml),
    Format("GE MUSE", _xml("RestingECG"), read_muse, anonymize_xml),
    Format("GE CardioSoft", _xml("CardiologyXML"), read_cardiosoft, anonymize_xml),
    Format("Schiller", _xml("SchillerEDI", "examdescript"), read_schiller, anonymize_xml),
    Format("Mortara", _xml("ECG"), read_mortara, anonymize_xml),
    Format(
        "GE MUSE (encrypted)",
        _xml("EncryptedData"),
        "encrypted; export the ECG from MUSE without encryption.",
    ),
    Format(
        "GE Sapphire", _xml("sapphire"), "not supported; export MUSE XML, DICOM or aECG instead."
    ),
    Format(
        "Apple Health export",
        _xml("HealthData", "ClinicalDocument"),
        "an Apple Watch records one lead; expected twelve, or the eight that the others follow "
        "from.",
    ),
    Format(
        "XML", _xml(""), "unknown XML; read are aECG, Philips, MUSE, CardioSoft, Schiller, Mortara."
    ),
    Format(
        "Apple Watch",
        _words(rb"\bWatch\d+,\d+"),
        "an Apple Watch records one lead; expected twelve, or the eight that the others follow "
        "from.",
    ),
    Format(
        "AliveCor KardiaMobile",
        _magic(b"ALIVE\0"),
        "a KardiaMobile records one or six leads; expected twelve, or the eight that the others "
        "follow from.",
    ),
    Format(
        "Withings or Samsung watch",
        _words(rb"withings|scanwatch|samsung|galaxy watch", rb"ecg", rb"\A(?!(?s:.*)\bV6\b)"),
        "a watch records one lead; expected twelve, or the eight that the others follow from.",
    ),
    Format(
        "MFER",
        _words(rb"\A@.MFR ", within=8),
        "MFER (.mwf) is not supported; export DICOM, aECG or SCP-ECG instead.",
    ),
    Format(
        "PDF", _magic(b"%PDF"), "a PDF is a picture of an ECG; export the signal from the device."
    ),
    Format(
        "picture",
        _magic(b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*"),
        "a picture of an ECG; expected its samples, so digitize it first.",
    ),
    Format(
        "Apple Health export",
        _words(rb"\APK\x03\x04.{26}apple_health_export", within=100),
        "an Apple Watch records one lead; expected twelve, or the eight that the others follow "
        "from.",
    ),
    Format(
        "ZIP archive or Office document",
        _magic(b"PK\x03\x04", b"\xd0\xcf\x11\xe0"),
        "a ZIP archive or Office document; save the table as CSV, or unpack it first.",
    ),
    Format(
        "pickle",
        _magic(*(bytes([0x80, version]) for version in (2, 3, 4, 5))),
        "a pickle can run code, so it is not opened; save the arrays as NPZ.",
    ),
    Format(
        "JSON", _words(rb"\A\s*(?:\{\s*\"|\[\s*[\[{])"), "JSON is not supported; save CSV or NPZ."
    ),
    Format("gzip", _magic(b"\x1f\x8b"), "compressed by gzip; decompress it first."),
    Format("MAT", is_mat_4, read_mat),
    Format(TABLE, is_table, read_csv, suffixes=(".csv", ".tsv")),
]
