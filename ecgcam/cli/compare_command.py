"""The `compare` command."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import Bootstrap, Fold, Model, Seed, StoreFolder, Trusted, output_folder, parse_folds
from .progress import progress


def compare(
    model_a: Model,
    model_b: Annotated[Path, typer.Argument(help="Another model of the same task.")],
    store: StoreFolder,
    fold: Fold = "9",
    out: Annotated[
        Path | None, typer.Option(help="Folder for compare.json.", callback=output_folder)
    ] = None,
    bootstrap: Bootstrap = 1000,
    backbone: Trusted = None,
    seed: Seed = 0,
) -> None:
    """Compare two models on the same records, with p-values."""
    import json

    from ..data.store import open_store
    from ..evaluation.compare import RESULTS, compare_models
    from ..files import write_text
    from ..inference.loading import load

    with progress("ECGs predicted") as show:
        results = compare_models(
            load(model_a, backbone=backbone),
            load(model_b, backbone=backbone),
            open_store(store),
            folds=parse_folds(fold),
            seed=seed,
            replicates=bootstrap,
            progress=show,
        )
    typer.echo(f"A  {model_a}\nB  {model_b}\n{results['n']:,} records of fold {fold}\n")
    typer.echo(format_comparison(results))
    if out is not None:
        typer.echo(write_text(out / RESULTS, json.dumps(results, indent=1) + "\n"))


def format_comparison(results: Mapping[str, Any]) -> str:
    """Format the results of `compare_models` as a table, one row per class and score."""
    from ..evaluation.leakage import LeakageCheck

    parts = results["classes"] | ({"mean": results["macro"]} if "macro" in results else {})
    rows = [("class", "score", "A", "B", "A - B", "p")]
    for name, scores in parts.items():
        for score, pair in scores.items():
            rows.append((name, score.replace("auroc", "AUROC"), *_cells(pair)))
    match = results["exact_match"]
    if "macro" in results:  # with one class it is the accuracy
        rows.append(("all", "exact match", *_cells(match)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    only_a, only_b = match["only_a"], match["only_b"]
    lines.append(f"Records with every class correct: {only_a:,} only by A, {only_b:,} only by B.")
    for side in "ab":
        if warnings := LeakageCheck(**results[side]["leakage"]).in_words():
            lines.append(f"{side.upper()}: {' '.join(warnings)}")
    return "\n".join(lines)


def _cells(pair: Mapping[str, Any]) -> tuple[str, str, str, str]:
    p = pair["p_value"]
    return (
        _with_interval(pair["a"], pair["a_ci"], ".4f"),
        _with_interval(pair["b"], pair["b_ci"], ".4f"),
        _with_interval(pair["difference"], pair["difference_ci"], "+.4f"),
        "-" if p is None else f"{p:.3f}",
    )


def _with_interval(value: float | None, interval: Sequence[float] | None, style: str) -> str:
    if value is None:
        return "-"
    bounds = f" [{interval[0]:{style}}, {interval[1]:{style}}]" if interval else ""
    return f"{value:{style}}{bounds}"
