"""Commands on ECGs: explain them, and read one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import RecordError
from .options import Trusted, output_folder
from .progress import progress

if TYPE_CHECKING:
    from ..signals.record import Record


def explain(
    ecgs: Annotated[
        list[str],
        typer.Argument(help="ECG files (WFDB, CSV, NPZ); with --store, ids.", metavar="ECG..."),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Folder for the pictures, pages and JSON files.", callback=output_folder),
    ],
    model: Annotated[Path, typer.Option(help="Model file, or name of a shipped model.")] = Path(
        "normal"
    ),
    store: Annotated[Path | None, typer.Option(help="Store that holds the ids.")] = None,
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="Class whose map is drawn.  [default: the most probable]"),
    ] = None,
    no_pictures: Annotated[
        bool, typer.Option("--no-pictures", help="Write the JSON files alone.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="Run in torch on this device: cpu, cuda, mps.")
    ] = None,
    backbone: Trusted = None,
) -> None:
    """Predict ECGs and show the evidence.

    Writes NAME-leads.png, NAME-sheet.png, NAME-sheet.pdf, NAME.html and NAME.json for each ECG.
    Exits with 2 if an ECG was refused. Not a medical device.
    """
    from ..inference.classifier import load
    from ..reports.explanation_report import write_explanations

    classifier = load(model, device=device, backbone=backbone)
    if class_name is not None and class_name not in classifier.classes:
        raise typer.BadParameter(f"--class must be one of {', '.join(classifier.classes)}.")
    records = _read_all(ecgs, store)
    answers = classifier.explain(records)
    accepted = [k for k, answer in enumerate(answers) if answer.refused is None]
    with progress("ECGs explained") as show:
        written = write_explanations(
            [records[k] for k in accepted],
            [answers[k] for k in accepted],
            out,
            class_name=class_name,
            pictures=not no_pictures,
            progress=show,
        )
    for path in written:
        typer.echo(path)
    for answer in answers:
        if answer.refused is not None:
            typer.echo(f"ecgcam: {answer.refused}", err=True)
    if len(written) < len(ecgs):
        raise typer.Exit(2)


def read(ecg: Annotated[Path, typer.Argument(help="An ECG file.")]) -> None:
    """Show what an ECG file contains."""
    from ..readers.read import read as read_ecg
    from ..signals.assessment import assess
    from ..signals.quality import implausible_amplitude

    record = read_ecg(ecg)
    low, high = record.signal_mv.min(), record.signal_mv.max()
    findings = [*record.warnings, *(finding.text for finding in assess(record))]
    findings.append(implausible_amplitude(record.signal_mv))
    typer.echo(f"name      {record.name}")
    typer.echo(f"leads     {' '.join(record.leads)}")
    typer.echo(f"rate      {record.rate_hz:g} Hz")
    typer.echo(f"duration  {record.duration_s:g} s")
    typer.echo(f"range     {low:.3f} to {high:.3f} mV")
    typer.echo(f"findings  {', '.join(filter(None, findings)) or 'none'}")


def _read_all(ecgs: list[str], store: Path | None) -> "list[Record]":
    """Read ECGs from files, or from a store by id; name files that cannot be read and go on."""
    if store is not None:
        from ..data.store import open_store

        opened = open_store(store)
        return [opened.record(opened.index_of(identity)) for identity in ecgs]
    from ..readers.read import read as read_ecg

    records = []
    for ecg in ecgs:
        try:
            records.append(read_ecg(ecg))
        except RecordError as error:
            typer.echo(f"ecgcam: {error}", err=True)
    return records
