"""Explanations and waves whose sums are known by hand."""

import numpy as np

from ecgcam.inference.results import Explanation
from ecgcam.signals.leads import LEADS
from ecgcam.signals.waves import Waves


def regular_waves(*, beats=10, probability=0.95, p_wave=True):
    """Return a beat a second: P 0.1-0.2, QRS 0.3-0.4, T 0.5-0.7 s."""
    beat = np.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.7]])
    if not p_wave:
        beat[0] = np.nan
    times_s = beat + np.arange(beats)[:, None, None]
    return Waves(times_s=times_s, probability=np.where(np.isnan(times_s[..., 0]), 0, probability))


def explained_beats(by_part, *, beats=10, leads=None, bias=-1.0, sees_s=0.6, threshold=0.5):
    """Return an explanation of 10 frames a second, each wholly in one part of a regular beat.

    by_part: the evidence of the frames of each beat from its P wave on, in logits: 10 numbers, or
    (12 leads, 10); frame 0 of a second is the rest before P.
    """
    by_part = np.asarray(by_part, float)
    rows = by_part if by_part.ndim == 2 else by_part[None]
    by_lead = np.tile(rows, beats)[None]  # (1 class, leads, frames)
    logit = by_lead.sum(axis=1).mean() + bias
    probability = 1 / (1 + np.exp(-logit))
    return Explanation(
        name="a",
        classes=("ABNORMAL",),
        class_titles=("Abnormal",),
        logits=np.array([logit]),
        probabilities=np.array([probability]),
        thresholds=np.array([threshold]),
        decision=("ABNORMAL",) if probability >= threshold else (),
        bias=np.array([bias]),
        evidence=by_lead.sum(axis=1),
        lead_evidence=by_lead if by_part.ndim == 2 else None,
        leads=LEADS,
        frame_times_s=np.arange(10 * beats) / 10 + 0.05,
        frame_s=0.1,
        frame_sees_s=sees_s,
        samples=1000,
        used_samples=1000,
        rate_hz=100,
    )
