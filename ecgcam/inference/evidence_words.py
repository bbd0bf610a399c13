"""One sentence on each class: the answer, and in which waves, beats and leads its evidence lies.

Each figure can be recomputed from the sums in the JSON (docs/explanation.md says how).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .results import Explanation
from .wave_evidence import FRAMES_TOO_LONG, PARTS, WAVES_NOT_SURE, WaveEvidence

# Parts of the beat as the sentence names them.
GROUPS = {
    "P and PR": ("P", "PR"),
    "QRS": ("QRS",),
    "ST-T": ("ST", "T"),
    "the rest between beats": ("rest",),
    "beats that are not sure": ("not sure",),
}
MOST = 0.5  # a part with this fraction of the evidence is named alone; else the largest three are
MIXED = 0.5  # evidence of the other sign, relative to that of the answer's sign
HARDLY = 0.25  # logits; less evidence of either sign is hardly any
A_BEATS_FRACTION = 0.5  # a beat counts if it has this fraction of an even distribution
FEW_LEADS = 4  # leads that have at least half of the evidence are named if they are so few

_UNNAMED = {
    FRAMES_TOO_LONG: "Waves are not named: the model sees {sees:.1f} s at once.",
    WAVES_NOT_SURE: "Waves are not named: they are not sure in this ECG.",
}


def in_words(explanation: Explanation, k: int, sums: WaveEvidence) -> str:
    """Return one to three short sentences on class k of an answer."""
    probability = float(explanation.probabilities[k])
    name = explanation.classes[k]
    title = (explanation.class_titles or explanation.classes)[k]
    unsure = name in (explanation.uncertain or ())
    positive = name in explanation.decision and not unsure
    answer = "" if positive else ": not sure" if unsure else ": no"
    shown = "> 0.99" if probability > 0.995 else f"{probability:.2f}"
    shown = "< 0.01" if probability < 0.005 else shown
    head = f"{title}{answer}, {shown}."
    in_favour, against = sums.of_parts(k, *PARTS).tolist()
    if max(in_favour, -against) < HARDLY:
        return f"{head} There is hardly any evidence: the answer is the model's bias."
    sign = 0 if positive or (unsure and in_favour > -against) else 1
    if sign == 1 and in_favour > -against:  # "no", although the evidence is for it
        bias = float(explanation.bias[k])
        few = f"{_signed(in_favour)} logits for it, {_signed(against)} against"
        return f"{head} The evidence ({few}) does not make up for the bias, {_signed(bias)}."
    if positive and -against > in_favour:
        few = f"{_signed(in_favour)} logits for it, {_signed(against)} against"
        bias = float(explanation.bias[k])
        return f"{head} The evidence ({few}) is outweighed by the bias, {_signed(bias)}."
    parts = [head, _where(sums, k, sign)]
    own, other = (in_favour, -against) if sign == 0 else (-against, in_favour)
    if other >= MIXED * own:
        mixed = f"{_signed(in_favour)} logits for, {_signed(against)} against"
        parts.append(f"It is mixed: {mixed}.")
    if sums.without_waves:
        parts.append(_UNNAMED[sums.without_waves].format(sees=explanation.frame_sees_s))
    return " ".join(part for part in parts if part)


def _where(sums: WaveEvidence, k: int, sign: int) -> str:
    """Return the sentence that says where the evidence of a sign lies; "" if it cannot be said."""
    side = "for" if sign == 0 else "against"
    if sums.without_waves:
        leads = _leads_in_words(sums, k, sign, PARTS)
        return f"Evidence {side} it is {leads}." if leads else ""
    fractions = {
        group: abs(float(sums.of_parts(k, *parts)[sign])) for group, parts in GROUPS.items()
    }
    total = sum(fractions.values())
    ranked = sorted(fractions, key=fractions.__getitem__, reverse=True)
    percent = {group: f"{100 * fractions[group] / total:.0f} %" for group in ranked}
    first = ranked[0]
    if fractions[first] < MOST * total:
        listed = ", ".join(f"{percent[group]} in {group}" for group in ranked[:3])
        words = [f"The evidence {side} it is spread over the beat: {listed}"]
        words.append(_leads_in_words(sums, k, sign, PARTS))
        return "; ".join(word for word in words if word) + "."
    words = [f"{percent[first]} of the evidence {side} it lies in {first}"]
    if "not sure" not in GROUPS[first]:
        beats = counted_beats(sums.of_beats(k, *GROUPS[first])[sign])
        words.append(f"in {beats} of {len(sums.beats_s)} beats")
    words.append(_leads_in_words(sums, k, sign, GROUPS[first]))
    return ", ".join(word for word in words if word) + "."


def counted_beats(evidence: NDArray[np.float64]) -> int:
    """Return how many beats have at least half of what each would have if all had the same."""
    size = np.abs(evidence)
    return int((size >= A_BEATS_FRACTION * size.mean()).sum()) if size.any() else 0


def leading_leads(evidence: NDArray[np.float64], leads: Sequence[str]) -> tuple[str, ...]:
    """Return the fewest leads that have at least half of the evidence, in the order of leads."""
    size = np.abs(evidence)
    order = np.argsort(-size, kind="stable")
    count = int(np.searchsorted(size[order].cumsum(), size.sum() / 2)) + 1
    return tuple(leads[index] for index in sorted(order[:count].tolist()))


def _leads_in_words(sums: WaveEvidence, k: int, sign: int, parts: Sequence[str]) -> str:
    added = sums.of_leads(k, *parts)
    evidence = np.maximum(added, 0) if sign == 0 else np.minimum(added, 0)
    if not evidence.any():
        return ""
    chosen = leading_leads(evidence, sums.leads)
    if len(chosen) > FEW_LEADS:
        return "spread over the leads"
    return f"most in {joined_leads(chosen, sums.leads)}"


def joined_leads(chosen: Sequence[str], leads: Sequence[str]) -> str:
    """Return leads as a list in which neighbours of three or more are a range: "II, V2-V4"."""
    runs: list[list[str]] = []
    for lead in chosen:
        last = runs[-1][-1] if runs else ""
        chest = lead.startswith("V") and last.startswith("V")
        if chest and leads.index(lead) == leads.index(last) + 1:
            runs[-1].append(lead)
        else:
            runs.append([lead])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _signed(logits: float) -> str:
    return f"{logits:+.1f}".replace("-", "−")
