"""Commands that get, make, look at and prepare ECGs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from .options import a_folder
from .progress import progress


class Rate(StrEnum):
    """Which records of PTB-XL to fetch."""

    LOW = "100"
    HIGH = "500"
    BOTH = "both"


_RATES: dict[Rate, Literal[100, 500, "both"]] = {Rate.LOW: 100, Rate.HIGH: 500, Rate.BOTH: "both"}


def download(
    dataset: Annotated[str, typer.Argument(help="Which: ptbxl.")],
    dest: Annotated[Path, typer.Argument(help="The folder to put it in.")],
    rate: Annotated[Rate, typer.Option(help="Which records, in Hz.")] = Rate.LOW,
    url: Annotated[str | None, typer.Option(help="A mirror to take it from.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Files fetched at a time.")] = 8,
) -> None:
    """Fetch PTB-XL from PhysioNet. Run again, it goes on; every file is verified."""
    from ..data.download import PTBXL_URL, download_ptbxl

    if dataset != "ptbxl":
        raise typer.BadParameter(f"there is no dataset {dataset!r}; there is ptbxl.")
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
        Path, typer.Argument(help="A new folder, laid out like PTB-XL.", callback=a_folder)
    ],
    n: Annotated[int, typer.Option("-n", "--records", min=1, help="How many ECGs.")] = 600,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same ECGs.")] = 0,
) -> None:
    """Make up 12-lead ECGs, and truth.csv: where the abnormality of each is."""
    from ..data.synthetic import synthesize as make

    with progress("made-up ECGs") as show:
        typer.echo(make(dest, n, seed=seed, progress=show))


def overview(
    source: Annotated[Path, typer.Argument(help="A folder laid out like PTB-XL.")],
    out: Annotated[Path, typer.Option(help="The folder for overview.html and overview.json.")],
) -> None:
    """Count and show what a folder of ECGs holds: classes, people, gaps, signal quality."""
    from ..reports.overview import overview as look

    with progress("signals looked at") as show:
        typer.echo(look(source, out, progress=show))


def prepare(
    source: Annotated[Path, typer.Argument(help="A PTB-XL-shaped folder, or a CSV of your own.")],
    store: Annotated[Path, typer.Argument(help="The store to make, a folder.")],
    rate: Annotated[
        float | None, typer.Option(help="Hz; as the source has it if left out.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="The length of every ECG.")] = None,
    resample: Annotated[bool, typer.Option(help="Bring other rates to --rate.")] = False,
    leads: Annotated[str, typer.Option(help="Which leads, with commas.")] = "",
    labels: Annotated[str, typer.Option(help="The CSV's label columns, with commas.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="For folds that are made here.")] = 0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; one a core.")] = None,
    overwrite: Annotated[bool, typer.Option(help="Make a store anew.")] = False,
) -> None:
    """Read every ECG once into a store; what cannot be used is named in rejected.csv."""
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
            jobs=jobs,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    with progress("ECGs") as show:
        made = make(source, store, config, overwrite=overwrite, progress=show)
    for remark in made.remarks:
        typer.echo(remark, err=True)
    typer.echo(
        f"{made.records} ECGs taken, {made.rejected} left out ({store / REJECTED})", err=True
    )
    typer.echo(made.folder)
