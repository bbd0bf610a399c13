"""The study's scores and costs as the tables of docs/study/tables.md.

    python benchmarks/study/table.py

The picture of score against size is frontier.py's.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from costs import COSTS
from run import CROSS_VALIDATION, RESULTS, configurations

from ecgcam.files import atomic_write

PAGE = Path(__file__).parents[2] / "docs" / "study" / "tables.md"
ZOO, LEADS = "zoo-", "leads-"
BASE = "crop5"  # whose recipe the zoo and the reduced leads have
SCORES = {
    "auroc": "AUROC",
    "accuracy": "accuracy",
    "macro_auroc": "macro-AUROC",
    "put_together": "AUROC put together",
}


def main() -> None:
    page = filled_in(PAGE.read_text(encoding="utf-8"))
    with atomic_write(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


def filled_in(page: str) -> str:
    """The page with all of its tables as the scores are now."""
    runs = pd.read_csv(RESULTS)
    for name, made in (
        ("configurations", of_configurations(runs)),
        ("cross-validation", of_cross_validation(pd.read_csv(CROSS_VALIDATION))),
        ("zoo", of_zoo(runs, pd.read_csv(COSTS).set_index("configuration"))),
        ("leads", of_leads(runs)),
    ):
        page = replaced(page, name, made)
    return page


def replaced(page: str, name: str, table: str) -> str:
    """The page with another table between the marks of that name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{PAGE}: there is no place for the table {name!r}.")
    return before + begin + table + end + after


def of_configurations(runs: pd.DataFrame) -> str:
    """A line a configuration, in the order they are written; means over the seeds."""

    def row(name: str, found: pd.DataFrame) -> list[str]:
        why, count = configurations()[name]["why"], "–"
        if len(found):
            count = f"{int(found['parameters'].iloc[0]):,}"
        return [f"`{name}`", why, count, str(len(found)), *(_mean(found, key) for key in SCORES)]

    heads = ("configuration", "what it is", "parameters", "seeds")
    others = [name for name in configurations() if not name.startswith((ZOO, LEADS))]
    return _table((*heads, *SCORES.values()), others, runs, row)


def of_cross_validation(runs: pd.DataFrame) -> str:
    """A line a configuration; means over the four parts of folds 1 to 8 that were left out."""

    def row(name: str, found: pd.DataFrame) -> list[str]:
        return [f"`{name}`", str(len(found)), *(_mean(found, key) for key in SCORES)]

    heads = ("configuration", "models", *SCORES.values())
    validated = [name for name in configurations() if name in set(runs["configuration"])]
    return _table(heads, validated, runs, row)


def of_zoo(runs: pd.DataFrame, costs: pd.DataFrame) -> str:
    """A line a network, all by one recipe."""

    def row(name: str, found: pd.DataFrame) -> list[str]:
        cost = costs.loc[name]
        backbone = configurations()[name].get("backbone", "signalcnn")
        operations = f"{cost['multiply_accumulates'] / 1e6:.2f} million"
        time = f"{cost['milliseconds']:.2f}"
        return [f"`{backbone}`", f"{int(cost['parameters']):,}", operations, time, _interval(found)]

    heads = ("network", "parameters", "multiply-accumulates", "ms an ECG", "AUROC")
    return _table(heads, _like(ZOO), runs, row)


def of_leads(runs: pd.DataFrame) -> str:
    """A line a subset of the leads, all by one recipe."""

    def row(name: str, found: pd.DataFrame) -> list[str]:
        leads = configurations()[name].get("leads")
        said = ", ".join(leads) if leads else "all twelve"
        return [said, f"{int(found['parameters'].iloc[0]):,}", _interval(found)]

    return _table(("leads", "parameters", "AUROC"), _like(LEADS), runs, row)


def _like(group: str) -> list[str]:
    return [BASE, *(name for name in configurations() if name.startswith(group))]


def _table(
    heads: Iterable[str],
    names: Iterable[str],
    runs: pd.DataFrame,
    row: Callable[[str, pd.DataFrame], list[str]],
) -> str:
    """Markdown; a line for each of these configurations."""
    heads = list(heads)
    rows = [heads, ["---"] * len(heads)]
    rows += [row(name, runs[runs["configuration"] == name]) for name in names]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _mean(found: pd.DataFrame, score: str) -> str:
    scores = found[score].dropna() if score in found else pd.Series(dtype=float)
    if not len(scores):
        return "–"
    spread = f" ({scores.min():.4f} to {scores.max():.4f})" if len(scores) > 1 else ""
    return f"{scores.mean():.4f}{spread}"


def _interval(found: pd.DataFrame) -> str:
    """Of the first seed, with the interval of its bootstrap over patients."""
    first: Any = found.sort_values("seed").iloc[0]
    return f"{first['auroc']:.4f} [{first['auroc_low']:.3f}, {first['auroc_high']:.3f}]"


if __name__ == "__main__":
    main()
