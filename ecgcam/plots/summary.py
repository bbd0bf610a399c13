"""What a picture of an ECG shows beside its traces: verdicts, one class laid over time, facts."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference.results import Explanation
from ..signals.beats import heart_rate_bpm
from ..signals.record import Record

NOT_A_DEVICE = "Not a medical device"
HEAT_MEANING = (
    "Heat compares the moments of this record with each other: 0 is where the evidence is lowest, "
    "1 where it is highest, however little that is."
)
NOT_SURE_MEANING = (
    "Not sure: the probability is so near the threshold that the model leaves it open."
)
NORMAL = "NORM"  # PTB-XL's name for an ECG without findings
EDGE_S = 0.3  # so near to where the network's input ends, heat is not to be trusted
EDGE_MEANING = (
    "The hottest place is at an edge of what was judged at once, where up to half of what the "
    "network sees elsewhere is missing: do not read it as a finding."
)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The judgement on one class.

    decided:   the class is part of the decision.
    uncertain: so near the threshold that the model leaves it open.
    """

    name: str
    probability: float
    threshold: float
    decided: bool
    uncertain: bool = False

    @property
    def answer(self) -> str:
        """The decision in a word, and whether it is sure."""
        return ("yes" if self.decided else "no") + (", not sure" if self.uncertain else "")

    @property
    def probability_text(self) -> str:
        """The probability to three places; nothing is certain."""
        if self.probability > 0.999:
            return "> 0.999"
        return "< 0.001" if self.probability < 0.001 else f"{self.probability:.3f}"

    @property
    def words(self) -> str:
        """The judgement in one line."""
        return (
            f"{self.name}: {self.answer} "
            f"(probability {self.probability_text}, threshold {self.threshold:.3f})"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """One class of an explanation, laid over a record.

    heat:       (time,), one value a sample of the record, in [0, 1]; NaN where not judged.
    evidence:   (frames,), in logits; together the frames last `evidence_s` from the record's start.
    windows:    how many stretches of `window_s` seconds, from the start on, were each judged by
                themselves.
    bias:       what the head adds: evidence.mean() + bias == logit, but for the paper's map.
    duration_s: how long the record lasts, and so the heat.
    """

    verdict: Verdict
    logit: float
    bias: float
    heat: NDArray[np.float32]
    evidence: NDArray[np.float32]
    evidence_s: float
    window_s: float
    windows: int
    duration_s: float

    @property
    def sum(self) -> str:
        """How the evidence adds up to the logit, in words; or that it does not.

        Of three rounded numbers the last digits need not add up; the mean's is set so that they do.
        """
        mean = float(self.evidence.mean())
        bias, logit = _hundredths(self.bias), _hundredths(self.logit)
        words = f"mean {_hundredths(logit - bias):.2f} + bias {bias:.2f} = logit {logit:.2f}"
        if not math.isclose(mean + self.bias, self.logit, rel_tol=1e-3, abs_tol=0.005):
            words = f"mean {mean:.2f}, which does not add up to the logit {logit:.2f}"
        return words.replace("+ bias -", "− bias ").replace("-", "−")

    @property
    def beware(self) -> str:
        """A warning where the heat is hottest at an edge of a window; else nothing."""
        if not np.nanmax(self.heat) > 0:
            return ""
        sample_s = self.duration_s / self.heat.size
        starts_s = np.arange(self.windows) * self.window_s
        edges_s = np.append(starts_s, np.isfinite(self.heat).sum() * sample_s)
        hottest_s = (np.nanargmax(self.heat) + 0.5) * sample_s
        return EDGE_MEANING if np.abs(edges_s - hottest_s).min() < EDGE_S else ""


def _hundredths(number: float) -> float:
    """To two digits, and never less than nothing by less than that."""
    return round(number, 2) + 0.0


def verdict(explanation: Explanation, k: int) -> Verdict:
    """On the k-th class; the ECG must not have been refused."""
    name = explanation.classes[k]
    return Verdict(
        name=name,
        probability=float(explanation.probabilities[k]),
        threshold=float(explanation.thresholds[k]),
        decided=name in explanation.decision,
        uncertain=name in (explanation.uncertain or ()),
    )


def judged_by(explanation: Explanation) -> str:
    """Return which model predicted, as a sentence; "" if that is not known."""
    if not explanation.model:
        return ""
    return f"Model {explanation.model} (SHA-256 begins {explanation.model_sha256[:12]})."


def cautions(explanation: Explanation) -> tuple[str, ...]:
    """The warnings, after them that the classes' answers do not fit one another where that is so.

    A healthy heart, NORM, is one class among others, and nothing makes their answers agree.
    """
    others = [name for name in explanation.decision if name != NORMAL]
    if NORMAL not in explanation.classes or len(explanation.classes) == 1:
        return explanation.warnings
    if explanation.refused is not None:
        return explanation.warnings
    if NORMAL in explanation.decision and others:
        odd = f"{NORMAL} is decided beside {', '.join(others)}: each class is judged by itself"
    elif not explanation.decision:
        odd = f"neither {NORMAL} nor another class is decided: each is judged by itself"
    else:
        return explanation.warnings
    return (*explanation.warnings, odd)


def verdicts(explanation: Explanation) -> list[Verdict]:
    """On every class: the decided ones first, then the most probable; none if refused."""
    if explanation.refused is not None:
        return []
    every = [verdict(explanation, k) for k in range(len(explanation.classes))]
    return sorted(every, key=lambda one: (not one.decided, -one.probability))


def shown_class(
    record: Record, explanation: Explanation, *, class_name: str | None = None
) -> Shown | None:
    """The class that was asked for, else the first of the verdicts; None if the ECG was refused.

    Raises ValueError for a class that the explanation does not have, or if its heatmap does not
    stand on the samples of the record.
    """
    if class_name is not None and class_name not in explanation.classes:
        raise ValueError(
            f"class_name must be one of {', '.join(explanation.classes)}, got {class_name!r}"
        )
    if explanation.refused is not None:
        return None
    name = class_name or verdicts(explanation)[0].name
    return lay_out(record, explanation, explanation.classes.index(name))


def lay_out(record: Record, explanation: Explanation, k: int) -> Shown:
    """The k-th class over the record; ValueError if the heatmap is not of its length."""
    heat = explanation.heatmap[k]
    samples = record.signal_mv.shape[1]
    if heat.size != samples:
        raise ValueError(f"the heatmap has {heat.size} samples, the record {samples}")
    return Shown(
        verdict=verdict(explanation, k),
        logit=float(explanation.logits[k]),
        bias=float(explanation.bias[k]),
        heat=heat,
        evidence=explanation.evidence[k],
        evidence_s=explanation.evidence_s,
        windows=explanation.windows,
        window_s=explanation.window_s,
        duration_s=record.duration_s,
    )


def facts(record: Record) -> tuple[str, str, str, str, str]:
    """Age, sex, heart rate, sampling rate and filter in words, each said where it is not known."""
    heart_rate = heart_rate_bpm(record)
    return (
        _age(record.age_years),
        record.sex or "sex not stated",
        "heart rate not found" if heart_rate is None else f"heart rate {heart_rate:.0f} bpm",
        f"sampled at {record.rate_hz:g} Hz",
        f"filter: {record.filters or 'not stated'}",
    )


def _age(age_years: float | None) -> str:
    """A very old person could be known by the age, so it is not told above 89."""
    if age_years is None:
        return "age not stated"
    return "over 89 years" if age_years >= 90 else f"{age_years:g} years"
