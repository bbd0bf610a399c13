"""Maps of a network's decision for one class: its own evidence, and well-known maps beside it.

A map takes a network with fixed weights, preprocessed signals (records, leads, samples) and the
index of a class. It returns (records, parts, samples): what each sample adds to the logit, by lead
where parts is the number of leads, or for all leads together where it is 1.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, pad

from ..nn.frames import frame_grid, interpolate_frames
from ..nn.network import Network

Attribution = Callable[[Network, Tensor, int], Tensor]

IG_STEPS = 32
OCCLUDED, OCCLUSION_STEP = 40, 8  # samples


def evidence_map(network: Network, prepared: Tensor, k: int) -> Tensor:
    """Return the evidence of the network itself: (records, 1, samples)."""
    with torch.inference_mode():
        evidence = network.forward_preprocessed(prepared).evidence[:, k, None]
    return _stretch(network, evidence, prepared.shape[-1])


def lead_evidence_map(network: Network, prepared: Tensor, k: int) -> Tensor:
    """Return the lead evidence of a network that keeps leads apart: (records, leads, samples)."""
    with torch.inference_mode():
        by_lead = network.forward_preprocessed(prepared).lead_evidence
    if by_lead is None:
        raise ValueError("the network mixes leads; expected one that has lead evidence")
    return _stretch(network, by_lead[:, k], prepared.shape[-1])


def integrated_gradients(network: Network, prepared: Tensor, k: int) -> Tensor:
    """Return integrated gradients from a flat record, in 32 steps: (records, leads, samples).

    Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks".
    """
    total = torch.zeros_like(prepared)
    for step in range(IG_STEPS):
        scaled = (prepared * (step + 0.5) / IG_STEPS).requires_grad_()
        total += _gradient(network, scaled, k)
    return total / IG_STEPS * prepared


def saliency(network: Network, prepared: Tensor, k: int) -> Tensor:
    """Return the size of the gradient: (records, leads, samples). Simonyan et al. 2013."""
    return _gradient(network, prepared.clone().requires_grad_(), k).abs()


def occlusion(network: Network, prepared: Tensor, k: int) -> Tensor:
    """Return how far the logit falls when 0.4 s around a sample are flat: (records, 1, samples).

    The stretch moves by 8 samples; a sample has the mean over all stretches that cover it.
    Zeiler and Fergus 2014.
    """
    records, _, samples = prepared.shape
    falls, covered = prepared.new_zeros(records, samples), prepared.new_zeros(samples)
    with torch.inference_mode():
        whole = network.logits(prepared)[:, k]
        for start in occlusion_starts(samples):
            stretch = slice(max(start, 0), start + OCCLUDED)
            occluded = prepared.clone()
            occluded[..., stretch] = 0
            falls[:, stretch] += (whole - network.logits(occluded)[:, k])[:, None]
            covered[stretch] += 1
    return (falls / covered)[:, None]


def occlusion_starts(samples: int) -> range:
    """Return where the stretches of `occlusion` start; the first ones start before the record."""
    return range(OCCLUSION_STEP - OCCLUDED, samples, OCCLUSION_STEP)


def grad_cam(network: Network, prepared: Tensor, k: int) -> Tensor:
    """Return Grad-CAM of the last features: (records, 1, samples). Selvaraju et al. 2017.

    Behind a head that averages, the gradients are the head's weights, so this is the positive part
    of the map that the published package draws.
    """
    with torch.inference_mode():
        features = network.backbone(prepared)
        cam = torch.relu(torch.einsum("c,bcf->bf", network.head.weight[k], features))
    return _stretch(network, cam[:, None], prepared.shape[-1])


def random_map(seed: int) -> Attribution:
    """Return a map of random numbers: the floor of every measure."""

    def random(network: Network, prepared: Tensor, k: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.rand(len(prepared), 1, prepared.shape[-1], generator=generator)

    return random


def summed_over_leads(attribution: Attribution) -> Attribution:
    """Return a map of moments: the sum of another map over leads."""

    def summed(network: Network, prepared: Tensor, k: int) -> Tensor:
        return attribution(network, prepared, k).sum(dim=1, keepdim=True)

    return summed


MAPS: Mapping[str, Attribution] = {  # over time
    "evidence": evidence_map,
    "integrated gradients": summed_over_leads(integrated_gradients),
    "occlusion": occlusion,
    "saliency": summed_over_leads(saliency),
    "Grad-CAM": grad_cam,
}
LEAD_MAPS: Mapping[str, Attribution] = {  # those of any network that have values by lead
    "integrated gradients": integrated_gradients,
    "saliency": saliency,
}
REFERENCES = ("integrated gradients", "occlusion")  # F compares with these


def window_means(values: Tensor, *, width: int) -> Tensor:
    """Average maps (records, parts, samples) over windows: (records, parts, windows).

    The last window is shorter where the samples are no multiple of the width.
    """
    missing = -values.shape[-1] % width
    return avg_pool1d(pad(values, (0, missing)), width) * _fullness(values, width, missing)


def _fullness(values: Tensor, width: int, missing: int) -> Tensor:
    """Return by how much a window of zeros at the end dilutes the mean: 1 but for the last."""
    factors = values.new_ones((values.shape[-1] + missing) // width)
    factors[-1] = width / (width - missing)
    return factors


def _stretch(network: Network, frames: Tensor, samples: int) -> Tensor:
    grid = frame_grid(network.backbone, samples=samples, frames=frames.shape[-1])
    return interpolate_frames(frames, grid, samples=samples)


def _gradient(network: Network, prepared: Tensor, k: int) -> Tensor:
    logits = network.logits(prepared)[:, k]
    (gradient,) = torch.autograd.grad(logits.sum(), prepared)
    return gradient
