"""Answers, warnings and facts of one ECG, as pictures and pages state them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference.results import Explanation
from ..signals.beats import heart_rate_bpm
from ..signals.record import Record

NOT_A_DEVICE = "Not a medical device"
HEAT_MEANING = (
    "Heat compares the moments of this record: 0 where the evidence for the class is lowest, "
    "1 where it is highest, however small the difference."
)
NOT_SURE_MEANING = (
    "Not sure: the probability is too close to the threshold, so the model does not decide."
)
NORMAL = "NORM"  # PTB-XL's superclass of an ECG without findings
EDGE_S = 0.3  # heat this close to an end of the network's input is unreliable
EDGE_MEANING = (
    "The heat peaks at the edge of a window, where the network misses up to half of the signal "
    "that it uses elsewhere: do not read this peak as a finding."
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassResult:
    """The answer for the k-th class of a record, and its map over the record.

    name, full_name: the class as in the answer, and for people ("Conduction disturbance (CD)").
    heat:     (time,) in [0, 1]; NaN where the record was left out.
    evidence: (frames,), in logits.
    answer:   "yes", "no", or "not sure" within the model's abstention band.
    Raises ValueError if the heatmap and the record differ in length.
    """

    record: Record
    explanation: Explanation
    k: int

    def __post_init__(self) -> None:
        samples = self.record.signal_mv.shape[1]
        if self.heat.size != samples:
            raise ValueError(f"the heatmap has {self.heat.size} samples, the record {samples}")

    @property
    def name(self) -> str:
        return self.explanation.classes[self.k]

    @property
    def full_name(self) -> str:
        return self.explanation.full_names[self.k]

    @property
    def heat(self) -> NDArray[np.float32]:
        return self.explanation.heatmap[self.k]

    @property
    def evidence(self) -> NDArray[np.float32]:
        return self.explanation.evidence[self.k]

    @property
    def answer(self) -> str:
        if self.name in (self.explanation.uncertain or ()):
            return "not sure"
        return "yes" if self.name in self.explanation.decision else "no"

    @property
    def probability(self) -> float:
        return float(self.explanation.probabilities[self.k])

    @property
    def probability_text(self) -> str:
        """The probability with three decimals; never 0 or 1, because nothing is certain."""
        if self.probability > 0.999:
            return "> 0.999"
        return "< 0.001" if self.probability < 0.001 else f"{self.probability:.3f}"

    @property
    def threshold_text(self) -> str:
        """The threshold with three decimals."""
        return f"{self.explanation.thresholds[self.k]:.3f}"

    @property
    def in_words(self) -> str:
        """The answer in one line, with its probability and threshold."""
        return (
            f"{self.full_name}: {self.answer} "
            f"(probability {self.probability_text}, threshold {self.threshold_text})"
        )

    @property
    def sum_in_words(self) -> str:
        """How the evidence adds up to the logit; the mean is rounded so that the digits agree."""
        bias = _hundredths(self.explanation.bias[self.k])
        logit = _hundredths(self.explanation.logits[self.k])
        words = f"mean {_hundredths(logit - bias):.2f} + bias {bias:.2f} = logit {logit:.2f}"
        return words.replace("+ bias -", "− bias ").replace("-", "−")

    @property
    def edge_warning(self) -> str:
        """A warning if the heat peaks at an edge of a window; else empty."""
        if not np.nanmax(self.heat) > 0:
            return ""
        starts_s = np.arange(self.explanation.windows) * self.explanation.window_s
        edges_s = np.append(starts_s, np.isfinite(self.heat).sum() / self.record.rate_hz)
        peak_s = (np.nanargmax(self.heat) + 0.5) / self.record.rate_hz
        return EDGE_MEANING if np.abs(edges_s - peak_s).min() < EDGE_S else ""


def _hundredths(value: float) -> float:
    """Round to two decimals; adding 0 turns −0.00 into 0.00."""
    return round(float(value), 2) + 0.0


def class_results(record: Record, explanation: Explanation) -> list[ClassResult]:
    """Return the result of every class: "yes" first, then "not sure", then by probability.

    Empty if the ECG was refused.
    """
    if explanation.refused is not None:
        return []
    results = [
        ClassResult(record=record, explanation=explanation, k=k)
        for k in range(len(explanation.classes))
    ]
    order = ("yes", "not sure", "no")
    return sorted(results, key=lambda result: (order.index(result.answer), -result.probability))


def select_class(
    record: Record, explanation: Explanation, *, class_name: str | None = None
) -> ClassResult | None:
    """Return the result of the named class, or the first result; None if the ECG was refused.

    Raises ValueError for a class that the explanation does not have.
    """
    if class_name is not None and class_name not in explanation.classes:
        raise ValueError(
            f"class_name must be one of {', '.join(explanation.classes)}, got {class_name!r}"
        )
    results = class_results(record, explanation)
    return next((result for result in results if class_name in (None, result.name)), None)


def all_warnings(results: Sequence[ClassResult], explanation: Explanation) -> tuple[str, ...]:
    """Return the answer's warnings, and one more if NORM and the other classes contradict it.

    Each class is predicted independently, so nothing makes their answers agree.
    """
    normal = next((result for result in results if result.name == NORMAL), None)
    if normal is None or len(results) == 1:
        return explanation.warnings
    others = [one for one in results if one is not normal and one.answer != "no"]
    contradicting = [one.full_name for one in others if one.answer == "yes"]
    independent = "each class is predicted independently"
    if normal.answer == "yes" and contradicting:
        names = ", ".join(contradicting)
        warning = f"{normal.full_name} and {names} are predicted together: {independent}"
    elif normal.answer == "no" and not others:
        warning = f"no class is predicted, {normal.full_name} included: {independent}"
    else:
        return explanation.warnings
    return (*explanation.warnings, warning)


def model_in_words(explanation: Explanation) -> str:
    """Return which model predicted, as a sentence; "" if that is not known."""
    if not explanation.model:
        return ""
    return f"Model {explanation.model} (SHA-256 begins {explanation.model_sha256[:12]})."


def facts(record: Record) -> tuple[str, str, str, str, str]:
    """Return age, sex, heart rate, sampling rate and filter in words, or that one is unknown."""
    heart_rate = heart_rate_bpm(record)
    return (
        _age(record.age_years),
        record.sex or "sex not stated",
        "heart rate not detected" if heart_rate is None else f"heart rate {heart_rate:.0f} bpm",
        f"sampled at {record.rate_hz:g} Hz",
        f"filter: {record.filters or 'not stated'}",
    )


def _age(age_years: float | None) -> str:
    """Return the age in words; ages above 89 are not shown, because they can identify a person."""
    if age_years is None:
        return "age not stated"
    return "over 89 years" if age_years >= 90 else f"{age_years:g} years"
