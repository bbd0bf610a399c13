"""Commands that judge and explain, and tell what a model or a file is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ModelError, RecordError
from .options import Trusted, a_folder
from .progress import progress

if TYPE_CHECKING:
    from ..inference.modelfile import Card
    from ..signals.record import Record


def explain(
    out: Annotated[
        Path, typer.Option(help="The folder for the pictures and pages.", callback=a_folder)
    ],
    model: Annotated[
        Path, typer.Option(help="A model file, or the name of a shipped model.")
    ] = Path("normal"),
    ecgs: Annotated[
        list[str] | None,
        typer.Argument(help="ECG files (WFDB, CSV, NPZ); with --store, ids.", metavar="ECG…"),
    ] = None,
    store: Annotated[Path | None, typer.Option(help="The store that the ids are of.")] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", help="Whose map to show; else the most probable.")
    ] = None,
    backbone: Trusted = None,
) -> None:
    """Judge ECGs and show why: NAME-leads.png, NAME-sheet.png and .pdf, NAME.html, NAME.json."""
    from ..inference.classifier import load
    from ..reports.explanation_report import write_explanations

    if not ecgs:
        raise typer.BadParameter("which ECG? Give files, or --store and ids.")
    classifier = load(model, backbone=backbone)
    if class_name is not None and class_name not in classifier.classes:
        raise typer.BadParameter(f"--class must be one of {', '.join(classifier.classes)}.")
    records = _records(ecgs, store)
    answers = classifier.explain(records)
    judged = [k for k, answer in enumerate(answers) if answer.refused is None]
    with progress("ECGs explained") as show:
        written = write_explanations(
            [records[k] for k in judged],
            [answers[k] for k in judged],
            out,
            class_name=class_name,
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
    """Tell what an ECG file holds."""
    from ..readers.read import read as open_ecg
    from ..signals.quality import beyond_any_ecg, with_findings

    record = open_ecg(ecg)
    typer.echo(f"name      {record.name}")
    typer.echo(f"leads     {' '.join(record.leads)}")
    typer.echo(f"rate      {record.rate_hz:g} Hz")
    typer.echo(f"duration  {record.duration_s:g} s")
    low, high = record.signal_mv.min(), record.signal_mv.max()
    typer.echo(f"range     {low:.3f} to {high:.3f} mV")
    findings = [*with_findings(record).warnings, beyond_any_ecg(record.signal_mv)]
    typer.echo(f"findings  {', '.join(filter(None, findings)) or 'none'}")


def info(
    model: Annotated[Path, typer.Argument(help="A model file, or a shipped model's name.")],
    as_json: Annotated[bool, typer.Option("--json", help="The whole card, as JSON.")] = False,
) -> None:
    """Tell what a model judges, how it was made, and what it costs."""
    import json

    from ..files import sha256
    from ..inference.modelfile import read_card
    from ..inference.zoo import find_model
    from .card_text import card_lines

    path = find_model(model)
    card = read_card(path)
    if as_json:
        typer.echo(json.dumps(card, indent=2))
        return
    typer.echo(f"{'SHA-256 of the file':<23}{sha256(path)}")
    for line in card_lines(_with_frame(card, path)):
        typer.echo(line)


def _with_frame(card: "Card", path: Path) -> "Card":
    """What a frame sees too, of the network itself where an earlier version wrote the card."""
    from ..inference.modelfile import load_network

    if "frame_samples" in card:
        return card
    try:
        network, _ = load_network(path)
    except ModelError:  # no torch, or code of somebody's own: it is not told
        return card
    from ..nn.complexity import receptive_field

    return {**card, "frame_samples": receptive_field(network)}


def models() -> None:
    """List the models that come with the package."""
    from ..inference.modelfile import read_card
    from ..inference.zoo import shipped_models
    from .card_text import scores_in_words

    for name, path in shipped_models().items():
        card = read_card(path)
        size = f"{card['cost']['parameters']:,} parameters, {path.stat().st_size / 1000:.0f} kB"
        typer.echo(f"{name:<18}{', '.join(card['classes'])}; {size}; {scores_in_words(card)}")


def _records(ecgs: list[str], store: Path | None) -> "list[Record]":
    """The ECGs by file, or by id; a file that cannot be read is named, and the others go on."""
    if store is not None:
        from ..data.store import open_store

        opened = open_store(store)
        return [opened.record(opened.index_of(identity)) for identity in ecgs]
    from ..readers.read import read as open_ecg

    records = []
    for ecg in ecgs:
        try:
            records.append(open_ecg(ecg))
        except RecordError as error:
            typer.echo(f"ecgcam: {error}", err=True)
    return records
