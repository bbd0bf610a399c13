"""Evidence added up by wave, beat and lead: the sums add up to the logit."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..signals.waves import Waves
from .results import Explanation

PARTS = ("P", "PR", "QRS", "ST", "T", "rest", "not sure")
LONGEST_FRAME_S = 0.65  # a frame that sees more is too long to name a wave
LONGEST_REST_S = 3.0  # from the T wave of a beat to the next beat

FRAMES_TOO_LONG = "frames too long"
WAVES_NOT_SURE = "waves not sure"


@dataclass(frozen=True, kw_only=True, eq=False)
class WaveEvidence:
    """The evidence of an ECG in stretches of time, each a part of one beat.

    without_waves: why there is one stretch alone: FRAMES_TOO_LONG, WAVES_NOT_SURE; or "".
    parts, beats:  (stretches,), the part of each, of PARTS, and the index of its beat in beats_s;
                   the last stretch is all that is not sure, with beat -1.
    beats_s:       (beats, 2), start and end of each sure beat in seconds.
    time:          (stretches,), fraction of the frames in each.
    sums:          (2, classes, stretches), in logits: what is above zero and what is below zero of
                   the frames in each stretch, of all leads together. All of a class is its logit
                   minus its bias.
    leads, by_lead: the model's leads, and (classes, stretches, leads), what each adds, in logits;
                   () and None where the evidence is of all leads together.
    """

    without_waves: str
    parts: tuple[str, ...]
    beats: NDArray[np.int64]
    beats_s: NDArray[np.float64]
    time: NDArray[np.float64] = field(repr=False)
    sums: NDArray[np.float64] = field(repr=False)
    leads: tuple[str, ...] = ()
    by_lead: NDArray[np.float64] | None = field(default=None, repr=False)

    def within(self, *parts: str) -> NDArray[np.bool_]:
        """Return which stretches belong to any of these parts: (stretches,)."""
        return np.array([part in parts for part in self.parts], bool)

    def of_parts(self, k: int, *parts: str) -> NDArray[np.float64]:
        """Return the evidence for class k in the parts, above and below zero: (2,)."""
        return np.asarray(self.sums[:, k, self.within(*parts)].sum(axis=1))

    def of_beats(self, k: int, *parts: str) -> NDArray[np.float64]:
        """Return the evidence for class k in the parts of each beat: (2, beats)."""
        of_beat = self.beats == np.arange(len(self.beats_s))[:, None]
        return np.asarray((self.sums[:, k] * self.within(*parts)) @ of_beat.T)

    def of_leads(self, k: int, *parts: str) -> NDArray[np.float64]:
        """Return what each lead adds to the logit of class k in the parts: (leads,)."""
        if self.by_lead is None:
            return np.empty(0)
        return np.asarray(self.by_lead[k, self.within(*parts)].sum(axis=0))

    def to_dict(self, k: int) -> dict[str, Any]:
        """Return the sums of class k as JSON holds them, in logits.

        `by_wave` and `by_beat` have {"for": …, "against": …}, `by_lead` and `by_wave_and_lead` what
        each lead adds. Without waves, `by_wave`, `by_wave_and_lead` and `by_beat` are None; without
        lead evidence, `by_lead` and `by_wave_and_lead`.
        """
        waves, leads = not self.without_waves, bool(self.leads)
        return {
            "without_waves": self.without_waves or None,
            "all": _pair(self.of_parts(k, *PARTS)),
            "by_wave": {part: self._part(k, part) for part in PARTS} if waves else None,
            "by_lead": self._leads(k, *PARTS) if leads else None,
            "by_wave_and_lead": {part: self._leads(k, part) for part in PARTS}
            if waves and leads
            else None,
            "by_beat": self._beats(k) if waves else None,
        }

    def _part(self, k: int, part: str) -> dict[str, float]:
        time = float(self.time[self.within(part)].sum())
        return {"time": round(time, 4), **_pair(self.of_parts(k, part))}

    def _leads(self, k: int, *parts: str) -> dict[str, float]:
        values = self.of_leads(k, *parts).tolist()
        return {lead: float(f"{value:.7g}") for lead, value in zip(self.leads, values, strict=True)}

    def _beats(self, k: int) -> list[dict[str, Any]]:
        of_parts = {part: self.of_beats(k, part) for part in PARTS[:-1]}
        return [
            {
                "start_s": round(start_s, 3),
                "end_s": round(end_s, 3),
                **{part: _pair(sums[:, beat]) for part, sums in of_parts.items()},
            }
            for beat, (start_s, end_s) in enumerate(self.beats_s.tolist())
        ]


def _pair(sums: NDArray[np.float64]) -> dict[str, float]:
    return {"for": float(f"{sums[0]:.7g}"), "against": float(f"{sums[1]:.7g}")}


def add_up(explanation: Explanation, waves: Waves) -> WaveEvidence:
    """Add up the evidence of an ECG by wave, beat and lead.

    A frame's evidence belongs to the time that the frame stands for; a frame on a boundary is
    divided by time. Evidence outside of the sure beats is "not sure".
    """
    frames = max(explanation.evidence.shape[-1], 1)
    added = explanation.evidence.astype(np.float64) / frames  # what each frame adds to the logit
    reason = _without_waves(explanation, waves)
    stretches = [] if reason else _stretches(waves)
    times_s = np.array([times for _, _, times in stretches]).reshape(-1, 2)
    fractions = _fractions(explanation, times_s)  # (stretches + 1, frames)
    by_lead = explanation.lead_evidence
    if by_lead is not None:
        by_lead = (by_lead.astype(np.float64) / frames @ fractions.T).swapaxes(1, 2)
    return WaveEvidence(
        without_waves=reason,
        parts=(*(part for part, _, _ in stretches), "not sure"),
        beats=np.array([*(beat for _, beat, _ in stretches), -1]),
        beats_s=np.empty((0, 2)) if reason else _sure_beats_s(waves),
        time=fractions.sum(axis=1) / frames,
        sums=np.stack([np.maximum(added, 0) @ fractions.T, np.minimum(added, 0) @ fractions.T]),
        leads=() if by_lead is None else explanation.leads,
        by_lead=by_lead,
    )


def _without_waves(explanation: Explanation, waves: Waves) -> str:
    if not 0 < explanation.frame_sees_s <= LONGEST_FRAME_S:
        return FRAMES_TOO_LONG
    return "" if waves.are_sure else WAVES_NOT_SURE


def _sure_beats_s(waves: Waves) -> NDArray[np.float64]:
    """Return start and end of each sure beat: (beats, 2).

    It starts with its P wave, or its QRS complex. It ends where the next beat starts if that one is
    sure too and follows within LONGEST_REST_S; else with its T wave.
    """
    p_s, qrs_s = waves.times_s[:, 0, 0], waves.times_s[:, 1, 0]
    starts_s = np.where(np.isfinite(p_s), p_s, qrs_s)
    ends_s = waves.times_s[:, 2, 1].copy()
    follows = waves.sure_beats[1:] & (starts_s[1:] - ends_s[:-1] < LONGEST_REST_S)
    ends_s[:-1][follows] = starts_s[1:][follows]
    return np.stack([starts_s, ends_s], axis=1)[waves.sure_beats]


def _stretches(waves: Waves) -> list[tuple[str, int, tuple[float, float]]]:
    """Return the part, the index of the sure beat, and start and end of each stretch."""
    found = []
    p_is_sure = waves.sure()[waves.sure_beats, 0]
    for beat, ((p, qrs, t), (_, end_s)) in enumerate(
        zip(waves.times_s[waves.sure_beats], _sure_beats_s(waves), strict=True)
    ):
        if p_is_sure[beat]:
            found += [("P", beat, (p[0], p[1])), ("PR", beat, (p[1], qrs[0]))]
        found += [("QRS", beat, (qrs[0], qrs[1])), ("ST", beat, (qrs[1], t[0]))]
        found += [("T", beat, (t[0], t[1])), ("rest", beat, (t[1], end_s))]
    return found


def _fractions(explanation: Explanation, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the fraction of each frame in each stretch, and in none: (stretches + 1, frames)."""
    half_s = explanation.frame_s / 2
    starts, ends = explanation.frame_times_s - half_s, explanation.frame_times_s + half_s
    overlap = np.minimum(ends, times_s[:, 1:]) - np.maximum(starts, times_s[:, :1])
    fractions = overlap.clip(0) / max(explanation.frame_s, 1e-9)
    return np.concatenate([fractions, 1 - fractions.sum(axis=0, keepdims=True)])
