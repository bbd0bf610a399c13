"""What a model says of one ECG: Prediction, and Explanation with the evidence it is made of."""

from dataclasses import dataclass
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
    """

    name: str
    classes: tuple[str, ...]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    decision: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    refused: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold of it, one entry a class."""
        return {
            "name": self.name,
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation(Prediction):
    """A judgement with its maps.

    bias:          (classes,), what the head adds: `evidence.mean(-1) + bias == logits`.
    evidence:      (classes, frames), in logits.
    lead_evidence: (classes, leads, frames), whose sum over leads is the evidence; or None.
    heatmap:       (classes, time) in [0, 1]: the evidence stretched to the samples of the signal
                   that was judged and scaled per record and class, for display only. NaN where
                   the signal was filled up or left out.
    """

    bias: NDArray[np.float32]
    evidence: NDArray[np.float32]
    heatmap: NDArray[np.float32]
    lead_evidence: NDArray[np.float32] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as a Prediction's, with each class's bias, evidence and heatmap."""
        answer = super().to_dict()
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


def _numbers(row: NDArray[np.float32]) -> list[float | None]:
    """Seven digits are all a float32 holds; JSON has no NaN."""
    return [float(f"{x:.7g}") if np.isfinite(x) else None for x in row]
