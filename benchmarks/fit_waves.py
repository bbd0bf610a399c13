"""Fit the network of ecgcam/signals/wave_network.py: python -m benchmarks.fit_waves LUDB OUT

Trains on the marks of LUDB's records 1 to 120. Writes OUT/wave_weights.npz, fitted on all of them,
and OUT/without-0.npz to without-4.npz, each fitted without every fifth record (those whose number
modulo 5 is in the name), so that benchmarks/delineation.py can measure on records that the weights
have not seen. With --parts 5 only some are fitted: 5 is the one on all records.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate, log_softmax, relu

from benchmarks.ludb import RECORDS, Marks, ludb_ecg
from ecgcam.signals.resampling import resample
from ecgcam.signals.wave_network import MIDDLE, OUTPUTS, RATE_HZ, prepare_leads

SAMPLES = 1000
FOLDS = 5
BATCH, PEAK_RATE, WEIGHT_DECAY = 8, 0.006, 0.01  # records in a batch
WIDTHS = {
    "encode_1": (1, 12, 7),
    "encode_2": (12, 16, 5),
    "encode_4": (16, 24, 5),
    "encode_8": (24, 32, 5),
    **dict.fromkeys(MIDDLE, (32, 32, 7)),
    "decode_4": (32, 24, 3),
    "decode_2": (24, 16, 3),
    "decode_1": (16, 12, 3),
    "output": (12, len(OUTPUTS), 5),
}


class WaveNetwork(nn.Module):
    """The network of wave_network.py in torch: (leads, time) to (leads, outputs, time)."""

    def __init__(self) -> None:
        super().__init__()
        for name, (inputs, outputs, width) in WIDTHS.items():
            stride = 2 if name in ("encode_2", "encode_4", "encode_8") else 1
            conv = nn.Conv1d(inputs, outputs, width, stride=stride, padding=width // 2)
            self.add_module(name, conv)

    def forward(self, leads: Tensor) -> Tensor:
        layers = dict(self.named_children())
        full = relu(layers["encode_1"](leads[:, None]))
        half = relu(layers["encode_2"](full))
        quarter = relu(layers["encode_4"](half))
        middle = relu(layers["encode_8"](quarter))
        for name in MIDDLE:
            middle = middle + relu(layers[name](middle))
        for name, skipped in (("decode_4", quarter), ("decode_2", half), ("decode_1", full)):
            middle = skipped + relu(layers[name](interpolate(middle, scale_factor=2.0)))
        return layers["output"](middle)


def main(
    ludb: Path,
    out: Path,
    epochs: int = 60,
    parts: Annotated[list[int] | None, typer.Option()] = None,
) -> None:
    """Fit the weights with and without each fifth of the records."""
    signals, targets, known = load_all(ludb)
    numbers = np.array(RECORDS)
    out.mkdir(parents=True, exist_ok=True)
    for part in parts or range(FOLDS + 1):
        used = torch.from_numpy(np.flatnonzero(numbers % FOLDS != part))
        network = fit(signals[used], targets[used], known[used], epochs=epochs, seed=part)
        name = "wave_weights.npz" if part == FOLDS else f"without-{part}.npz"
        weights = {key: value.half().numpy() for key, value in network.state_dict().items()}
        np.savez_compressed(out / name, **weights)
        typer.echo(out / name)


def load_all(ludb: Path) -> tuple[Tensor, Tensor, Tensor]:
    """Return the signals (records, leads, time), targets (…, outputs, time) and what is marked."""
    signals, targets, known = [], [], []
    for number in RECORDS:
        record, marks = ludb_ecg(ludb, number)
        prepared, _ = prepare_leads(resample(record, RATE_HZ).signal_mv[:, :SAMPLES])
        signals.append(prepared)
        targets.append(np.stack([target_of(lead) for lead in marks]))
        known.append(np.stack([marked_part(lead) for lead in marks]))
    return tuple(torch.from_numpy(np.stack(each)).float() for each in (signals, targets, known))


def target_of(marks: Marks) -> NDArray[np.float64]:
    """Return what fraction of each sample is of each of OUTPUTS: (outputs, time)."""
    target = np.zeros((len(OUTPUTS), SAMPLES))
    starts = np.arange(SAMPLES) - 0.5  # a sample stands for half a step before and after it
    for k, wave in enumerate(OUTPUTS[1:], 1):
        for onset, offset in marks[wave] * RATE_HZ:
            inside = np.minimum(starts + 1, offset) - np.maximum(starts, onset)
            target[k] += inside.clip(0, 1)
    target[1:] = target[1:].clip(0, 1)
    target[0] = 1 - target[1:].sum(axis=0).clip(0, 1)
    return target


def marked_part(marks: Marks) -> NDArray[np.bool_]:
    """Return whether each sample lies between the first and the last mark of its lead."""
    known = np.zeros(SAMPLES, bool)
    times = np.concatenate([pairs.ravel() for pairs in marks.values()]) * RATE_HZ
    if times.size:
        known[int(times.min()) : int(times.max()) + 1] = True
    return known


def fit(signals: Tensor, targets: Tensor, known: Tensor, *, epochs: int, seed: int) -> WaveNetwork:
    """Train on records, with a learning rate that rises and falls once."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = WaveNetwork()
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(signals) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    for epoch in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(signals), generator=generator).split(BATCH):
            changed = augment(signals[batch], targets[batch], known[batch], generator)
            loss = loss_of(network, *changed, generator=generator)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        typer.echo(f"epoch {epoch}: loss {total / len(signals):.4f}", err=True)
    return network.eval()


