"""benchmarks/results.json as the table of docs/performance.md.

python benchmarks/performance.py
"""

import json
import sys
from pathlib import Path
from typing import Any

from ecgcam.files import atomic_write

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"


def main() -> None:
    page = PAGE.read_text(encoding="utf-8")
    made = replaced(page, json.loads(RESULTS.read_text(encoding="utf-8")))
    with atomic_write(PAGE) as temporary:
        temporary.write_text(made, encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


def replaced(page: str, results: dict[str, Any]) -> str:
    """The page with these results in place of those between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{PAGE}: there is no place for the table.")
    return before + BEGIN + table(results["rows"]) + END + after


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, a line a row; what is ours alone is said once for all rivals of a stage."""
    lines = [("stage", "against", "measured, with the quartiles", "goal", "", "over the limit")]
    lines.append(("---",) * len(lines[0]))
    before = ""
    for row in rows:
        first = row["stage"] != before
        over = f"{row['times_limit']:.3g} ×" if first and row["times_limit"] else ""
        said = row["measured"] or f"not measured: {row['why_not']}"
        verdict = {True: "met", False: "**missed**", None: ""}[row["met"]]
        note = f"; {row['note']}" if row["note"] else ""
        title = row["title"] if first else ""
        lines.append((title, row["against"], said + note, row["goal"], verdict, over))
        before = row["stage"]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
