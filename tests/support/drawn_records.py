"""Synthetic records and explanations whose picture is known."""

import numpy as np

from ecgcam.inference.results import Explanation
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record

HOSTILE = '</script><script>alert("$x_$")</script>\n& 心 ' + "long " * 60


def spiked(*, rate_hz=100, duration_s=10, leads=LEADS, **about):
    """Return a record whose lead k is 0 except for (k + 1) / 10 mV at 0.3 s of every second."""
    time = np.arange(round(duration_s * rate_hz))
    spikes = (time % rate_hz == round(0.3 * rate_hz)).astype(float)
    heights = np.arange(1, len(leads) + 1) / 10
    return Record(signal_mv=heights[:, None] * spikes, rate_hz=rate_hz, leads=leads, **about)


def explained(
    record, *, classes=("ABNORMAL",), probabilities=(0.9,), heat=None, covered_s=None, **about
):
    """Return an explanation with ten frames from -4.5 to 4.5 logits and heat that rises evenly.

    covered_s: the time that the frames cover evenly, by default all of the record.
    """
    samples = record.signal_mv.shape[1]
    heat = np.linspace(0, 1, samples) if heat is None else heat
    logits = np.log(np.divide(probabilities, 1 - np.array(probabilities)))
    answer = {
        "name": record.name,
        "classes": classes,
        "probabilities": np.array(probabilities),
        "thresholds": np.full(len(classes), 0.5),
        "decision": tuple(c for c, p in zip(classes, probabilities, strict=True) if p >= 0.5),
        "logits": logits,
        "bias": logits,
        "evidence": np.tile(np.arange(10) - 4.5, (len(classes), 1)),
        "known_heatmap": np.tile(heat, (len(classes), 1)).astype(np.float32),
    }
    answer |= about
    frames = np.shape(answer["evidence"])[-1]
    step_s = (covered_s or record.duration_s) / max(frames, 1)
    return Explanation(frame_times_s=(np.arange(frames) + 0.5) * step_s, frame_s=step_s, **answer)


def refused(record, reason="it lasts 2 s; expected at least 5 s."):
    """Return the answer for a refused record."""
    nothing = np.empty(0, np.float32)
    maps = {"evidence": np.empty((0, 0)), "known_heatmap": np.empty((0, 0))}
    return explained(
        record, probabilities=(), classes=(), refused=reason, logits=nothing, decision=(), **maps
    )


def words(figure):
    """Return all visible text of a figure, one text per line."""
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in figure.findobj(Text) if text.get_visible())
