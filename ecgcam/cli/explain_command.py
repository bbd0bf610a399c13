"""Commands on ECGs: explain them, and read one."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Trusted, output_folder
from .progress import progress


def explain(
    ecgs: Annotated[
        list[str],
        typer.Argument(
            help="ECG files, folders, or CSV tables with a column 'path'; with --store, ids.",
            metavar="ECG...",
        ),
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
    json: Annotated[bool, typer.Option("--json", help="Write the JSON files alone.")] = False,
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
    from ..serving.ecg_inputs import find_inputs, inputs_of_store
    from ..serving.explain import explain_many

    classifier = load(model, device=device, backbone=backbone)
    if class_name is not None and class_name not in classifier.classes:
        raise typer.BadParameter(f"--class must be one of {', '.join(classifier.classes)}.")
    if store is not None:
        inputs = inputs_of_store(store, ecgs)
    else:
        found = find_inputs([Path(ecg) for ecg in ecgs])
        inputs = list(found.ecgs)
        if found.others:
            typer.echo(found.note_on_others, err=True)
    refused: list[str] = []
    with progress("ECGs explained") as show:
        for ecg, result in explain_many(
            inputs, classifier, out, class_name=class_name, pictures=not json, progress=show
        ):
            if isinstance(result, str):
                refused.append(f"{ecg.id}: {result}")
            else:
                typer.echo(result)
    for reason in refused:
        typer.echo(f"ecgcam: {reason}", err=True)
    if refused:
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
