"""Classifiers that say what they are told, so that every score is known beforehand."""

import numpy as np

from ecgcam.inference.classifier import Classifier
from ecgcam.signals.leads import LEADS
from support.tiny import NORMAL


def telling(store, logits, task=NORMAL, **card):
    """A classifier that says these logits (records, classes) of the records of the store."""
    of = {
        signal.tobytes(): row
        for signal, row in zip(
            store.signals_mv(range(len(logits))), np.asarray(logits, np.float32), strict=True
        )
    }
    usual = {
        "classes": list(task.classes),
        "leads": list(LEADS),
        "rate_hz": store.rate_hz,
        "duration_s": store.samples / store.rate_hz,
        "thresholds": [0.5] * len(task.classes),
        "temperature": 1.0,
        "task": task.to_dict(),
        "backbone": "none",
        "parameters": 0,
        "provenance": {},
    }

    def engine(signal_mv):
        found = np.stack([of[np.ascontiguousarray(signal).tobytes()] for signal in signal_mv])
        return found, found[:, :, None]

    return Classifier(engine, bias=np.zeros(len(task.classes)), card=usual | card)
