"""Exactness of the law: the evidence adds up to the logit, and a lead's evidence is its effect."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from .faithfulness_figures import MIXED
from .figures import EVIDENCE, Estimate, Figure, Goal
from .subject import BATCH, Subject

EXACT = Goal(bound=1e-4, at_least=False)
FLAT_GOAL = Goal(bound=0.5, at_least=False)

_MEANINGS = {
    "evidence over time": "Largest difference between a logit and the mean of its evidence over "
    "time plus the bias (logits).",
    "lead evidence": "Largest difference between the evidence of a moment and the sum of its "
    "leads (logits).",
    "silenced lead": "Largest difference between a lead's evidence and the change of the logit "
    "when that lead is flat (logits).",
}


def law_figures(subject: Subject) -> list[Figure]:
    """Measure the largest error of each part of the law, and the answer to a flat record."""
    errors = np.max(
        [list(_errors(subject, part)) for part in torch.split(subject.prepared, BATCH)], axis=0
    )
    figures = [
        Figure(
            name=name,
            meaning=meaning,
            values={EVIDENCE: Estimate(value=float(error))} if np.isfinite(error) else {},
            goal=EXACT,
            records=len(subject.prepared),
            note="" if np.isfinite(error) else MIXED,
        )
        for (name, meaning), error in zip(_MEANINGS.items(), errors, strict=True)
    ]
    return [*figures, *_flat_record(subject)]


def _errors(subject: Subject, prepared: Tensor) -> Iterator[float]:
    """Yield the largest errors of _MEANINGS; NaN where the model mixes leads."""
    network = subject.network
    with torch.inference_mode():
        output = network.forward_preprocessed(prepared)
        logits = network.logits(prepared)  # from the averaged features, without the map
        sums = output.evidence.double().mean(dim=-1) + network.bias()
        yield float((sums - logits).abs().max())
        if output.lead_evidence is None:
            yield from (np.nan, np.nan)
            return
        by_lead = output.lead_evidence.double()
        yield float((by_lead.sum(dim=2) - output.evidence).abs().max())
        silent = []
        for lead in range(prepared.shape[1]):
            silenced = prepared.clone()
            silenced[:, lead] = 0
            change = logits - network.logits(silenced)
            silent.append(float((change - by_lead[:, :, lead].mean(dim=-1)).abs().max()))
        yield max(silent)


def _flat_record(subject: Subject) -> Iterator[Figure]:
    with torch.inference_mode():
        probabilities = subject.network.bias().sigmoid().tolist()
    for name, probability in zip(subject.classes, probabilities, strict=True):
        yield Figure(
            name="flat record",
            meaning="Probability of the class for a record without any signal.",
            subject=name,
            values={EVIDENCE: Estimate(value=probability)},
            goal=FLAT_GOAL,
        )
