"""The command that sets two models against each other."""

from pathlib import Path
from typing import Annotated

import typer

from .options import Bootstrap, Fold, Trusted, a_folder, folds
from .progress import progress


def compare(
    model_a: Annotated[Path, typer.Argument(help="A model file, or a shipped model's name.")],
    model_b: Annotated[Path, typer.Argument(help="Another of the same task.")],
    store: Annotated[Path, typer.Argument(help="A store, as `prepare` makes it.")],
    fold: Fold = "9",
    out: Annotated[
        Path | None, typer.Option(help="The folder for compare.json.", callback=a_folder)
    ] = None,
    bootstrap: Bootstrap = 1000,
    backbone: Trusted = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Tell which of two models is better on the same records, and whether that may be chance."""
    import json

    from ..data.store import open_store
    from ..evaluation.compare import RESULTS, as_text, compare_models
    from ..files import atomic_write
    from ..inference.classifier import load

    with progress("ECGs judged") as show:
        found = compare_models(
            load(model_a, backbone=backbone),
            load(model_b, backbone=backbone),
            open_store(store),
            folds=folds(fold),
            seed=seed,
            replicates=bootstrap,
            progress=show,
        )
    typer.echo(f"A  {model_a}\nB  {model_b}\n{found['n']:,} records of fold {fold}\n")
    typer.echo(as_text(found))
    if out is not None:
        with atomic_write(out / RESULTS) as temporary:
            temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        typer.echo(out / RESULTS)
