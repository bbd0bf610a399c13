"""Export of a model to ONNX, kept only if it gives torch's results."""

import json
from functools import partial
from pathlib import Path

import numpy as np

from ..errors import ModelError
from ..files import atomic_write, sha256
from .classifier import to_probabilities
from .engine import Array, run_in_batches
from .modelfile import card_text, load_network, model_name
from .onnx_engine import BIAS, CARD, NAME, SOURCE, OnnxEngine
from .torch_engine import TorchEngine
from .zoo import find_model

RECORDS = 512
PROBABILITY_TOLERANCE, EVIDENCE_TOLERANCE = 1e-5, 1e-4


def export(model: str | Path, out: Path) -> Path:
    """Write a model as an ONNX file and return its path.

    model: a model file, or the name of a shipped model. The file is written only if it gives
    torch's results on 512 signals. Raises ModelError if it does not, or if the model's backbone
    is not one of ecgcam's.
    """
    from .onnx_graph import to_onnx

    path = find_model(model)
    network, card = load_network(path)
    bias = network.bias().detach().numpy()
    metadata = {
        CARD: card_text(card, path),
        NAME: model_name(path),
        SOURCE: sha256(path),
        BIAS: json.dumps(bias.tolist()),
    }
    content = to_onnx(network, card, metadata=metadata).SerializeToString()
    config = network.config
    signal_mv = comparison_signals(leads=len(config.leads), samples=config.samples)
    check_engines(OnnxEngine(content), TorchEngine(network), signal_mv, bias=bias)
    with atomic_write(out) as temporary:
        temporary.write_bytes(content)
    return out


def check_engines(onnx: OnnxEngine, torch: TorchEngine, signal_mv: Array, *, bias: Array) -> None:
    """Raise ModelError if two engines differ, or if the evidence does not add up to the logits.

    signal_mv: (records, leads, samples). Compared are the probability (at most 1e-5 apart) and, at
    most 1e-4 apart, the evidence, its sum, the lead evidence, its sum over leads, and batches of 1
    and 64.
    """
    sigmoid = partial(to_probabilities, temperature=1, exclusive=False)
    expected = run_in_batches(torch, signal_mv, batch=64)
    exported = run_in_batches(onnx, signal_mv, batch=64)
    one_by_one = run_in_batches(onnx, signal_mv[:64], batch=1)
    logits, evidence, by_lead = exported
    differences = {
        "probability": sigmoid(logits) - sigmoid(expected.logits),
        "evidence": evidence - expected.evidence,
        "sum of the evidence": evidence.mean(-1) + bias - logits,
        "logits in batches of 1 and 64": one_by_one.logits - logits[:64],
        "evidence in batches of 1 and 64": one_by_one.evidence - evidence[:64],
    }
    if by_lead is not None and expected.lead_evidence is not None:
        differences["lead evidence"] = by_lead - expected.lead_evidence
        differences["sum over leads"] = by_lead.sum(-2) - evidence
    for name, difference in differences.items():
        allowed = PROBABILITY_TOLERANCE if name == "probability" else EVIDENCE_TOLERANCE
        found = float(np.abs(difference).max())
        if not found <= allowed:  # also if it is NaN
            raise ModelError(
                f"the ONNX export differs from torch: {name} by {found:.2g}, allowed are "
                f"{allowed:.2g}. Nothing was written."
            )


def comparison_signals(*, leads: int, samples: int, records: int = RECORDS) -> Array:
    """Return signals (records, leads, samples) in mV to compare engines on.

    Slow noise and beats of ECG amplitude about an offset; one record in eight has a flat lead.
    Beats are not smaller than the offset: scaling to [-1, 1] divides the rounding errors of
    float32 by them, and engines would differ by more than on any ECG of PTB-XL.
    """
    rng = np.random.default_rng(0)
    signal = rng.normal(0, 0.01, (records, leads, samples)).cumsum(axis=-1)
    signal += rng.normal(0, 0.2, (records, leads, 1))
    beats = np.arange(samples) % rng.integers(50, 120, (records, 1, 1)) < 8
    height_mv = rng.uniform(0.3, 2, (records, leads, 1)) * rng.choice([-1, 1], (records, leads, 1))
    signal += beats * height_mv
    signal[::8, 0] = 0.5
    return signal.astype(np.float32)
