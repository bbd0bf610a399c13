"""Engine: what runs a network, in torch or onnxruntime, and what it returns."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class EngineOutput(NamedTuple):
    """The answer of an engine to a batch of windows.

    logits:        (batch, classes).
    evidence:      (batch, classes, frames).
    lead_evidence: (batch, classes, leads, frames), whose sum over leads is the evidence; None
                   where the network mixes leads.
    """

    logits: Array
    evidence: Array
    lead_evidence: Array | None = None

    def rows(self, rows: slice) -> "EngineOutput":
        """Return the answer to some of the windows."""
        by_lead = self.lead_evidence
        return EngineOutput(
            logits=self.logits[rows],
            evidence=self.evidence[rows],
            lead_evidence=None if by_lead is None else by_lead[rows],
        )


# An engine maps windows (batch, leads, samples) in mV to its output.
Engine = Callable[[Array], EngineOutput]


def run_batches(engines: Sequence[Engine], batches: Iterable[Array]) -> list[EngineOutput]:
    """Run batches of windows (windows, leads, samples), at least one, in every engine.

    Each batch is made once. Returns the joined output of each engine.
    """
    outputs = [[engine(batch) for engine in engines] for batch in batches]
    return [_join(of_engine) for of_engine in zip(*outputs, strict=True)]


def _join(parts: Sequence[EngineOutput]) -> EngineOutput:
    if len(parts) == 1:
        return parts[0]
    by_lead = [part.lead_evidence for part in parts if part.lead_evidence is not None]
    return EngineOutput(
        logits=np.concatenate([part.logits for part in parts]),
        evidence=np.concatenate([part.evidence for part in parts]),
        lead_evidence=np.concatenate(by_lead) if by_lead else None,
    )


def run_in_batches(engine: Engine, signal_mv: Array, *, batch: int) -> EngineOutput:
    """Run windows (windows, leads, samples), `batch` at a time."""
    starts = range(0, max(len(signal_mv), 1), batch)
    (output,) = run_batches([engine], (signal_mv[start : start + batch] for start in starts))
    return output
