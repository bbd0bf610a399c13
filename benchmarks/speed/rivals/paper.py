"""The paper's preprocessing and augmentation: a library call or a loop for each record and lead.

"Lightweight Data-driven ECG Classification Approach with Explainable CAM Output", EMBC 2025.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

ORDER = 10


def read_records(stems: Sequence[str]) -> Iterator[NDArray[np.float64]]:
    """Yield each record (time, leads) in mV, by wfdb."""
    import wfdb

    for stem in stems:
        signal, _ = wfdb.rdsamp(stem)
        yield signal


def prepare_record(signal_mv: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Detrend each lead of (leads, time), subtract its median and divide by its largest value."""
    time = np.arange(signal_mv.shape[1])
    prepared = np.zeros(signal_mv.shape, np.float32)
    for lead in range(len(signal_mv)):
        fit = np.polyfit(time, signal_mv[lead], ORDER)
        detrended = signal_mv[lead] - np.polyval(fit, time)
        centred = detrended - np.median(detrended)
        peak = np.max(np.abs(centred))
        if peak > 0:
            prepared[lead] = centred / peak
    return prepared


def paper_augmentation() -> Any:
    """Return shift, scale, noise, and mains or respiration, as transforms of ecgmentations."""
    import ecgmentations as steps

    return steps.Sequential(
        [
            steps.TimeShift(shift_limit=0.03, p=0.5),
            steps.AmplitudeScale(scaling_range=(-0.2, 0.2), p=0.5),
            steps.GaussNoise(variance=0.001, p=0.5),
            steps.OneOf(
                [
                    steps.PowerlineNoise(
                        ecg_frequency=100.0, powerline_frequency=50.0, amplitude_limit=0.2, p=0.5
                    ),
                    steps.RespirationNoise(ecg_frequency=100.0, amplitude_limit=0.2, p=0.5),
                ],
                p=0.5,
            ),
        ]
    )