def augment(
    signals: Tensor, targets: Tensor, known: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Stretch time by up to 25 %, and add noise and wander of random size to each lead."""
    records, leads, samples = signals.shape
    stretch = 0.8 + 0.45 * float(torch.rand(1, generator=generator))
    kept = min(samples, round(samples / stretch) // 8 * 8)
    first = int(torch.randint(samples - kept + 1, (1,), generator=generator))
    length = round(kept * stretch) // 8 * 8
    joined = torch.cat([signals[:, :, None], targets, known[:, :, None]], dim=2)
    joined = joined[..., first : first + kept].flatten(0, 1)
    joined = interpolate(joined, size=length, mode="linear").unflatten(0, (records, leads))
    size = 0.15 * torch.rand(records, leads, 1, generator=generator) ** 3
    noise = size * torch.randn(records, leads, length, generator=generator)
    phase, speed = torch.rand(2, records, leads, 1, generator=generator)
    time = torch.arange(length) / RATE_HZ
    wander = 2 * size * torch.sin(6.28 * (phase + 0.5 * speed * time))
    sign = 1 - 2 * (torch.rand(records, leads, 1, generator=generator) < 0.2).float()
    return sign * joined[:, :, 0] + noise + wander, joined[:, :, 1:-1], joined[:, :, -1]


def loss_of(
    network: WaveNetwork,
    signals: Tensor,
    targets: Tensor,
    known: Tensor,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Return the cross-entropy of each lead, plus that of the mean logits of some of the leads."""
    logits = network(signals.flatten(0, 1)).unflatten(0, signals.shape[:2])
    by_lead = cross_entropy(logits, targets, known)
    chosen = torch.rand(signals.shape[1], generator=generator) < 0.7
    if not chosen.any():
        return by_lead
    weight = known[:, chosen, None]
    mean_target = (targets[:, chosen] * weight).sum(1) / weight.sum(1).clamp(min=1e-6)
    most = known[:, chosen].mean(dim=1)
    return by_lead + cross_entropy(logits[:, chosen].mean(dim=1), mean_target, most)


def cross_entropy(logits: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """Return the mean cross-entropy over (…, outputs, time), weighted by (…, time)."""
    losses = -(targets * log_softmax(logits, dim=-2)).sum(dim=-2)
    return (losses * weight).sum() / weight.sum().clamp(min=1.0)


if __name__ == "__main__":
    typer.run(main)
