"""The command that predicts many ECGs and writes a table."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Force, LeadNames, Rate, Units, output_file, reading_options
from .progress import progress


def predict(
    ecgs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders, ECG files, CSV tables with a column 'path', or stores.", metavar="ECG..."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="Table to write: .csv, .jsonl or .parquet.", callback=output_file),
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Model file, or name of a shipped model; repeat for several.  [default: normal]"
        ),
    ] = None,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Add the evidence of each class.")
    ] = False,
    rate: Rate = None,
    units: Units = None,
    leads: LeadNames = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes (default: one per core).")
    ] = None,
    force: Force = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a run that was interrupted.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing table.")] = (
        False
    ),
) -> None:
    """Predict many ECGs; the table has one row each.

    An ECG that cannot be used is a row with the reason and stops nothing. Not a medical device.
    """
    from ..serving.predict import predict_many

    reading = reading_options(rate, units, leads)
    try:
        with progress("ECGs predicted") as show:
            table = predict_many(
                ecgs,
                out,
                models=model or "normal",
                evidence=evidence,
                **reading.keywords,
                jobs=jobs,
                force=force,
                resume=resume,
                overwrite=overwrite,
                progress=show,
            )
    except KeyboardInterrupt:
        typer.echo("ecgcam: stopped. The same command with --resume continues.", err=True)
        raise typer.Exit(1) from None
    counts = ", ".join(f"{count} {outcome}" for outcome, count in table.outcomes.items())
    typer.echo(f"{sum(table.outcomes.values())} ECGs: {counts}", err=True)
    for note in table.notes:
        typer.echo(note, err=True)
    typer.echo(table.path)
