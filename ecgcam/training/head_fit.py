"""Head fit: the last layer of a trained network, fitted anew to the labels themselves.

With all other layers as they are, the rest of the problem is convex, and L-BFGS finds its minimum:

    classification loss, half of it on the training records as recorded, half on disturbed ones
    + the additivity loss, with the settings of training
    + ridge · mean over classes of the squared distance from the trained head

in features scaled to a standard deviation of 1. Teachers have no part in it: they are better at
teaching features than at drawing the line between classes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..data.store import LabelledRecords, Store
from ..nn.fuse import fuse_norms
from ..nn.network import Network
from ..processes import Progress
from ..signals.leads import lead_order
from .additivity import AdditivityLoss, additivity_gap
from .augment import make_augmentation
from .classification_loss import ClassificationLoss
from .config import TrainConfig

_BLOCK = 64  # records at a time
_STEPS = 500  # at most, of L-BFGS


@dataclass(frozen=True, kw_only=True, eq=False)
class HeadInputs:
    """The inputs of a head, from the training records: features, averaged over time.

    recorded, disturbed: (records, channels), of the records as recorded and disturbed.
    gap:                 (records, channels), of `additivity_gap`; (0, channels) if additive
                         training is off.
    flat:                (1, channels), of a flat record.
    """

    recorded: Tensor
    disturbed: Tensor
    gap: Tensor
    flat: Tensor


def fit_head(
    network: Network,
    store: Store,
    records: LabelledRecords,
    config: TrainConfig,
    *,
    loss: ClassificationLoss,
    additivity: AdditivityLoss | None,
    progress: Progress | None = None,
) -> None:
    """Fit the head of a network to the labels of these records, in place."""
    inputs = head_inputs(network, store, records, config, additivity=additivity, progress=progress)
    targets = torch.from_numpy(records.targets)
    weight, bias = minimize(
        network.head.weight.detach(), network.head.bias.detach(), inputs, targets,
        loss=loss, additivity=additivity, ridge=config.head.ridge,
    )  # fmt: skip
    with torch.no_grad():
        network.head.weight.copy_(weight)
        network.head.bias.copy_(bias)


def head_inputs(
    network: Network,
    store: Store,
    records: LabelledRecords,
    config: TrainConfig,
    *,
    additivity: AdditivityLoss | None,
    progress: Progress | None = None,
) -> HeadInputs:
    """Compute what the head sees of the records: recorded, disturbed and masked."""
    fused = fuse_norms(network)
    disturb = make_augmentation(config.disturbances, rate_hz=network.config.rate_hz)
    generator = torch.Generator().manual_seed(config.seed)
    if additivity is not None:
        additivity = replace(additivity, settings=replace(additivity.settings, fraction=1.0))
    blocks: list[tuple[Tensor, ...]] = []
    with torch.inference_mode():
        shape = (1, len(network.config.leads), network.config.samples)
        flat = fused.backbone(torch.zeros(shape))
        for prepared in _prepared(fused, store, records):
            whole = fused.backbone(prepared)
            gap = whole.new_zeros(0, whole.shape[1])
            if additivity is not None:
                masks = additivity.masks(prepared.shape, fused, generator)
                gap = additivity_gap(fused, whole, fused.backbone(prepared * masks), flat, masks)
            disturbed = disturb.apply_(prepared, generator=generator)  # the block is not used again
            blocks.append((whole.mean(dim=-1), fused.mean_features(disturbed), gap))
            if progress:
                progress(min(len(blocks) * _BLOCK, len(records.indices)), len(records.indices))
    recorded, disturbed, gap = map(torch.cat, zip(*blocks, strict=True))
    return HeadInputs(recorded=recorded, disturbed=disturbed, gap=gap, flat=flat.mean(dim=-1))


def minimize(
    weight: Tensor,
    bias: Tensor,
    inputs: HeadInputs,
    targets: Tensor,
    *,
    loss: ClassificationLoss,
    additivity: AdditivityLoss | None,
    ridge: float,
) -> tuple[Tensor, Tensor]:
    """Return the weight (classes, channels) and the bias (classes,) of the best head.

    weight, bias: of the trained head. targets: (records, classes), NaN where unknown.
    """
    recorded, disturbed, gap, flat = (
        part.double() for part in (inputs.recorded, inputs.disturbed, inputs.gap, inputs.flat)
    )
    center, scale = recorded.mean(dim=0), recorded.std(dim=0).clamp(min=1e-6)
    views = [(recorded - center) / scale, (disturbed - center) / scale]
    flat = (flat - center) / scale
    gap = gap / scale
    targets, start = targets.double(), weight.double() * scale
    fitted = start.clone().requires_grad_()
    offset = (bias.double() + weight.double() @ center).requires_grad_()
    optimizer: torch.optim.Optimizer = torch.optim.LBFGS(
        [fitted, offset], max_iter=_STEPS, line_search_fn="strong_wolfe", tolerance_change=1e-10
    )

    def closure() -> float:
        optimizer.zero_grad()
        total = sum(loss(view @ fitted.T + offset, targets) for view in views) / len(views)
        if additivity is not None:
            total = total + additivity.of_head(fitted, offset, gap, flat)
        total = total + ridge * (fitted - start).square().sum(dim=1).mean()
        torch.autograd.backward(total)
        return float(total.detach())

    optimizer.step(closure)
    weight = fitted.detach() / scale
    return weight, offset.detach() - weight @ center


def _prepared(network: Network, store: Store, records: LabelledRecords) -> Iterator[Tensor]:
    """Yield blocks of preprocessed records (block, leads, time)."""
    rows = lead_order(store.leads, network.config.leads)
    for start in range(0, len(records.indices), _BLOCK):
        signals_mv = store.signals_mv(records.indices[start : start + _BLOCK])[:, rows]
        yield network.preprocess(torch.from_numpy(signals_mv))
