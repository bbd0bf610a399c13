"""benchmarks/results.json as the table of docs/performance.md, and its picture beside it.

python benchmarks/performance.py
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from ecgcam.files import atomic_write

RESULTS = Path(__file__).with_name("results.json")
DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "performance.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->\n"
HEADER = ("stage", "against", "measured, with quartiles", "goal", "", "over the limit")
VERDICTS = {True: "met", False: "**missed**", None: ""}


def main() -> None:
    page = replace_table(
        PAGE.read_text(encoding="utf-8"), json.loads(RESULTS.read_text(encoding="utf-8"))
    )
    with atomic_write(PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    picture = RESULTS.with_suffix(".png")
    if picture.exists():
        shutil.copy(picture, DOCS / "pictures" / "performance.png")
    sys.stdout.write(f"{PAGE}\n")


def replace_table(page: str, results: dict[str, Any]) -> str:
    """Return the page with these results between its two marks."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{PAGE}: the marks {BEGIN.strip()} and {END.strip()} are missing.")
    return before + BEGIN + table(results["rows"]) + END + after


def table(rows: list[dict[str, Any]]) -> str:
    """Return a Markdown table, one line for each row; a stage is named on its first line."""
    lines = [HEADER, ("---",) * len(HEADER)]
    previous = ""
    for row in rows:
        first = row["stage"] != previous
        previous = row["stage"]
        measured = row["measured"] or f"not measured: {row['why_not']}"
        note = f"; {row['note']}" if row["note"] else ""
        limit = f"{row['times_limit']:.3g} ×" if first and row["times_limit"] else ""
        title = row["title"] if first else ""
        lines.append(
            (title, row["against"], measured + note, row["goal"], VERDICTS[row["met"]], limit)
        )
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
