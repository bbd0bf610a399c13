"""What a model says of one ECG: Prediction, and Explanation with the evidence it is made of."""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """The judgement on one ECG.

    classes:       the names of the classes.
    logits, probabilities: (classes,); empty if the ECG was refused.
    decision:      the classes whose probability is at or above their threshold.
    thresholds:    (classes,).
    warnings:      what to know before trusting it.
    refused:       why there is no judgement, or None.
    uncertain:     the classes too near their threshold to tell; None if the model has no band.
    conformal_sets: for each class the answers, of "no" and "yes", that cannot be ruled out: both,
                   one or none (conformal.py); None if the model has no such sets.
    conformal_alpha: the share of records whose true answer such a set misses, at most; or None.
    temperature:   what the logits are divided by before they become probabilities.
    model:         its name and the beginning of its file's SHA-256; "" if not known.
    """

    name: str
    classes: tuple[str, ...]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    decision: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    refused: str | None = None
    uncertain: tuple[str, ...] | None = None
    conformal_sets: tuple[tuple[str, ...], ...] | None = None
    conformal_alpha: float | None = None
    temperature: float = 1.0
    model: str = ""

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold of it, one entry a class; doubts only where the model knows them."""
        answer: dict[str, Any] = {
            "name": self.name,
            "model": self.model,
            "temperature": self.temperature,
            "decision": list(self.decision),
            "classes": {
                name: {
                    "probability": float(self.probabilities[k]),
                    "logit": float(self.logits[k]),
                    "threshold": float(self.thresholds[k]),
                }
                for k, name in enumerate(self.classes)
                if self.refused is None
            },
            "warnings": list(self.warnings),
            "refused": self.refused,
            "note": "Not a medical device.",
        }
        if self.uncertain is not None:
            answer["uncertain"] = list(self.uncertain)
        if self.conformal_sets is not None:
            answer["conformal_alpha"] = self.conformal_alpha
            for name, possible in zip(self.classes, self.conformal_sets, strict=True):
                answer["classes"][name]["conformal_set"] = list(possible)
        return answer


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation(Prediction):
    """A judgement with its maps.

    bias:          (classes,), what the head adds: `evidence.mean(-1) + bias == logits`.
    evidence:      (classes, frames), in logits.
    windows:       how many windows the record was cut into, each judged by itself.
    window_s:      how long each lasts, in seconds; the last may reach beyond the record.
    evidence_s:    how long all frames together last from the record's start, in seconds: less
                   than the record where its end was left out.
    lead_evidence: (classes, leads, frames), whose sum over leads is the evidence; or None.
    heatmap:       (classes, time) in [0, 1]: the evidence stretched to the samples of the record
                   and scaled per record and class, for display only. NaN where the record was
                   left out.
    """

    bias: NDArray[np.float32]
    evidence: NDArray[np.float32] = field(repr=False)
    evidence_s: float
    heatmap: NDArray[np.float32] = field(repr=False)
    windows: int = 1
    window_s: float = 10.0
    lead_evidence: NDArray[np.float32] | None = field(default=None, repr=False)

    def without_maps(self) -> Prediction:
        """The judgement alone."""
        return Prediction(**{key.name: getattr(self, key.name) for key in fields(Prediction)})

    def to_dict(self) -> dict[str, Any]:
        """The same as a Prediction's, with each class's bias, evidence and heatmap."""
        answer = super().to_dict() | {"evidence_s": self.evidence_s}
        for k, name in enumerate(self.classes):
            if name in answer["classes"]:
                answer["classes"][name] |= {
                    "bias": float(self.bias[k]),
                    "evidence": _numbers(self.evidence[k]),
                    "heatmap": _numbers(self.heatmap[k]),
                }
                if self.lead_evidence is not None:
                    lead_rows = [_numbers(row) for row in self.lead_evidence[k]]
                    answer["classes"][name]["lead_evidence"] = lead_rows
        return answer


def show_evidence(
    evidence: NDArray[np.float32], *, samples: int, covered: float, judged: float
) -> NDArray[np.float32]:
    """The evidence as it is shown: (classes, frames) to (classes, samples) in [0, 1].

    Linear between the frames' centres, then from the lowest value, 0, to the highest, 1, each
    class by itself; a constant map becomes zeros. All frames together last `covered` samples;
    from sample `judged` on there is no ECG behind them, or no judgement: NaN.
    """
    frames = evidence.shape[-1]
    centres = (np.arange(frames) + 0.5) * (covered / frames) - 0.5
    places = np.arange(min(samples, round(judged)))
    shown = np.full((len(evidence), samples), np.nan, np.float32)
    for heat, row in zip(shown, evidence, strict=True):
        heat[: len(places)] = _from_0_to_1(np.interp(places, centres, row))
    return shown


def _from_0_to_1(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """From its lowest value, 0, to its highest, 1; a constant row, but for rounding, is zeros."""
    low, high = row.min(), row.max()
    if high - low <= 1e-6 * max(abs(low), abs(high)):  # float32 rounding
        return np.zeros_like(row)
    return (row - low) / (high - low)


def _numbers(row: NDArray[np.float32]) -> list[float | None]:
    """Seven digits are all a float32 holds; JSON has no NaN."""
    return [float(f"{x:.7g}") if np.isfinite(x) else None for x in row]
