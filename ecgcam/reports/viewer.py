"""One ECG as a page to zoom in: traces over the heat, in one file that needs no network."""

import base64

import numpy as np
from numpy.typing import NDArray

from ..inference.results import Explanation
from ..plots.heat import HEAT_COLOURS
from ..plots.summary import (
    HEAT_MEANING,
    NOT_A_DEVICE,
    NOT_SURE_MEANING,
    Shown,
    cautions,
    facts,
    judged_by,
    lay_out,
    shown_class,
    verdicts,
)
from ..signals.record import Record
from .html import render

_HEAT_COLUMNS = 8192  # a browser's canvas is not as wide as a long record has samples
_NOT_JUDGED = 255


def viewer_html(record: Record, explanation: Explanation, *, class_name: str | None = None) -> str:
    """A page with every lead, the heat and evidence of the class one picks, and the judgement.

    class_name: the class that is picked at first; the most probable one unless given. Whatever the
    record and the explanation hold is shown as text, never as markup. A refused ECG is shown
    without heat, and the page says why. Raises ValueError for a class that is not there.
    """
    judged = [] if explanation.refused is not None else range(len(explanation.classes))
    classes = [lay_out(record, explanation, k) for k in judged]
    first = shown_class(record, explanation, class_name=class_name)
    return render(
        "viewer.html.jinja",
        name=record.name or "ECG",
        facts=facts(record),
        verdicts=verdicts(explanation),
        uncertain=explanation.uncertain,
        not_sure_meaning=NOT_SURE_MEANING,
        refused=explanation.refused,
        warnings=cautions(explanation),
        heat_meaning=HEAT_MEANING,
        not_a_device=NOT_A_DEVICE,
        judged_by=judged_by(explanation),
        data={
            "leads": record.leads,
            "duration_s": record.duration_s,
            "microvolts": _microvolts(record),
            "heat_colours": HEAT_COLOURS,
            "first": first.verdict.name if first else None,
            "classes": [_class(shown) for shown in classes],
        },
    )


def _class(shown: Shown) -> dict[str, object]:
    """What the page's script draws of one class."""
    return {
        "name": shown.verdict.name,
        "sum": shown.sum,
        "beware": shown.beware,
        "heat": _heat(shown.heat),
        "evidence": [float(f"{value:.4g}") for value in shown.evidence],
        "evidence_s": shown.evidence_s,
    }


def _microvolts(record: Record) -> str:
    """Each lead about its median, in whole microvolts: int16, little-endian, in base64."""
    levelled = record.signal_mv - np.median(record.signal_mv, axis=1, keepdims=True)
    limits = np.iinfo(np.int16)
    whole = np.clip(np.rint(levelled * 1000), limits.min, limits.max)
    return _base64(whole.astype("<i2"))


def _heat(heat: NDArray[np.float32]) -> str:
    """The heat as bytes from 0 to 254, or 255 where not judged, in base64."""
    columns = min(heat.size, _HEAT_COLUMNS)
    picked = heat[np.arange(columns) * heat.size // columns]
    return _base64(np.where(np.isnan(picked), _NOT_JUDGED, np.rint(picked * 254)).astype(np.uint8))


def _base64(numbers: NDArray[np.integer]) -> str:
    return base64.b64encode(numbers.tobytes()).decode("ascii")
