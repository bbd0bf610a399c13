"""Tables of docs/study/tables.md: the study's scores and costs.

    python benchmarks/study/table.py

frontier.py draws the figure of score against size.
"""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd
from costs import COSTS
from recipes import configurations
from run import CROSS_VALIDATION, RESULTS

from ecgcam.files import atomic_write

PAGE = Path(__file__).parents[2] / "docs" / "study" / "tables.md"
ZOO, LEADS = "zoo-", "leads-"
BASE = "crop5"  # the recipe of the zoo and of the reduced leads
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
    """Return the page with all of its tables filled from the scores."""
    runs = pd.read_csv(RESULTS)
    for name, table in (
        ("configurations", configurations_table(runs)),
        ("cross-validation", cross_validation_table(pd.read_csv(CROSS_VALIDATION))),
        ("zoo", zoo_table(runs, pd.read_csv(COSTS).set_index("configuration"))),
        ("leads", leads_table(runs)),
    ):
        page = replaced(page, name, table)
    return page


def replaced(page: str, name: str, table: str) -> str:
    """Return the page with this table between the marks of that name."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = page.partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise ValueError(f"{PAGE}: the marks of the table {name!r} are missing.")
    return before + begin + table + end + after


def configurations_table(runs: pd.DataFrame) -> str:
    """Make a table with one line per configuration, in the order of recipes.toml."""

    def row(name: str, rows: pd.DataFrame) -> list[str]:
        why, count = configurations()[name]["why"], "–"
        if len(rows):
            count = f"{int(rows['parameters'].iloc[0]):,}"
        return [f"`{name}`", why, count, str(len(rows)), *(_mean(rows, key) for key in SCORES)]

    heads = ("configuration", "what it is", "parameters", "seeds")
    others = [name for name in configurations() if not name.startswith((ZOO, LEADS))]
    return _table((*heads, *SCORES.values()), others, runs, row)


def cross_validation_table(runs: pd.DataFrame) -> str:
    """Make a table with one line per configuration: means over the four pairs left out."""

    def row(name: str, rows: pd.DataFrame) -> list[str]:
        return [f"`{name}`", str(len(rows)), *(_mean(rows, key) for key in SCORES)]

    heads = ("configuration", "models", *SCORES.values())
    validated = [name for name in configurations() if name in set(runs["configuration"])]
    return _table(heads, validated, runs, row)


def zoo_table(runs: pd.DataFrame, costs: pd.DataFrame) -> str:
    """Make a table with one line per network, all by one recipe."""

    def row(name: str, rows: pd.DataFrame) -> list[str]:
        cost = costs.loc[name]
        backbone = configurations()[name].get("network", {}).get("backbone", "signalcnn")
        operations = f"{cost['multiply_accumulates'] / 1e6:.2f} million"
        time = f"{cost['milliseconds']:.2f}"
        return [f"`{backbone}`", f"{int(cost['parameters']):,}", operations, time, _interval(rows)]

    heads = ("network", "parameters", "multiply-accumulates", "ms an ECG", "AUROC")
    return _table(heads, _like(ZOO), runs, row)


def leads_table(runs: pd.DataFrame) -> str:
    """Make a table with one line per subset of the leads, all by one recipe."""

    def row(name: str, rows: pd.DataFrame) -> list[str]:
        leads = configurations()[name].get("network", {}).get("leads")
        names = ", ".join(leads) if leads else "all twelve"
        return [names, f"{int(rows['parameters'].iloc[0]):,}", _interval(rows)]

    return _table(("leads", "parameters", "AUROC"), _like(LEADS), runs, row)


def _like(group: str) -> list[str]:
    return [BASE, *(name for name in configurations() if name.startswith(group))]


def _table(
    heads: Iterable[str],
    names: Iterable[str],
    runs: pd.DataFrame,
    row: Callable[[str, pd.DataFrame], list[str]],
) -> str:
    """Make a Markdown table with one line for each of these configurations."""
    heads = list(heads)
    lines = [heads, ["---"] * len(heads)]
    lines += [row(name, runs[runs["configuration"] == name]) for name in names]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _mean(rows: pd.DataFrame, score: str) -> str:
    scores = rows[score].dropna() if score in rows else pd.Series(dtype=float)
    if not len(scores):
        return "–"
    spread = f" ({scores.min():.4f} to {scores.max():.4f})" if len(scores) > 1 else ""
    return f"{scores.mean():.4f}{spread}"


def _interval(rows: pd.DataFrame) -> str:
    """Write the AUROC of the first seed, with its bootstrap interval over patients."""
    first: Any = rows.sort_values("seed").iloc[0]
    return f"{first['auroc']:.4f} [{first['auroc_low']:.3f}, {first['auroc_high']:.3f}]"


if __name__ == "__main__":
    main()
