"""Commands that download, synthesize, survey and prepare ECGs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import output_folder
from .progress import progress


class Rate(StrEnum):
    """Sampling rate of the PTB-XL records to download, in Hz."""

    LOW = "100"
    HIGH = "500"
    BOTH = "both"


_RATES: dict[Rate, Literal[100, 500, "both"]] = {Rate.LOW: 100, Rate.HIGH: 500, Rate.BOTH: "both"}


def download(
    dataset: Annotated[str, typer.Argument(help="Name of the dataset: ptbxl.")],
    dest: Annotated[Path, typer.Argument(help="Folder for the dataset.")],
    rate: Annotated[Rate, typer.Option(help="Sampling rate of the records, in Hz.")] = Rate.LOW,
    url: Annotated[str | None, typer.Option(help="URL of a mirror.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Parallel downloads.")] = 8,
) -> None:
    """Download PTB-XL, resuming where it stopped; verifies every checksum."""
    from ..data.download import PTBXL_URL, download_ptbxl

    if dataset != "ptbxl":
        raise typer.BadParameter(f"unknown dataset {dataset!r}; available: ptbxl.")
    with progress("files") as show:
        typer.echo(
            download_ptbxl(
                dest,
                base_url=url or PTBXL_URL,
                rate_hz=_RATES[rate],
                jobs=jobs,
                progress=show,
            )
        )


def synthesize(
    dest: Annotated[
        Path, typer.Argument(help="New folder, with PTB-XL's layout.", callback=output_folder)
    ],
    n: Annotated[int, typer.Option("-n", "--records", min=1, help="Number of ECGs.")] = 600,
    seed: Annotated[int, typer.Option(min=0, help="Seed; the same seed gives the same ECGs.")] = 0,
) -> None:
    """Synthesize 12-lead ECGs, with the times of their abnormalities in truth.csv."""
    from ..data.synthetic import synthesize as make

    with progress("synthetic ECGs") as show:
        typer.echo(make(dest, n, seed=seed, progress=show))


def overview(
    source: Annotated[Path, typer.Argument(help="A store, or what `prepare` takes.")],
    out: Annotated[Path, typer.Option(help="Folder for overview.html and overview.json.")],
) -> None:
    """Show the classes, patients, missing values and signal quality of a dataset or a store."""
    from ..reports.overview import overview as write_overview

    with progress("signals") as show:
        typer.echo(write_overview(source, out, progress=show))


def prepare(
    source: Annotated[Path, typer.Argument(help="PTB-XL, any folder of ECGs, or a CSV table.")],
    store: Annotated[Path, typer.Argument(help="Folder of the new store.")],
    rate: Annotated[
        float | None, typer.Option(help="Sampling rate in Hz (default: that of the source).")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Duration of every ECG; longer ones are cut, shorter ones padded "
            "(default: that of most, and others are left out)."
        ),
    ] = None,
    resample: Annotated[bool, typer.Option(help="Resample ECGs to --rate.")] = False,
    leads: Annotated[str, typer.Option(help="Leads, separated by commas.")] = "",
    labels: Annotated[
        str, typer.Option(help="Label columns of the CSV, or classes, separated by commas.")
    ] = "",
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the folds, if the source has none.")
    ] = 0,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes (default: one per core).")
    ] = None,
    keep_identity: Annotated[
        bool, typer.Option("--keep-identity", help="Keep the patients' names; else numbers.")
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing store.")] = False,
) -> None:
    """Read ECGs into a store for training; rejected.csv lists those that cannot be used."""
    from ..data.preparation import PrepareConfig
    from ..data.preparation import prepare as make
    from ..data.store import REJECTED
    from ..signals.leads import LEADS, lead_name

    try:
        config = PrepareConfig(
            rate_hz=rate,
            duration_s=seconds,
            resampled=resample,
            leads=tuple(lead_name(lead) for lead in leads.split(",")) if leads else LEADS,
            labels=tuple(label.strip() for label in labels.split(",")) if labels else (),
            seed=seed,
            keep_identity=keep_identity,
            jobs=jobs,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with progress("ECGs") as show:
        prepared = make(source, store, config, overwrite=overwrite, progress=show)
    for remark in prepared.remarks:
        typer.echo(remark, err=True)
    typer.echo(
        f"{prepared.records} ECGs taken, {prepared.rejected} left out ({store / REJECTED})",
        err=True,
    )
    typer.echo(prepared.folder)
