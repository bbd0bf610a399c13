"""Scorecard of a model's map: scorecard.json, scorecard.html and scorecard.png in one folder."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.store import Store
from ..files import atomic_write, write_text
from ..plots.goals import draw_goals
from ..processes import Progress
from .html import png_file, write_page

if TYPE_CHECKING:
    from ..nn.network import Network

RESULTS, PAGE, PICTURE = "scorecard.json", "scorecard.html", "scorecard.png"


def report_scorecard(
    model: str | Path,
    store: Store,
    out: Path,
    *,
    name: str | None = None,
    fold: int = 9,
    ludb: Path | None = None,
    synthetic: int | None = None,
    other: str | Path | None = None,
    retrain: "Callable[[], Network] | None" = None,
    quick: bool = False,
    backbone: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Measure a model's map, write the results to `out`, and return the page."""
    from ..explanation.map_scorecard import scorecard

    results = scorecard(
        model, store, out=out, name=name, fold=fold, ludb=ludb, synthetic=synthetic, other=other,
        retrain=retrain, quick=quick, backbone=backbone, progress=progress,
    )  # fmt: skip
    write_text(out / RESULTS, json.dumps(results, indent=1) + "\n")
    return write_scorecard(results, out)


def write_scorecard(results: Mapping[str, Any], out: Path) -> Path:
    """Write the picture and the page of a scorecard's results; return the page."""
    from ..explanation.map_scorecard import PARTS

    goals = results["goals"]
    figures = [figure for part in results["parts"] for figure in part["figures"]]
    title = f"Map of {results['model']}: {goals['met']} of {goals['of']} goals met"
    with atomic_write(out / PICTURE) as temporary:
        draw_goals(figures, title=title).savefig(temporary, dpi=150)
    measured = {part["part"] for part in results["parts"]}
    return write_page(
        out / PAGE,
        "scorecard.html.jinja",
        results=results,
        picture=png_file(out / PICTURE),
        parts=[_summary(part) for part in results["parts"]],
        left_out=[title for part, title in PARTS.items() if part not in measured],
        number=number,
    )


def number(value: float | None) -> str:
    """Return a value with three significant digits, four from 1 on; "–" for none."""
    if value is None:
        return "–"
    digits = 4 if abs(value) >= 1 else 3
    return f"{value + 0.0:.{digits}g}"  # no "-0"


def _summary(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part with its figures by name, how many goals it meets, and those it misses."""
    outcomes = [figure for figure in part["figures"] if figure["met"] is not None]
    missed = [figure for figure in outcomes if not figure["met"]]
    return {
        **part,
        "groups": list(_groups(part["figures"])),
        "met": len(outcomes) - len(missed),
        "of": len(outcomes),
        "missed": missed,
    }


def _groups(figures: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the figures of each name together, with their meaning and their maps."""
    for name in dict.fromkeys(figure["name"] for figure in figures):
        rows = [figure for figure in figures if figure["name"] == name]
        yield {"name": name, "meaning": rows[0]["meaning"], "rows": rows}
