"""How much of the evidence of a network of two scales comes from the longer one, by class."""

from typing import Any

import torch
from torch import Tensor

from ecgcam.data.store import LabelledRecords, Store
from ecgcam.nn.complexity import receptive_field
from ecgcam.nn.local import Local
from ecgcam.nn.network import Network, evaluating

BATCH = 128


def two_scales(network: Network, store: Store, records: LabelledRecords) -> dict[str, Any] | None:
    """Return what each scale sees, in seconds, and the longer one's part of each class.

    The part is a mean over the records that have the class: of the absolute values of what both
    scales add to its logit, the fraction of the longer one; None where no record has it. Returns
    None for a network of one scale.
    """
    backbone = network.backbone
    if not isinstance(backbone, Local) or backbone.rhythm is None:
        return None
    shorter, longer = _added(network, store, records, backbone.rhythm.width)
    present = torch.from_numpy(records.targets) > 0
    parts = []
    for k, has in enumerate(present.T):
        both = (shorter[has, k].abs() + longer[has, k].abs()).sum()
        parts.append(float(longer[has, k].abs().sum() / both) if has.any() else None)
    rate_hz = network.config.rate_hz
    return {
        "sees_s": [backbone.field / rate_hz, receptive_field(network) / rate_hz],
        "longer": [None if part is None else round(part, 3) for part in parts],
    }


def _added(
    network: Network, store: Store, records: LabelledRecords, width: int
) -> tuple[Tensor, Tensor]:
    """Return what the shorter and the longer scale add to the logits, (records, classes) each."""
    weight = network.head.weight.detach()
    added = []
    with evaluating(network):
        zeros = torch.zeros(1, len(network.config.leads), network.config.samples)
        flat = network.mean_features(zeros)
        for at in range(0, len(records.indices), BATCH):
            signal_mv = torch.from_numpy(store.signals_mv(records.indices[at : at + BATCH]))
            added.append(network.mean_features(network.preprocess(signal_mv)) - flat)
    features = torch.cat(added)
    return features[:, :-width] @ weight[:, :-width].T, features[:, -width:] @ weight[:, -width:].T
