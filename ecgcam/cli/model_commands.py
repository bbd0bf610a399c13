"""Commands on models: list them, show one, and export it to ONNX."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .options import Model, Overwrite, check_replaceable, output_file


def models() -> None:
    """List the models that come with the package."""
    from ..inference.modelfile import read_card
    from ..inference.zoo import shipped_models
    from .card_text import class_names, scores_text

    for name, path in shipped_models().items():
        card = read_card(path)
        size = f"{card['parameters']:,} parameters, {path.stat().st_size / 1000:.0f} kB"
        typer.echo(f"{name:<18}{class_names(card)}; {size}; {scores_text(card)}")


def info(
    model: Model,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole card as JSON.")] = False,
) -> None:
    """Show what a model predicts, how it was made, and what it costs."""
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
    for line in card_lines(card):
        typer.echo(line)


def export(
    model: Model,
    out: Annotated[Path, typer.Option(help="ONNX file to write.", callback=output_file)],
    overwrite: Overwrite = False,
) -> None:
    """Export a model to ONNX: raw millivolts in, probability and evidence out.

    The file is written only if it gives torch's results on 512 signals. It holds the model card,
    and runs wherever onnxruntime does, without torch.
    """
    from ..inference.export import export as write

    check_replaceable(out, overwrite=overwrite)
    typer.echo(write(model, out))
