"""Disturbances of real ECGs by a stated amount, each with the finding that should name it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecgcam.evaluation.robustness import SWAPS
from ecgcam.signals.beats import r_peaks
from ecgcam.signals.device_filters import filter_one_way
from ecgcam.signals.electrodes import ELECTRODES, lead_weights
from ecgcam.signals.leads import LEADS
from ecgcam.signals.perturb import add_mains_hum, add_muscle_noise, add_wander, swap_electrodes
from ecgcam.signals.record import Record
from ecgcam.signals.resampling import resample

FINE_HZ = 500.0  # for what 100 samples per second do not show

Signal = NDArray[np.float32]
Apply = Callable[[Record, np.random.Generator], Record]


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """A change of an ECG, and the name of the finding that it should lead to."""

    finding: str
    text: str
    apply: Apply


def flat(record: Record, rng: np.random.Generator) -> Record:
    """Set a lead to 0."""
    return _change_lead(record, rng, lambda lead: np.zeros_like(lead))


def stuck(record: Record, rng: np.random.Generator) -> Record:
    """Hold a lead at one value for 1 s."""

    def hold(lead: Signal) -> Signal:
        start = rng.integers(0, lead.size - 100)
        lead[start : start + 100] = lead[start]
        return lead

    return _change_lead(record, rng, hold)


def saturated(record: Record, rng: np.random.Generator) -> Record:
    """Drive a lead to the rail, 5 mV from its median, for 0.5 s."""

    def drive(lead: Signal) -> Signal:
        start = rng.integers(0, lead.size - 50)
        lead[start : start + 50] = np.median(lead) + rng.choice([-5, 5])
        return lead

    return _change_lead(record, rng, drive)


def clipped(record: Record, rng: np.random.Generator) -> Record:
    """Cut off a lead's peaks at half of its largest excursion."""

    def cut(lead: Signal) -> Signal:
        median = np.median(lead)
        limit = np.abs(lead - median).max() / 2
        return np.clip(lead, median - limit, median + limit)

    return _change_lead(record, rng, cut)


def missing(samples: int) -> Apply:
    """Return a function that marks consecutive samples of a lead as missing."""

    def apply(record: Record, rng: np.random.Generator) -> Record:
        def lose(lead: Signal) -> Signal:
            start = rng.integers(5, lead.size - samples - 5)
            lead[start : start + samples] = np.nan
            return lead

        return _change_lead(record, rng, lose)

    return apply


def mains(amplitude_mv: float) -> Apply:
    """Return a function that adds hum of 50 Hz at each electrode, at 500 samples per second."""

    def apply(record: Record, rng: np.random.Generator) -> Record:
        return _perturb(
            resample(record, FINE_HZ), rng, add_mains_hum, amplitude_mv=amplitude_mv, mains_hz=50
        )

    return apply


def muscle_noise(rms_mv: float) -> Apply:
    """Return a function that adds noise above 20 Hz at each electrode."""
    return lambda record, rng: _perturb(record, rng, add_muscle_noise, rms_mv=rms_mv)


def wander(amplitude_mv: float) -> Apply:
    """Return a function that adds a sine of 0.05 to 0.5 Hz at each electrode."""
    return lambda record, rng: _perturb(record, rng, add_wander, amplitude_mv=amplitude_mv)


def white_noise(record: Record, rng: np.random.Generator) -> Record:
    """Replace the ECG by noise that is as strong at each electrode."""
    size = record.signal_mv.std()
    noise = rng.normal(0, size, (len(ELECTRODES), record.signal_mv.shape[1]))
    return replace(record, signal_mv=lead_weights(record.leads) @ noise)


def scrambled(record: Record, rng: np.random.Generator) -> Record:
    """Give the waves of an ECG other times: the spectrum stays, the phases are random."""
    spectrum = np.fft.rfft(record.signal_mv)
    phase = np.exp(2j * np.pi * rng.random(spectrum.shape[1]))
    phase[0] = 1
    return replace(record, signal_mv=np.fft.irfft(spectrum * phase, record.signal_mv.shape[1]))


def fibrillation(record: Record, rng: np.random.Generator) -> Record:
    """Replace the ECG by sines of 4 to 7 Hz that change their size and rate, as in fibrillation."""
    samples = record.signal_mv.shape[1]
    time_s = np.arange(samples) / record.rate_hz
    hertz = rng.uniform(4, 7) + 0.05 * np.cumsum(rng.normal(0, 1, samples))
    shape = (len(ELECTRODES), 1)
    size = 0.5 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5, shape) * time_s)
    phase = 2 * np.pi * np.cumsum(hertz) / record.rate_hz
    waves = size * np.sin(phase + rng.uniform(0, 2 * np.pi, shape))
    return replace(record, signal_mv=lead_weights(record.leads) @ waves)


def same_lead(record: Record, rng: np.random.Generator) -> Record:
    """Show one lead in all."""
    lead = record.signal_mv[rng.integers(len(record.leads))]
    return replace(record, signal_mv=np.repeat(lead[None], len(record.leads), axis=0))


