"""Long recordings: samples that stay in their file until a part is asked for in mV."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

LONG = 20_000_000  # samples of all leads (80 MB), from which on they stay in the file
BLOCK = 1_000_000  # samples of a lead read at once

Rows = slice | Sequence[int] | NDArray[np.integer]


@dataclass(frozen=True, kw_only=True)
class StoredSamples:
    """Whole numbers in a file, in blocks: some samples of a channel, then those of the next one.

    dtype: of a sample, such as "<i2". offset: bytes before the first block.
    block: 1 where one sample of every channel follows the other. other_bytes: at a block's end.
    """

    path: Path
    dtype: str
    channels: int
    time: int
    offset: int = 0
    block: int = 1
    other_bytes: int = 0

    def read(self, start: int, stop: int) -> NDArray[np.integer]:
        """Read the samples from `start` to before `stop`: (channels, time)."""
        size = self.channels * self.block * np.dtype(self.dtype).itemsize
        first, last = start // self.block, -(-max(start, stop) // self.block)
        width = size + self.other_bytes
        data = np.fromfile(
            self.path, np.uint8, (last - first) * width, offset=self.offset + first * width
        )
        samples = np.ascontiguousarray(data.reshape(-1, width)[:, :size]).view(self.dtype)
        rows = samples.reshape(-1, self.channels, self.block).swapaxes(0, 1)
        skipped = start - first * self.block
        return rows.reshape(self.channels, -1)[:, skipped : skipped + max(stop - start, 0)]

    def contains(self, value: int) -> bool:
        """Return whether a sample has this value, such as one that means it is missing."""
        starts = range(0, self.time, BLOCK)
        return any((self.read(k, min(k + BLOCK, self.time)) == value).any() for k in starts)


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredChannel:
    """One channel of stored samples in its unit: like an array (time,); `np.asarray` reads it.

    channel: its index. scale, offset: sample * scale + offset is in its unit.
    """

    source: StoredSamples
    channel: int
    scale: float
    offset: float

    @property
    def size(self) -> int:
        """Number of samples."""
        return self.source.time

    def __len__(self) -> int:
        return self.source.time

    def __mul__(self, factor: float) -> "StoredChannel":
        return replace(self, scale=self.scale * factor, offset=self.offset * factor)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        (row,) = np.asarray(join_channels([self]), dtype)
        return np.asarray(row)


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredSignal:
    """Leads in mV that are computed from stored samples: like an array (leads, time), float32.

    Slices and selections of rows are StoredSignals, too; `np.asarray` reads them.
    weights:   (leads, channels), in mV for each unit of a channel.
    offset_mv: (leads,).
    start, stop: the part of the stored samples.
    """

    source: StoredSamples
    weights: NDArray[np.float64]
    offset_mv: NDArray[np.float64]
    start: int
    stop: int

    ndim = 2
    dtype = np.dtype(np.float32)

    @property
    def shape(self) -> tuple[int, int]:
        """Leads and samples."""
        return len(self.weights), self.stop - self.start

    @property
    def size(self) -> int:
        """Number of samples in all leads."""
        return self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return len(self.weights)

    def __getitem__(self, key: Rows | tuple[Rows, slice]) -> "StoredSignal":
        rows, times = key if isinstance(key, tuple) else (key, slice(None))
        first, last, step = times.indices(self.stop - self.start)
        if step != 1:
            raise IndexError(f"a stored signal is read sample by sample, got a step of {step}")
        return replace(
            self,
            weights=self.weights[rows],
            offset_mv=self.offset_mv[rows],
            start=self.start + first,
            stop=self.start + max(first, last),
        )

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        signal = np.empty(self.shape, np.float32)
        for first in range(self.start, self.stop, BLOCK):
            last = min(first + BLOCK, self.stop)
            samples = self.source.read(first, last).astype(np.float64)
            block = self.weights @ samples + self.offset_mv[:, None]
            signal[:, first - self.start : last - self.start] = block
        return signal if dtype is None else signal.astype(dtype, copy=False)

    def combine(self, weights: NDArray[np.float64]) -> "StoredSignal":
        """Return sums of the leads, weighted by (new leads, leads)."""
        return replace(self, weights=weights @ self.weights, offset_mv=weights @ self.offset_mv)

    def min(self) -> float:
        """Return the smallest value."""
        return float(extremes(as_signal(self))[:, 0].min())

    def max(self) -> float:
        """Return the largest value."""
        return float(extremes(as_signal(self))[:, 1].max())


def join_channels(channels: Sequence[StoredChannel]) -> StoredSignal:
    """Return the channels of one file as leads, in this order."""
    source = channels[0].source
    weights = np.zeros((len(channels), source.channels))
    for row, channel in zip(weights, channels, strict=True):
        row[channel.channel] = channel.scale
    offsets = np.array([channel.offset for channel in channels])
    return StoredSignal(
        source=source, weights=weights, offset_mv=offsets, start=0, stop=source.time
    )


Signal = NDArray[np.float32]  # or a StoredSignal, which the functions below take as well


def as_signal(stored: StoredSignal) -> Signal:
    """Return a stored signal under the type of the arrays that it stands for."""
    return cast(Signal, stored)


def as_row(stored: StoredChannel) -> NDArray[np.floating]:
    """Return a stored channel under the type of the arrays that it stands for."""
    return cast("NDArray[np.floating]", stored)


def blocks(signal: Signal) -> Iterator[NDArray[np.float32]]:
    """Yield consecutive parts of (leads, time), read from the file one by one."""
    if not isinstance(signal, StoredSignal):
        yield signal
        return
    for start in range(0, signal.shape[1], BLOCK):
        yield np.asarray(signal[:, start : start + BLOCK])


def extremes(signal: Signal) -> NDArray[np.float32]:
    """Return the smallest and the largest value of each lead: (leads, 2)."""
    parts = [(block.min(axis=1), block.max(axis=1)) for block in blocks(signal)]
    lowest, highest = zip(*parts, strict=True)
    return np.stack([np.min(lowest, axis=0), np.max(highest, axis=0)], axis=1)


def load_if_short(signal: Signal) -> Signal:
    """Read a stored signal unless it is long."""
    return np.asarray(signal) if signal.size < LONG else signal


def append_sums(signal: Signal, weights: NDArray[np.float64], rows: Sequence[int]) -> Signal:
    """Return the leads, and sums of those in `rows`, weighted by (new leads, rows)."""
    if isinstance(signal, StoredSignal):
        sums = np.zeros((len(weights), len(signal)))
        sums[:, rows] = weights
        return as_signal(signal.combine(np.concatenate([np.eye(len(signal)), sums])))
    return np.concatenate([signal, weights.astype(np.float32) @ signal[rows]])


def turn_over(signal: Signal, row: int) -> Signal:
    """Return the leads with one of them upside down."""
    signs = np.ones(len(signal), np.float32)
    signs[row] = -1
    if isinstance(signal, StoredSignal):
        return as_signal(signal.combine(np.diag(signs)))
    return signal * signs[:, None]
