"""Answers, warnings and facts of one ECG, as pictures and pages state them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..inference.description import Description, describe
from ..inference.results import Explanation
from ..signals.beats import heart_rate_bpm
from ..signals.record import Record
from ..tasks import BESIDE_NORMAL, full_name
from .heat import SCALES, full_logits, heat_of

NOT_A_DEVICE = "Not a medical device"
RECORD_MEANING = (
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
    """The answer for one class of a record, and its map over the record.

    name, full_name: the class as in the answer, and for people ("Conduction disturbance (CD)").
    answer:       "yes", "no", or "not sure" within the model's abstention band.
    heat:         (leads, time), or (1, time) for all leads together, from -1 to 1; NaN where there
                  is no evidence. By the scale "record", (1, time) from 0 to 1.
    used:         (time,), whether the model used the sample: the end may have been left out.
    evidence:     (frames,), in logits.
    sum_in_words: how the evidence adds up to the logit.
    edge_warning: a warning if the heat peaks at an edge of a window; else empty.
    sentence:     the answer, and in which waves, beats and leads its evidence lies.
    """

    name: str
    full_name: str
    answer: str
    probability: float
    threshold: float
    heat: NDArray[np.float32]
    used: NDArray[np.bool_]
    evidence: NDArray[np.float32]
    sum_in_words: str
    edge_warning: str
    sentence: str

    @property
    def probability_text(self) -> str:
        """The probability with three decimals; never 0 or 1, because nothing is certain."""
        if self.probability > 0.999:
            return "> 0.999"
        return "< 0.001" if self.probability < 0.001 else f"{self.probability:.3f}"

    @property
    def in_words(self) -> str:
        """The answer in one line, with its probability and threshold."""
        return (
            f"{self.full_name}: {self.answer} "
            f"(probability {self.probability_text}, threshold {self.threshold:.3f})"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Summary:
    """What pictures and pages state about one explanation.

    results:  of every class: "yes" first, then "not sure", then by probability; () if refused.
    shown:    the result whose heat is drawn; None if the ECG was refused.
    answer:   the answer for the shown class in one line, or why there is none.
    warnings: those of the answer, one if the answers contradict each other, and one of what the
              model's companion finds.
    model:    the model as a sentence; "" if it is not known.
    not_sure: the meaning of "not sure" if an answer is; else "".
    scale:    of the heat, one of SCALES; heat_meaning: how to read it.
    full:     the value that the full colour has on it: logits, or 1.
    measurements: of the ECG, each in words.
    """

    results: tuple[ClassResult, ...]
    shown: ClassResult | None
    answer: str
    warnings: tuple[str, ...]
    model: str
    not_sure: str
    scale: str
    heat_meaning: str
    full: float
    measurements: tuple[str, ...]


def summarize(
    record: Record,
    explanation: Explanation,
    *,
    class_name: str | None = None,
    scale: str = "logits",
    description: Description | None = None,
) -> Summary:
    """Summarize an explanation of the record.

    description: of the whole ECG, where only a part of it is drawn (default: `describe`).
    class_name: the class whose heat is drawn (default: the first of the results). scale: of the
    heat, "logits" or "record". Raises ValueError for an unknown class or scale, or if the heatmap
    and the record differ in length.
    """
    if scale not in SCALES:
        raise ValueError(f"scale must be one of {', '.join(SCALES)}, got {scale!r}")
    if class_name is not None and class_name not in explanation.classes:
        raise ValueError(
            f"class_name must be one of {', '.join(explanation.classes)}, got {class_name!r}"
        )
    description = description or describe(record, explanation)
    refused = explanation.refused is not None
    results = () if refused else _class_results(record, explanation, scale, description)
    shown = next((result for result in results if class_name in (None, result.name)), None)
    model = f"Model {explanation.model} (SHA-256 begins {explanation.model_sha256[:12]})."
    return Summary(
        results=results,
        shown=shown,
        answer=shown.in_words if shown else f"no prediction: {explanation.refused}",
        warnings=(*explanation.warnings, *_contradiction(results), *_also_found(explanation)),
        model=model if explanation.model else "",
        not_sure=NOT_SURE_MEANING if explanation.uncertain else "",
        scale=scale,
        heat_meaning=RECORD_MEANING if scale == "record" else heat_meaning(explanation),
        full=1.0 if scale == "record" else full_logits(explanation),
        measurements=description.measurements.in_words()[1:],  # the facts have the heart rate
    )


def heat_meaning(explanation: Explanation) -> str:
    """Return in a sentence or two what the colours mean on the scale "logits"."""
    where = "all leads together" if explanation.lead_evidence is None else "each lead by itself"
    meaning = (
        f"Orange: evidence for the class, blue: against it, from {where}; the colour is full at "
        f"{full_logits(explanation):g} logits."
    )
    reach_s = explanation.frame_sees_s / 2
    return f"{meaning} Each moment draws on ± {reach_s:.1f} s." if reach_s else meaning


def _class_results(
    record: Record, explanation: Explanation, scale: str, description: Description
) -> tuple[ClassResult, ...]:
    times_s = (np.arange(record.signal_mv.shape[1]) + 0.5) / record.rate_hz
    samples, drawn = record.signal_mv.shape[1], explanation.heatmap.shape[1]
    if drawn != samples:
        raise ValueError(f"the heatmap has {drawn} samples, the record {samples}")
    results = (
        ClassResult(
            name=name,
            full_name=explanation.full_names[k],
            answer=_answer(explanation, name),
            probability=float(explanation.probabilities[k]),
            threshold=float(explanation.thresholds[k]),
            heat=_leads_of_record(record, explanation, heat_of(explanation, k, times_s))
            if scale == "logits"
            else explanation.heatmap[k : k + 1],
            used=np.isfinite(explanation.heatmap[k]),
            evidence=explanation.evidence[k],
            sum_in_words=_sum_in_words(float(explanation.bias[k]), float(explanation.logits[k])),
            edge_warning=_edge_warning(explanation, k, record.duration_s),
            sentence=description.sentences[name],
        )
        for k, name in enumerate(explanation.classes)
    )
    order = ("yes", "not sure", "no")
    return tuple(
        sorted(results, key=lambda result: (order.index(result.answer), -result.probability))
    )


def _leads_of_record(
    record: Record, explanation: Explanation, heat: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return heat (the model's leads, time) in the order of the record's leads; NaN for others."""
    if explanation.lead_evidence is None or explanation.leads in ((), record.leads):
        return heat
    ordered = np.full((len(record.leads), heat.shape[1]), np.nan, np.float32)
    for lead, row in zip(explanation.leads, heat, strict=True):
        if lead in record.leads:
            ordered[record.leads.index(lead)] = row
    return ordered


