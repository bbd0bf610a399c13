"""How much faster a training step is in the layout of backbones.as_image.

    python benchmarks/layout.py

The paper's network with batches of 128, against the same network of one-dimensional layers. Steps
alternate, medians are printed, and that both give the same logits.
"""

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ecgcam.network import Network, NetworkConfig

ROUNDS = 30


class Plain(nn.Module):
    """The paper's network as one would write it: one-dimensional layers."""

    def __init__(self, like: Network) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        blocks = [*like.backbone.blocks, like.backbone.last]
        for block in blocks:
            twin = nn.Conv1d(
                block.conv.in_channels,
                block.conv.out_channels,
                block.conv.kernel_size[1],
                padding=block.conv.padding[1],
            )
            twin.load_state_dict({"weight": block.conv.weight.squeeze(2), "bias": block.conv.bias})
            layers += [twin, nn.BatchNorm1d(twin.out_channels), nn.LeakyReLU(0.1)]
            if block is not blocks[-1]:
                layers.append(nn.MaxPool1d(2))
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(like.head.in_features, like.head.out_features)
        self.head.load_state_dict(like.head.state_dict())

    def forward(self, prepared: Tensor) -> Tensor:
        return self.head(self.layers(prepared).mean(dim=-1))


def step(logits: Callable[[Tensor], Tensor], module: nn.Module) -> Callable[[], float]:
    """A function that takes one training step and says how long it took, in seconds."""
    optimizer = torch.optim.Adam(module.parameters(), 5e-4)
    prepared, targets = torch.randn(128, 12, 1000), torch.rand(128, 1).round()

    def run() -> float:
        start = time.perf_counter()
        loss = binary_cross_entropy_with_logits(logits(prepared), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return time.perf_counter() - start

    return run


def main() -> str:
    """Both networks in turn; what came of it, in a few lines."""
    torch.manual_seed(0)
    ours = Network(NetworkConfig(classes=1))
    plain = Plain(ours)
    signal = torch.randn(8, 12, 1000)
    with torch.no_grad():
        off = float((ours.logits(signal) - plain(signal)).abs().max())
    steps = {"one-dimensional": step(plain, plain), "as_image": step(ours.logits, ours)}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(ROUNDS + 3):
        for name, run in steps.items():
            if round_ >= 3:  # the first warm up
                times[name].append(run())
            else:
                run()
    median = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = median["one-dimensional"] / median["as_image"]
    lines = [f"{name}: {1000 * taken:.1f} ms a step" for name, taken in median.items()]
    return "\n".join([*lines, f"{ratio:.2f} times as fast; logits differ by {off:.1e}"])


if __name__ == "__main__":
    import sys

    sys.stdout.write(main() + "\n")