def microvolts(record: Record, rng: np.random.Generator) -> Record:
    """Take microvolts for millivolts."""
    return replace(record, signal_mv=record.signal_mv * 1000)


def spikes(record: Record, rng: np.random.Generator) -> Record:
    """Add spikes of 2 ms and 1 mV at the chest and arm electrodes, 0.16 s before each R peak."""
    times_s = r_peaks(record) / record.rate_hz - 0.16
    record = resample(record, FINE_HZ)
    times = np.round(times_s[times_s > 0] * FINE_HZ).astype(int)
    potentials = np.zeros((len(ELECTRODES), record.signal_mv.shape[1]))
    potentials[:, times] = rng.uniform(-1, 1, (len(ELECTRODES), 1))
    return replace(record, signal_mv=record.signal_mv + lead_weights(record.leads) @ potentials)


def inverted(record: Record, rng: np.random.Generator) -> Record:
    """Turn over a limb lead."""
    return _change_lead(record, rng, np.negative, LEADS[:6])


def swapped_leads(record: Record, rng: np.random.Generator) -> Record:
    """Swap aVL and aVR."""
    order = [*range(3), 4, 3, *range(5, 12)]
    return replace(record, signal_mv=record.signal_mv[order])


def swapped(first: str, second: str) -> Apply:
    """Return a function that swaps two electrodes."""
    return lambda record, rng: replace(
        record,
        signal_mv=swap_electrodes(
            record.signal_mv[None], first=first, second=second, leads=record.leads
        )[0],
    )


def high_pass(order: int, cutoff_hz: float) -> Apply:
    """Return a function that filters one way, as a monitor does while it records."""
    return lambda record, rng: replace(
        record,
        signal_mv=filter_one_way(
            record.signal_mv, "high-pass", order, cutoff_hz, rate_hz=record.rate_hz
        ),
    )


def _change_lead(
    record: Record,
    rng: np.random.Generator,
    change: Callable[[Signal], Signal],
    leads: tuple[str, ...] = LEADS,
) -> Record:
    """Return the record with a random lead changed."""
    signal_mv = record.signal_mv.copy()
    row = record.leads.index(str(rng.choice(leads)))
    signal_mv[row] = change(signal_mv[row].copy())
    return replace(record, signal_mv=signal_mv)


def _perturb(
    record: Record, rng: np.random.Generator, add: Callable[..., Signal], **amount: float
) -> Record:
    signals_mv = add(
        record.signal_mv[None], leads=record.leads, rate_hz=record.rate_hz, rng=rng, **amount
    )
    return replace(record, signal_mv=signals_mv[0])


_LIST: tuple[tuple[str, str, Apply], ...] = (
    ("flat", "one lead at 0", flat),
    ("stuck", "one lead at one value for 1 s", stuck),
    ("saturated", "one lead 5 mV from its median for 0.5 s", saturated),
    ("clipped", "one lead cut off at half of its largest excursion", clipped),
    ("missing samples", "one sample of a lead (filled, with a warning)", missing(1)),
    ("missing samples", "0.1 s of a lead", missing(10)),
    ("mains", "50 Hz of 0.1 mV at each electrode, at 500 Hz", mains(0.1)),
    ("mains", "50 Hz of 0.5 mV at each electrode, at 500 Hz", mains(0.5)),
    ("baseline wander", "sines of 0.05 to 0.5 Hz and 0.5 mV at each electrode", wander(0.5)),
    ("baseline wander", "such sines of 1 mV", wander(1.0)),
    ("baseline wander", "such sines of 2 mV", wander(2.0)),
    ("high noise", "noise above 20 Hz of 0.05 mV RMS at each electrode", muscle_noise(0.05)),
    ("high noise", "such noise of 0.1 mV", muscle_noise(0.1)),
    ("high noise", "such noise of 0.2 mV", muscle_noise(0.2)),
    ("not an ECG", "white noise as strong as the ECG", white_noise),
    ("not an ECG", "the ECG's spectrum with random phases", scrambled),
    ("not an ECG", "sines of 4 to 7 Hz, as in ventricular fibrillation", fibrillation),
    ("not an ECG", "one lead in all leads", same_lead),
    ("implausible amplitude", "µV taken for mV", microvolts),
    ("pacing", "spikes of 2 ms and up to 1 mV, at 500 Hz", spikes),
    ("limb leads disagree", "a limb lead turned over", inverted),
    ("limb leads disagree", "aVR and aVL swapped", swapped_leads),
    *(("electrodes swapped", f"{a} and {b}", swapped(a, b)) for a, b in SWAPS),
    *(
        ("high-pass filter", f"one way, {cutoff:g} Hz, order {order}", high_pass(order, cutoff))
        for order in (1, 2)
        for cutoff in (0.5, 0.67, 1.0)
    ),
)

DISTURBANCES = tuple(
    Disturbance(finding=finding, text=text, apply=apply) for finding, text, apply in _LIST
)
