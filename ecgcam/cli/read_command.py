"""The command that shows what ECG files hold, and what a model will do with them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RecordError
from .options import LeadNames, Rate, Units, reading_options

if TYPE_CHECKING:
    from ..inference.classifier import Classifier
    from ..readers.read import Reading
    from ..signals.record import Record


def read(
    ecgs: Annotated[list[Path], typer.Argument(help="ECG files.", metavar="ECG...")],
    model: Annotated[Path, typer.Option(help="Model file, or name of a shipped model.")] = Path(
        "normal"
    ),
    rate: Rate = None,
    units: Units = None,
    leads: LeadNames = None,
) -> None:
    """Show what ECG files hold, and what a model will do with them.

    Exits with 2 if a file cannot be read.
    """
    from ..inference.loading import load
    from ..readers.read import read_details

    options = reading_options(rate, units, leads)
    classifier = load(model)
    unreadable = False
    for k, ecg in enumerate(ecgs):
        if k:
            typer.echo()
        try:
            reading = read_details(ecg, **options.keywords)
        except RecordError as error:
            unreadable = True
            typer.echo(f"ecgcam: {error}", err=True)
            continue
        lines = [
            *_found(reading, options.units or "mV"),
            *_plan(reading.record, classifier, str(model)),
        ]
        for label, text in lines:
            typer.echo(f"{label:<9} {text}")
    if unreadable:
        raise typer.Exit(2)


def _found(reading: "Reading", assumed: str) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each line on the file."""
    record = reading.record
    yield "name", record.name
    yield "format", reading.format
    yield "leads", " ".join(record.leads)
    yield "unit", _units(reading, assumed)
    yield "rate", f"{record.rate_hz:g} Hz"
    yield "duration", f"{record.duration_s:g} s"
    yield "range", f"{record.signal_mv.min():.3f} to {record.signal_mv.max():.3f} mV"
    if record.age_years is not None or record.sex is not None:
        age = "" if record.age_years is None else f"{record.age_years:g} years"
        yield "person", ", ".join(filter(None, (age, record.sex)))
    if record.filters:
        yield "filters", record.filters
    for warning in record.warnings:
        yield "warning", warning


def _units(reading: "Reading", assumed: str) -> str:
    """Return the units of the file's channels, and which is taken where it names none."""
    units = {
        channel.unit or f"{assumed} (the file names none)" for channel in reading.recording.channels
    }
    return ", ".join(sorted(units))


def _plan(record: "Record", classifier: "Classifier", model: str) -> Iterator[tuple[str, str]]:
    """Yield a label and a text for each thing that the model will do with the record."""
    from ..inference.inputs import assess_record
    from ..signals.windows import cut_windows

    assessed = assess_record(record, classifier.leads, force=False)
    for finding in assessed.findings:
        yield "finding", finding.text
    try:
        if assessed.refused:
            raise RecordError(assessed.refused)
        windows = cut_windows(
            record,
            leads=classifier.leads,
            rate_hz=classifier.rate_hz,
            duration_s=classifier.duration_s,
        )
    except RecordError as error:
        yield "model", f"{model}: refused: {str(error).removeprefix(f'{record.name}: ')}"
        return
    count = windows.count
    form = f"{len(classifier.leads)} leads at {classifier.rate_hz:g} Hz"
    yield "model", f"{model}: {count} x {windows.window_s:g} s of {form}"
    for step in windows.warnings:
        if step not in record.warnings:
            yield "", step
