"""How much of the evidence of a network of two scales comes from the longer one, by class."""

from typing import Any

import torch
from torch import Tensor, nn

from ecgcam.data.store import LabelledRecords, Store
from ecgcam.nn.complexity import receptive_field
from ecgcam.nn.ensemble import Ensemble
from ecgcam.nn.local import Local
from ecgcam.nn.network import Network, evaluating

BATCH = 128


def two_scales(network: Network, store: Store, records: LabelledRecords) -> dict[str, Any] | None:
    """Return what each scale sees, in seconds, and the longer one's part of each class.

    The part is a mean over the records that have the class: of the absolute values of what both
    scales add to its logit, the fraction of the longer one; None where no record has it. Returns
    None for a network of one scale.
    """
    nets = _locals(network.backbone)
    if not nets or any(backbone.rhythm is None for backbone in nets):
        return None
    shorter, longer = _added(network, store, records)
    present = torch.from_numpy(records.targets) > 0
    parts = []
    for k, has in enumerate(present.T):
        both = (shorter[has, k].abs() + longer[has, k].abs()).sum()
        parts.append(float(longer[has, k].abs().sum() / both) if has.any() else None)
    fields = (max(backbone.field for backbone in nets), receptive_field(network))
    return {
        "sees_s": [field / network.config.rate_hz for field in fields],
        "longer": [None if part is None else round(part, 3) for part in parts],
    }


def _added(network: Network, store: Store, records: LabelledRecords) -> tuple[Tensor, Tensor]:
    """Return what the shorter and the longer scale add to the logits, (records, classes) each."""
    added = []
    with evaluating(network):
        zeros = torch.zeros(1, len(network.config.leads), network.config.samples)
        flat = network.mean_features(zeros)
        for at in range(0, len(records.indices), BATCH):
            signal_mv = torch.from_numpy(store.signals_mv(records.indices[at : at + BATCH]))
            added.append(network.mean_features(network.preprocess(signal_mv)) - flat)
    features, weight = torch.cat(added), network.head.weight.detach()
    longer = torch.cat([_is_longer(backbone) for backbone in _locals(network.backbone)])
    return features[:, ~longer] @ weight[:, ~longer].T, features[:, longer] @ weight[:, longer].T


def _locals(backbone: nn.Module) -> list[Local]:
    """Return the Local nets of a backbone, side by side; [] if it is anything else."""
    members = list(backbone.members) if isinstance(backbone, Ensemble) else [backbone]
    nets = [member for member in members if isinstance(member, Local)]
    return nets if len(nets) == len(members) else []


def _is_longer(backbone: Local) -> Tensor:
    """Return which channels are those of the longer scale, the last ones: (channels,)."""
    width = 0 if backbone.rhythm is None else backbone.rhythm.width
    return torch.arange(backbone.channels) >= backbone.channels - width
