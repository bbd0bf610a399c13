"""The command that explains ECGs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import Force, LeadNames, Rate, Trusted, Units, output_folder, reading_options
from .progress import progress

if TYPE_CHECKING:
    from ..serving.ecg_inputs import Input


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
    rate: Rate = None,
    units: Units = None,
    leads: LeadNames = None,
    scale: Annotated[
        str,
        typer.Option(
            help="Scale of the heat: logits (for and against, comparable between ECGs), or record "
            "(0 to 1 within each ECG, as in the paper)."
        ),
    ] = "logits",
    speed: Annotated[
        float, typer.Option(help="Paper speed of the sheet in mm/s: 12.5, 25 or 50.")
    ] = 25,
    start: Annotated[
        float, typer.Option(min=0, help="Second of the ECG from which on it is explained.")
    ] = 0,
    seconds: Annotated[
        float | None, typer.Option(min=0, help="Length of that part.  [default: to the end]")
    ] = None,
    beat: Annotated[
        bool,
        typer.Option(
            "--beat",
            help="Draw the mean beat of each lead over its mean evidence too: NAME-beat.png.",
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Write the JSON files without the pictures and the page.")
    ] = False,
    force: Force = False,
    device: Annotated[
        str | None, typer.Option(help="Run in torch on this device: cpu, cuda, mps.")
    ] = None,
    backbone: Trusted = None,
) -> None:
    """Predict ECGs and show the evidence.

    Writes NAME-leads.png, NAME-sheet.png, NAME-sheet.pdf, NAME.html and NAME.json for each ECG.
    Exits with 2 if an ECG was refused. Not a medical device.
    """
    from ..inference.loading import load
    from ..plots.heat import SCALES
    from ..plots.paper import SPEEDS_MM_S
    from ..serving.explain import explain_many

    classifier = load(model, device=device, backbone=backbone)
    if class_name is not None and class_name not in classifier.classes:
        raise typer.BadParameter(f"--class must be one of {', '.join(classifier.classes)}.")
    reading = reading_options(rate, units, leads)
    if speed not in SPEEDS_MM_S:
        raise typer.BadParameter(f"--speed must be one of {', '.join(map(str, SPEEDS_MM_S))}.")
    if scale not in SCALES:
        raise typer.BadParameter(f"--scale must be one of {', '.join(SCALES)}.")
    refused: list[str] = []
    with progress("ECGs explained") as show:
        for ecg, result, sentences in explain_many(
            _find_ecgs(ecgs, store),
            classifier,
            out,
            reading=reading,
            class_name=class_name,
            scale=scale,
            stretch=(start, seconds),
            speed_mm_s=speed,
            pictures=not json,
            beat=beat,
            force=force,
            progress=show,
        ):
            if isinstance(result, str):
                refused.append(f"{ecg.id}: {result}")
            else:
                for sentence in sentences:
                    typer.echo(f"{ecg.name}: {sentence}", err=True)
                typer.echo(result)
    for reason in refused:
        typer.echo(f"ecgcam: {reason}", err=True)
    if refused:
        raise typer.Exit(2)


def _find_ecgs(ecgs: list[str], store: Path | None) -> "list[Input]":
    """Return the ECGs of these ids, files, folders and tables; say what else the folders hold."""
    from ..serving.ecg_inputs import find_inputs, inputs_of_store

    if store is not None:
        return inputs_of_store(store, ecgs)
    found = find_inputs([Path(ecg) for ecg in ecgs])
    if found.others:
        typer.echo(found.note_on_others, err=True)
    return list(found.ecgs)
