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
FOR, AGAINST = 0, 1  # sides of the evidence, as in WaveEvidence.sums
MOST = 0.5  # a part with this fraction of the evidence is named alone; else the largest three are
MIXED = 0.5  # evidence of the other side, relative to that of the answer's side
HARDLY = 0.25  # logits; less evidence on either side is hardly any
COUNTED_BEAT = 0.5  # a beat counts if it has this fraction of the mean over beats
FEW_LEADS = 4  # leads that have at least half of the evidence are named if they are so few

_UNNAMED = {
    FRAMES_TOO_LONG: "Waves are not named: the model sees {sees:.1f} s at once.",
    WAVES_NOT_SURE: "Waves are not named: they are not sure in this ECG.",
}


def in_words(explanation: Explanation, k: int, sums: WaveEvidence) -> str:
    """Return one to three short sentences on class k of an answer."""
    head = _answer(explanation, k)
    in_favour, against = sums.of_parts(k, *PARTS).tolist()
    if max(in_favour, -against) < HARDLY:
        return f"{head} There is hardly any evidence: the answer is the model's bias."
    yes, unsure = _decided(explanation, k)
    more_for = in_favour > -against
    side = FOR if yes or (unsure and more_for) else AGAINST
    bias = _signed(float(explanation.bias[k]))
    both = f"{_signed(in_favour)} logits for it, {_signed(against)} against"
    if side == AGAINST and more_for:  # "no", although the evidence is for it
        return f"{head} The evidence ({both}) does not make up for the bias, {bias}."
    if yes and -against > in_favour:
        return f"{head} The evidence ({both}) is outweighed by the bias, {bias}."
    sentences = [head, _where(sums, k, side)]
    smaller, larger = sorted((in_favour, -against))
    if smaller >= MIXED * larger:
        sentences.append(f"It is mixed: {both.replace(' for it', ' for')}.")
    if sums.without_waves:
        sentences.append(_UNNAMED[sums.without_waves].format(sees=explanation.frame_sees_s))
    return " ".join(sentence for sentence in sentences if sentence)


def _decided(explanation: Explanation, k: int) -> tuple[bool, bool]:
    """Return whether the answer for class k is "yes", and whether it is "not sure"."""
    name = explanation.classes[k]
    unsure = name in (explanation.uncertain or ())
    return name in explanation.decision and not unsure, unsure


def _answer(explanation: Explanation, k: int) -> str:
    """Return the answer for class k with its probability: "Abnormal: no, 0.12."."""
    yes, unsure = _decided(explanation, k)
    probability = float(explanation.probabilities[k])
    shown = f"{probability:.2f}"
    if not 0.005 <= probability <= 0.995:
        shown = "< 0.01" if probability < 0.5 else "> 0.99"
    title = (explanation.class_titles or explanation.classes)[k]
    return f"{title}{'' if yes else ': not sure' if unsure else ': no'}, {shown}."


def _where(sums: WaveEvidence, k: int, side: int) -> str:
    """Return the sentence that says where the evidence of a side lies; "" if it cannot be said."""
    word = ("for", "against")[side]
    if sums.without_waves:
        leads = _leads_in_words(sums, k, side, PARTS)
        return f"Evidence {word} it is {leads}." if leads else ""
    sizes = {group: abs(float(sums.of_parts(k, *parts)[side])) for group, parts in GROUPS.items()}
    total = sum(sizes.values())
    ranked = sorted(sizes, key=sizes.__getitem__, reverse=True)
    percent = {group: f"{100 * sizes[group] / total:.0f} %" for group in ranked}
    first = ranked[0]
    if sizes[first] < MOST * total:
        listed = ", ".join(f"{percent[group]} in {group}" for group in ranked[:3])
        words = [f"The evidence {word} it is spread over the beat: {listed}"]
        words.append(_leads_in_words(sums, k, side, PARTS))
        return "; ".join(part for part in words if part) + "."
    words = [f"{percent[first]} of the evidence {word} it lies in {first}"]
    if "not sure" not in GROUPS[first]:
        beats = counted_beats(sums.of_beats(k, *GROUPS[first])[side])
        words.append(f"in {beats} of {len(sums.beats_s)} beats")
    words.append(_leads_in_words(sums, k, side, GROUPS[first]))
    return ", ".join(part for part in words if part) + "."


def counted_beats(evidence: NDArray[np.float64]) -> int:
    """Return how many beats have at least half of the mean evidence of all beats (beats,)."""
    size = np.abs(evidence)
    return int((size >= COUNTED_BEAT * size.mean()).sum()) if size.any() else 0


def leading_leads(evidence: NDArray[np.float64], leads: Sequence[str]) -> tuple[str, ...]:
    """Return the fewest leads with at least half of the evidence (leads,), in their own order."""
    size = np.abs(evidence)
    order = np.argsort(-size, kind="stable")
    count = int(np.searchsorted(size[order].cumsum(), size.sum() / 2)) + 1
    return tuple(leads[index] for index in sorted(order[:count].tolist()))


def _leads_in_words(sums: WaveEvidence, k: int, side: int, parts: Sequence[str]) -> str:
    """Return in which leads the evidence of a side lies; "" where the model mixes leads."""
    added = sums.of_leads(k, *parts)
    evidence = np.maximum(added, 0) if side == FOR else np.minimum(added, 0)
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