def _answer(explanation: Explanation, name: str) -> str:
    if name in (explanation.uncertain or ()):
        return "not sure"
    return "yes" if name in explanation.decision else "no"


def _sum_in_words(bias: float, logit: float) -> str:
    """Return the sum of evidence and bias; the mean is rounded so that the digits add up."""
    bias, logit = round(bias, 2) + 0.0, round(logit, 2) + 0.0  # + 0.0 turns −0.00 into 0.00
    words = f"mean {round(logit - bias, 2) + 0.0:.2f} + bias {bias:.2f} = logit {logit:.2f}"
    return words.replace("+ bias -", "− bias ").replace("-", "−")


def _edge_warning(explanation: Explanation, k: int, duration_s: float) -> str:
    if not np.nanmax(explanation.heatmap[k]) > 0:
        return ""
    starts_s = np.arange(explanation.windows) * explanation.window_s
    windows_end_s = explanation.windows * explanation.window_s
    edges_s = np.append(starts_s, min(duration_s, windows_end_s))
    if _sees_only_the_ecg(explanation):  # but for what fills up a record that ends before
        edges_s = edges_s[-1:] if duration_s < windows_end_s else np.empty(0)
    peak_s = explanation.frame_times_s[explanation.evidence[k].argmax()]
    return EDGE_MEANING if np.abs(edges_s - peak_s).min(initial=np.inf) < EDGE_S else ""


def _sees_only_the_ecg(explanation: Explanation) -> bool:
    """Return whether no frame sees beyond the ends of a window, where networks pad."""
    before_s = explanation.frame_times_s[0] - explanation.frame_sees_s / 2
    return explanation.frame_sees_s > 0 and before_s > -1e-6


def _contradiction(results: Sequence[ClassResult]) -> tuple[str, ...]:
    """Return a warning if NORM and the other classes contradict each other.

    Each class is predicted independently, so nothing makes their answers agree.
    """
    normal = next((result for result in results if result.name == NORMAL), None)
    if normal is None or len(results) == 1:
        return ()
    others = [
        result
        for result in results
        if result is not normal and result.answer != "no" and result.name not in BESIDE_NORMAL
    ]
    contradicting = [result.full_name for result in others if result.answer == "yes"]
    independent = "each class is predicted independently"
    if normal.answer == "yes" and contradicting:
        names = ", ".join(contradicting)
        return (f"{normal.full_name} and {names} are predicted together: {independent}",)
    if normal.answer == "no" and not others:
        return (f"no class is predicted, {normal.full_name} included: {independent}",)
    return ()


def _also_found(explanation: Explanation) -> tuple[str, ...]:
    """Return in a sentence what the model's companion finds, if anything."""
    if not explanation.also_found:
        return ()
    found = [
        f"{full_name(one.name, one.title)} {one.probability:.2f}" for one in explanation.also_found
    ]
    return (f"the model {explanation.also_found[0].model} also finds: {', '.join(found)}",)


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
