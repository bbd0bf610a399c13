"""Zoomable page of one ECG: traces over the heat, in one file that needs no network."""

import base64

import numpy as np
from numpy.typing import NDArray

from ..inference.description import Description
from ..inference.results import Explanation
from ..plots.heat import HEAT_COLOURS
from ..plots.summary import NOT_A_DEVICE, ClassResult, facts, summarize
from ..signals.record import Record
from .html import render

_HEAT_COLUMNS = 8192  # the widest canvas of browsers; a long record has more samples
_LEFT_OUT = 255


def viewer_html(
    record: Record,
    explanation: Explanation,
    *,
    class_name: str | None = None,
    scale: str = "logits",
    description: Description | None = None,
) -> str:
    """Return a page with the answers, every lead, and the heat and evidence of a chosen class.

    class_name: the class that is chosen at first (default: the most probable "yes", else "not
    sure", else "no"). scale: of the heat, "logits" or "record". description: of the whole ECG,
    where the record is a part of it (default: of the record). All text of the record and the
    explanation is escaped. A refused ECG is shown without heat, with the reason. Raises ValueError
    for an unknown class.
    """
    summary = summarize(
        record, explanation, class_name=class_name, scale=scale, description=description
    )
    full = f"{summary.full:g}"
    return render(
        "viewer.html.jinja",
        name=record.name or "ECG",
        facts=facts(record),
        summary=summary,
        refused=explanation.refused,
        heat_meaning=summary.heat_meaning,
        scale_ends=("0", "1") if scale == "record" else (f"−{full}", f"{full} logits"),
        not_a_device=NOT_A_DEVICE,
        data={
            "leads": record.leads,
            "duration_s": record.duration_s,
            "microvolts": _microvolts(record),
            "heat_colours": HEAT_COLOURS,
            "scale_from": 127 if scale == "record" else 0,
            "first": summary.shown.name if summary.shown else None,
            "frame_edges_s": [round(edge_s, 4) for edge_s in explanation.frame_edges_s.tolist()],
            "classes": [_class_data(result) for result in summary.results],
        },
    )


def _class_data(result: ClassResult) -> dict[str, object]:
    """Return what the page's script draws for one class."""
    return {
        "name": result.name,
        "sum": result.sum_in_words,
        "sentence": result.sentence,
        "edge_warning": result.edge_warning,
        "heat": [_heat_bytes(row, result.used) for row in result.heat],
        "evidence": [float(f"{value:.4g}") for value in result.evidence],
    }


def _microvolts(record: Record) -> str:
    """Return each lead about its median in whole µV: int16, little-endian, in base64."""
    centered = record.signal_mv - np.median(record.signal_mv, axis=1, keepdims=True)
    limits = np.iinfo(np.int16)
    whole = np.clip(np.rint(centered * 1000), limits.min, limits.max)
    return _base64(whole.astype("<i2"))


def _heat_bytes(heat: NDArray[np.float32], used: NDArray[np.bool_]) -> str:
    """Return heat (time,) as bytes in base64.

    From 0, where heat is -1, to 254, where it is 1; 255 where the record was left out.
    """
    columns = min(heat.size, _HEAT_COLUMNS)
    chosen = np.arange(columns) * heat.size // columns
    level = np.nan_to_num(heat[chosen]) / 2 + 0.5
    level = np.where(used[chosen], np.rint(level.clip(0, 1) * 254), _LEFT_OUT)
    return _base64(level.astype(np.uint8))


def _base64(values: NDArray[np.integer]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")
