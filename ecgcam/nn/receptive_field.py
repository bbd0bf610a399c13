"""How much of a signal a frame of a network sees, found by trying, whatever the backbone is."""

from bisect import bisect_left

import torch

from .network import Network, evaluating


def receptive_field(network: Network) -> int:
    """From the first to the last sample of the prepared signal that the middle frame depends on.

    A sample that is no number makes each frame that sees it no number, whatever the weights are:
    the smallest number of samples from the start, and from the end, that does so is searched for.
    What preprocessing sees, the whole window, is not counted. A frame near an edge sees less.
    """
    config = network.config
    device = network.head.weight.device
    prepared = torch.zeros(1, len(config.leads), config.samples, device=device)

    def seen(first: int, last: int) -> bool:
        spoiled = prepared.clone()
        spoiled[..., first:last] = torch.nan
        features = network.backbone(spoiled)
        return bool(features[..., features.shape[-1] // 2].isnan().any())

    with evaluating(network):
        samples = config.samples
        before = bisect_left(range(samples), True, key=lambda count: seen(0, count))
        after = bisect_left(range(samples), True, key=lambda count: seen(samples - count, samples))
    return samples - (before - 1) - (after - 1)
