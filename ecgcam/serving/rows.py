"""Rows of a table of predictions: the columns of each model, and one row per ECG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .. import __version__
from ..errors import ModelError
from ..inference.classifier import Classifier
from ..inference.results import Explanation
from ..signals.windows import RESAMPLED

Row = dict[str, Any]
Quality = Mapping[str, Sequence[str]]

ANSWERED, WARNED, REFUSED = "answered", "warned", "refused"
WORST_FIRST = (REFUSED, WARNED, ANSWERED)


class Kind(Enum):
    """What the cells of a column hold; any cell may be None."""

    TEXT = "text"
    WORDS = "names without spaces around them"
    SENTENCES = "texts"
    NUMBER = "a number"
    COUNT = "a whole number"
    NUMBERS = "numbers"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns that one model fills.

    prefix:   of each name, as in "superclass.", where a table has several models.
    evidence: whether to keep the evidence and what makes logits of it.
    companion: whether the model has one.
    """

    classes: tuple[str, ...]
    model: str
    model_sha256: str
    prefix: str = ""
    evidence: bool = False
    companion: bool = False

    def columns(self) -> dict[str, Kind]:
        """Return the columns in order."""
        kinds = {"outcome": Kind.TEXT, "decision": Kind.WORDS, "uncertain": Kind.WORDS}
        kinds |= {f"probability_{name}": Kind.NUMBER for name in self.classes}
        if self.companion:
            kinds["also_found"] = Kind.WORDS
        kinds["quality"] = Kind.WORDS
        kinds |= {"warnings": Kind.SENTENCES, "refused": Kind.TEXT, "windows": Kind.COUNT}
        if self.evidence:
            for name in self.classes:
                kinds |= {f"logit_{name}": Kind.NUMBER, f"bias_{name}": Kind.NUMBER}
                kinds |= {f"evidence_{name}": Kind.NUMBERS}
            kinds["first_frame_s"] = kinds["frame_s"] = Kind.NUMBER
        kinds |= {"model": Kind.TEXT, "model_sha256": Kind.TEXT}
        return {f"{self.prefix}{name}": kind for name, kind in kinds.items()}

    def refusal(self, reason: str, quality: Quality | None = None) -> Row:
        """Return the cells of an ECG without an answer; quality: None if it was not read."""
        findings = None if quality is None else _findings(quality)
        return self._prefixed({"outcome": REFUSED, "refused": reason, "quality": findings})

    def answer(self, answer: Explanation) -> Row:
        """Return the cells of an answered ECG."""
        cells: Row = {
            "outcome": WARNED if _needs_a_look(answer) else ANSWERED,
            "decision": list(answer.decision),
            "uncertain": None if answer.uncertain is None else list(answer.uncertain),
            "quality": _findings(answer.quality),
            "warnings": list(answer.warnings),
            "windows": answer.windows,
        }
        if self.companion:
            cells["also_found"] = [one.name for one in answer.also_found or ()]
        for k, name in enumerate(answer.classes):
            cells[f"probability_{name}"] = _plain(answer.probabilities[k])
            if self.evidence:
                cells[f"logit_{name}"] = _plain(answer.logits[k])
                cells[f"bias_{name}"] = _plain(answer.bias[k])
                cells[f"evidence_{name}"] = [_plain(value) for value in answer.evidence[k]]
        if self.evidence:
            cells["first_frame_s"] = _plain(answer.frame_times_s[0])
            cells["frame_s"] = answer.frame_s
        return self._prefixed(cells)

    def _prefixed(self, cells: Row) -> Row:
        cells |= {"model": self.model, "model_sha256": self.model_sha256}
        empty = dict.fromkeys(self.columns())
        return empty | {f"{self.prefix}{name}": cell for name, cell in cells.items()}


def make_layouts(classifiers: Sequence[Classifier], *, evidence: bool) -> list[Layout]:
    """Return the columns of each model; with a prefix if there are several.

    Raises ModelError if two models have the same name.
    """
    names = [classifier.model for classifier in classifiers]
    if len(set(names)) < len(names):
        raise ModelError(f"models named {', '.join(names)}; expected different names.")
    return [
        Layout(
            classes=classifier.classes,
            model=classifier.model,
            model_sha256=classifier.sha256,
            prefix=f"{classifier.model}." if len(classifiers) > 1 else "",
            evidence=evidence,
            companion=classifier.companion is not None,
        )
        for classifier in classifiers
    ]


def all_columns(layouts: Sequence[Layout]) -> dict[str, Kind]:
    """Return all columns of a table in order."""
    columns = {"id": Kind.TEXT}
    for layout in layouts:
        columns |= layout.columns()
    return columns | {"ecgcam": Kind.TEXT}


def make_row(ecg_id: str, cells: Sequence[Row]) -> Row:
    """Return the row of an ECG from the cells of each model."""
    row: Row = {"id": ecg_id}
    for of_model in cells:
        row |= of_model
    return row | {"ecgcam": __version__}


def _needs_a_look(answer: Explanation) -> bool:
    """Return whether there is a warning besides the note that the rate was changed."""
    return not all(text.startswith(RESAMPLED) for text in answer.warnings)


def _findings(quality: Quality) -> list[str]:
    """Return each finding with its leads, as in "flat V5 V6"."""
    return [" ".join((name, *leads)) for name, leads in quality.items()]


def _plain(value: Any) -> float:
    """Return a float32 with the seven digits that it holds."""
    return float(f"{value:.7g}")
