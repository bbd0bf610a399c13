"""The answer for one ECG: Prediction, and Explanation, which adds the evidence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import __version__
from ..tasks import full_name

SCHEMA = 1  # of to_dict(); a change that breaks readers raises it

_LONG = 500_000  # samples of a record, from which on its JSON would be too large to use
_BLOCK = 1_000_000  # samples stretched at once


@dataclass(frozen=True, kw_only=True)
class AlsoFound:
    """A class that a companion model finds in an ECG; title: the class spelled out."""

    name: str
    title: str
    probability: float
    model: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """The prediction for one ECG.

    name:          of the ECG.
    classes:       names of the classes; class_titles: the same spelled out, for people.
    logits, probabilities: (classes,); empty if the ECG was refused.
    thresholds:    (classes,).
    decision:      the classes whose probability is at or above their threshold.
    uncertain:     the classes whose probability lies in the band around their threshold in which
                   the model abstains; None if the model has no such band.
    warnings:      what to know before trusting the prediction.
    quality:       the leads of each finding in the signal, by its name: {"flat": ("V5",)}; no leads
                   for a finding in the whole ECG. docs/quality.md lists the names.
    also_found:    what the model's companion finds, most probable first; None: no companion.
    refused:       why there is no prediction, or None.
    temperature:   divides the logits before they become probabilities.
    model, model_sha256: name of the model and SHA-256 of its file; "" if not known.
    """

    name: str
    classes: tuple[str, ...]
    class_titles: tuple[str, ...] = ()
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    decision: tuple[str, ...]
    uncertain: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    quality: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    also_found: tuple[AlsoFound, ...] | None = None
    refused: str | None = None
    temperature: float = 1.0
    model: str = ""
    model_sha256: str = ""

    @property
    def full_names(self) -> tuple[str, ...]:
        """Class names as people read them: "Conduction disturbance (CD)"."""
        titles = self.class_titles or self.classes
        return tuple(map(full_name, self.classes, titles))

    def to_dict(self) -> dict[str, Any]:
        """Return the prediction as JSON holds it, with one entry for each class."""
        return {
            "schema": SCHEMA,
            "ecgcam": __version__,
            "model": {"name": self.model, "sha256": self.model_sha256},
            "name": self.name,
            "decision": list(self.decision),
            "uncertain": None if self.uncertain is None else list(self.uncertain),
            "temperature": self.temperature,
            "classes": {} if self.refused is not None else self._classes(),
            "warnings": list(self.warnings),
            "quality": {name: list(leads) for name, leads in self.quality.items()},
            "also_found": None
            if self.also_found is None
            else [asdict(found) for found in self.also_found],
            "refused": self.refused,
            "note": "Not a medical device.",
        }

    def _classes(self) -> dict[str, dict[str, Any]]:
        titles = self.class_titles or self.classes
        return {
            name: {
                "title": titles[k],
                "probability": float(self.probabilities[k]),
                "logit": float(self.logits[k]),
                "threshold": float(self.thresholds[k]),
            }
            for k, name in enumerate(self.classes)
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation(Prediction):
    """A prediction with its class activation maps.

    bias:          (classes,), the logits of a flat record: `evidence.mean(-1) + bias == logits`.
    evidence:      (classes, frames), in logits, relative to a flat record.
    frame_times_s: (frames,), the center of each frame in seconds from the start of the record.
    frame_s:       duration that a frame stands for, in seconds.
    frame_sees_s:  duration of the ECG that a frame depends on, around its center; 0: not known.
    samples:       number of samples of the record.
    used_samples:  of them, how many the model used from the start; the end may be left out.
    rate_hz:       of the record, in samples per second.
    windows:       number of windows that the record was cut into.
    window_s:      duration of each, in seconds; the last may reach beyond the record.
    lead_evidence: (classes, leads, frames), whose sum over leads is the evidence; or None.
    leads:         the model's leads, in the order of lead_evidence.
    known_heatmap: the heatmap, where it was computed before.
    """

    bias: NDArray[np.float32]
    evidence: NDArray[np.float32] = field(repr=False)
    frame_times_s: NDArray[np.float64] = field(repr=False)
    frame_s: float
    samples: int = 0
    used_samples: float = 0.0
    rate_hz: float = 0.0
    windows: int = 1
    window_s: float = 10.0
    frame_sees_s: float = 0.0
    lead_evidence: NDArray[np.float32] | None = field(default=None, repr=False)
    leads: tuple[str, ...] = ()
    known_heatmap: NDArray[np.float32] | None = field(default=None, repr=False)

    @cached_property
    def heatmap(self) -> NDArray[np.float32]:
        """The evidence stretched to the samples of the record: (classes, time) in [0, 1].

        For display: scaled per record and class. NaN where the record was left out.
        """
        if self.known_heatmap is not None:
            return self.known_heatmap
        return display_heatmap(
            self.evidence,
            self.frame_times_s * self.rate_hz,
            samples=self.samples,
            predicted=self.used_samples,
        )

    @property
    def frame_edges_s(self) -> NDArray[np.float64]:
        """Start of each frame, then the end of the last one: (frames + 1,), in seconds.

        Between two windows a frame is drawn up to the next one.
        """
        half_s = self.frame_s / 2
        return np.append(self.frame_times_s - half_s, self.frame_times_s[-1:] + half_s)

    def until(self, seconds: float, *, samples: int) -> "Explanation":
        """Return the explanation with its maps until a time, for drawing; all else stays.

        samples: those of the record until this time.
        """
        shown = self.frame_times_s < seconds
        by_lead = self.lead_evidence
        return replace(
            self,
            evidence=self.evidence[..., shown],
            lead_evidence=None if by_lead is None else by_lead[..., shown],
            frame_times_s=self.frame_times_s[shown],
            known_heatmap=self.heatmap[:, :samples],
        )

    def without_maps(self) -> Prediction:
        """Return the prediction alone."""
        return Prediction(**{key.name: getattr(self, key.name) for key in fields(Prediction)})

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON holds it: a Prediction's, with each class's maps.

        Of a long record (500,000 samples), the evidence is the only map: `heatmap` and
        `lead_evidence` are None.
        """
        times_s = [round(float(time_s), 4) for time_s in self.frame_times_s]
        answer = super().to_dict() | {
            "frame_s": self.frame_s,
            "frame_sees_s": self.frame_sees_s,
            "frame_times_s": times_s,
        }
        for k, name in enumerate(self.classes):
            if name in answer["classes"]:
                answer["classes"][name] |= self._maps(k)
        return answer

    def _maps(self, k: int) -> dict[str, Any]:
        maps: dict[str, Any] = {
            "bias": float(self.bias[k]),
            "evidence": _json_numbers(self.evidence[k]),
        }
        short = self.samples < _LONG
        maps["heatmap"] = _json_numbers(self.heatmap[k]) if short else None
        if self.lead_evidence is not None:
            by_lead = self.lead_evidence[k] if short else ()
            maps["lead_evidence"] = [_json_numbers(row) for row in by_lead] or None
        return maps


