"""Command that writes a copy of an ECG file without identity."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Overwrite, check_replaceable, output_file


def anonymize(
    ecg: Annotated[Path, typer.Argument(help="An ECG file.")],
    out: Annotated[Path, typer.Argument(help="File to write.", callback=output_file)],
    overwrite: Overwrite = False,
) -> None:
    """Write a copy of an ECG file without names, ids, dates and free text.

    The format stays: WFDB, DICOM, EDF, BDF, ISHNE, SCP-ECG, aECG, Philips, MUSE, CardioSoft,
    Schiller or Mortara. Kept are the signal, age, sex and filters. The copy is read again before
    it is kept. The ECG itself is never changed.
    """
    from ..readers.anonymization import anonymize as write
    from ..readers.anonymization import paths_to_write

    for path in paths_to_write(out):
        check_replaceable(path, overwrite=overwrite)
    for path in write(ecg, out):
        typer.echo(path)
