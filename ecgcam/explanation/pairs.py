"""Pairs: does the map change where the ECG changes, when a synthetic heart gets a disorder?

The same synthetic heart, with the same noise, is drawn with and without the disorder
(data/synthetic). The change of the evidence should be largest where the ECG changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..data.synthetic.diagnoses import DISORDERS, NORMAL
from ..data.synthetic.ecg import synthetic_ecg
from ..nn.complexity import frames_of
from ..nn.frames import SampleGrid, mean_in_frames
from ..nn.fuse import fuse_norms
from ..nn.network import Network, NetworkConfig

CHANGED = 0.2  # of the largest change in any lead: a sample that changes by more has changed


@dataclass(frozen=True, kw_only=True)
class Pointing:
    """How often the largest change of the evidence lies where the ECG changes.

    pairs: number of hearts; hits: fraction; chance: mean fraction of the frames with a change.
    """

    pairs: int
    hits: float
    chance: float


def pointing_on_pairs(
    network: Network, k: int, *, codes: Sequence[str] = tuple(DISORDERS), hearts: int = 10
) -> Pointing:
    """Measure the pointing of class k on `hearts` hearts for each disorder.

    The evidence counts in the direction in which the logit moves. A frame has a change if the ECG
    changes within the time that the frame stands for.
    """
    network = fuse_norms(network)
    rate_hz, frames = network.config.rate_hz, frames_of(network)
    grid = SampleGrid(frames["first_s"] * rate_hz, frames["step_s"] * rate_hz)
    hits, fractions = [], []
    for code in codes:
        for heart in range(hearts):
            signals = draw_pair(heart, code, network.config)
            with torch.inference_mode():
                logits, evidence, _ = network(signals)
            change = (evidence[1] - evidence[0])[k] * (logits[1] - logits[0])[k].sign()
            difference = (signals[1] - signals[0]).abs().amax(dim=0)
            changed = (difference >= CHANGED * difference.max()).float()
            has_change = mean_in_frames(changed, grid, frames=frames["count"]) > 0
            hits.append(bool(has_change[change.argmax()]))
            fractions.append(float(has_change.float().mean()))
    return Pointing(pairs=len(hits), hits=float(np.mean(hits)), chance=float(np.mean(fractions)))


def draw_pair(heart: int, code: str, config: NetworkConfig) -> Tensor:
    """Draw a heart in health and with a disorder as a network's input: (2, leads, time) in mV."""
    seed = [heart, list(DISORDERS).index(code)]
    ecgs = [
        synthetic_ecg(
            np.random.default_rng(seed), [statement],
            rate_hz=config.rate_hz, duration_s=config.duration_s,
        ).record.with_leads(config.leads)
        for statement in (NORMAL, code)
    ]  # fmt: skip
    return torch.from_numpy(np.stack([ecg.signal_mv for ecg in ecgs]))