def display_heatmap(
    evidence: NDArray[np.float32],
    centers: NDArray[np.float64],
    *,
    samples: int,
    predicted: float,
) -> NDArray[np.float32]:
    """Stretch evidence (classes, frames) to (classes, samples) and scale it to [0, 1] for display.

    Linear between the centers of the frames (frames,), in samples from the record's start; then
    from the lowest value, 0, to the highest, 1, for each class by itself; a constant map becomes
    zeros. From sample `predicted` on the record was left out: NaN.
    """
    used = min(samples, round(predicted))
    heatmap = np.full((len(evidence), samples), np.nan, np.float32)
    for heat, row in zip(heatmap, evidence, strict=True):
        for start in range(0, used, _BLOCK):
            times = np.arange(start, min(start + _BLOCK, used)) + 0.5  # the middle of each sample
            heat[start : start + len(times)] = np.interp(times, centers, row)
        _scale_to_unit(heat[:used])
    return heatmap


def _scale_to_unit(row: NDArray[np.float32]) -> None:
    """Scale a row to [0, 1], in place; one that is constant to rounding becomes zeros."""
    low, high = row.min(initial=np.inf), row.max(initial=-np.inf)
    row -= low
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        row[:] = 0
    else:
        row /= high - low


def _json_numbers(row: NDArray[np.float32]) -> list[float | None]:
    """Return the row with the seven digits that a float32 holds; JSON has no NaN, so None."""
    return [float(f"{x:.7g}") if np.isfinite(x) else None for x in row]
