"""Entry of a model card: what it keeps of a scorecard."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from .figures import EVIDENCE, Goal
from .subject import FEW_CLASSES


def short_form(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model card keeps of a scorecard: the model's own figures with their goals."""
    few = len(results["classes"]) <= FEW_CLASSES
    parts = [
        {"part": part["part"], "figures": [_short(x) for x in part["figures"] if _has_value(x)]}
        for part in results["parts"]
    ]
    if not few:
        parts = [part | {"figures": list(_medians(part["figures"]))} for part in parts]
    return {key: results[key] for key in ("fold", "quick", "frame", "goals")} | {"parts": parts}


def _has_value(figure: Mapping[str, Any]) -> bool:
    return EVIDENCE in figure["values"] and figure["values"][EVIDENCE]["value"] is not None


def _short(figure: Mapping[str, Any]) -> dict[str, Any]:
    own = figure["values"][EVIDENCE]
    kept = {key: figure[key] for key in ("name", "subject", "goal", "met", "records")}
    interval = own["interval"] and [_rounded(end) for end in own["interval"]]
    return kept | {"value": _rounded(own["value"]), "interval": interval}


def _medians(figures: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """Yield one figure for each name: the median of its classes."""
    for name in dict.fromkeys(figure["name"] for figure in figures):
        members = [figure for figure in figures if figure["name"] == name]
        value = median(member["value"] for member in members)
        goal = members[0]["goal"] and Goal(**members[0]["goal"])
        yield {
            **members[0],
            "subject": f"median of {len(members)} classes" if len(members) > 1 else "",
            "value": value,
            "interval": None,
            "met": goal.is_met(value) if goal else None,
            "records": sum(member["records"] for member in members),
        }


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
