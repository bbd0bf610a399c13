"""Measured labels: what can be measured of a training record, learned beside its diagnoses.

Diagnoses are one word for a whole record. Whether its RR intervals are irregular, its T waves
inverted in V4, or its QRS complexes wide can be measured in every record, and a network that
learns to tell such records apart finds features that rare diagnoses need. For each measure of
signals/beat_measures.py there are four labels: among the lowest 5 % and 20 % of the training
records, and among the highest 20 % and 5 %.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store, open_store
from ..processes import Progress, available_cores, parallel_map
from ..signals.beat_measures import (
    AMPLITUDES,
    INTERVALS,
    RHYTHM,
    amplitude_measures,
    interval_measures,
    mean_beat_measures,
    rhythm_measures,
)
from ..signals.record import Record
from ..signals.waves import find_waves

FRACTIONS = (0.05, 0.2, 0.8, 0.95)
RECORD_COUNTS = (len(RHYTHM), len(INTERVALS))  # measures of the kinds that are not by lead
_BLOCK = 128  # records that a process measures at once


def measured_labels(
    store: Store, indices: NDArray[np.int64], *, progress: Progress | None = None
) -> list[NDArray[np.float32]]:
    """Return the measured labels of these records, (records, labels) for each kind.

    The kinds are rhythm, intervals, amplitudes and the mean beat. What was not measured in a
    record has as its target how frequent the label is among the others.
    """
    measures = measure_records(store, indices, progress=progress)
    sizes = (*RECORD_COUNTS, len(AMPLITUDES) * len(store.leads))
    return [_labels(of_kind) for of_kind in np.split(measures, np.cumsum(sizes), axis=1)]


def measure_records(
    store: Store, indices: NDArray[np.int64], *, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Return the measures of these records, (records, measures), NaN where not measured.

    PTB-XL takes three minutes on two cores.
    """
    blocks = [indices[at : at + _BLOCK] for at in range(0, len(indices), _BLOCK)]
    jobs = min(available_cores(), len(blocks))
    measures: list[NDArray[np.float64]] = []
    for block in parallel_map(partial(_measure_block, store.folder), blocks, jobs=jobs):
        measures.append(block)
        if progress:
            progress(min(_BLOCK * len(measures), len(indices)), len(indices))
    return np.concatenate(measures)


def _measure_block(folder: Path, indices: NDArray[np.int64]) -> NDArray[np.float64]:
    store = open_store(folder)
    return np.stack([_measures(store.record(index)) for index in indices.tolist()])


def _measures(record: Record) -> NDArray[np.float64]:
    waves = find_waves(record)
    kinds = (
        rhythm_measures(record, waves),
        interval_measures(record, waves),
        amplitude_measures(record, waves),
        mean_beat_measures(record, waves),
    )
    return np.concatenate([measures.ravel() for measures in kinds])


def _labels(measures: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return four labels for each measure (records, measures): (records, labels)."""
    return np.concatenate(list(_by_fraction(measures)), axis=1)


def _by_fraction(measures: NDArray[np.float64]) -> Iterator[NDArray[np.float32]]:
    known = np.isfinite(measures)
    limits = np.nanquantile(np.where(known.any(axis=0), measures, 0.0), FRACTIONS, axis=0)
    for fraction, limit in zip(FRACTIONS, limits, strict=True):
        present = measures < limit if fraction < 0.5 else measures > limit
        frequency = present.sum(axis=0) / known.sum(axis=0).clip(min=1)
        yield np.where(known, present, frequency).astype(np.float32)
