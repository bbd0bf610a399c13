"""Filters of ECG devices: one-way (causal) high-pass and low-pass filters.

A monitor filters while it records, so its high-pass of 0.5 Hz delays and bends slow waves: it
depresses or lifts the ST segment. A filter run forwards and backwards does not.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

KINDS = ("high-pass", "low-pass")
ORDERS = (1, 2)  # of a resistor and a capacitor; Butterworth


def impulse_response(
    kind: str, order: int, cutoff_hz: ArrayLike, *, rate_hz: float, samples: int
) -> NDArray[np.float64]:
    """Return the first `samples` of the impulse response of each cutoff: (cutoffs, samples).

    The filters are the bilinear transforms of the analog ones, as scipy.signal.butter makes them;
    the response falls to 0.707 at the cutoff. Raises ValueError for a cutoff that is not between 0
    and half the rate.
    """
    cutoffs = np.atleast_1d(np.asarray(cutoff_hz, np.float64))
    if kind not in KINDS or order not in ORDERS:
        raise ValueError(f"expected one of {KINDS} of order 1 or 2, got {kind!r} of order {order}")
    if not ((cutoffs > 0) & (cutoffs < rate_hz / 2)).all():
        raise ValueError(
            f"a cutoff must be between 0 and {rate_hz / 2:g} Hz, got {cutoffs.tolist()}"
        )
    warped = np.tan(np.pi * cutoffs / rate_hz)
    sign = -1.0 if kind == "high-pass" else 1.0
    passed = 1.0 if kind == "high-pass" else warped**order
    if order == 1:
        return _first_order(passed / (1 + warped), (1 - warped) / (1 + warped), sign, samples)
    scale = 1 / (1 + np.sqrt(2) * warped + warped**2)
    product = (1 - np.sqrt(2) * warped + warped**2) * scale  # of the two poles
    half_sum = (1 - warped**2) * scale
    pole = half_sum + 1j * np.sqrt(product - half_sum**2)
    return _second_order(passed * scale, pole, sign, samples)


def _first_order(
    gain: NDArray[np.float64], pole: NDArray[np.float64], sign: float, samples: int
) -> NDArray[np.float64]:
    """Return the response of gain (1 + sign x) / (1 - pole x), with x the delay of a sample."""
    later = pole[:, None] ** np.arange(samples - 1) * (pole + sign)[:, None]
    return gain[:, None] * np.concatenate([np.ones((len(pole), 1)), later], axis=1)


def _second_order(
    gain: NDArray[np.float64], pole: NDArray[np.complex128], sign: float, samples: int
) -> NDArray[np.float64]:
    """Return the response of gain (1 + sign x)² / ((1 - pole x) (1 - conj(pole) x)).

    By partial fractions: a constant, and a term for each pole, whose powers are its response.
    """
    residue = 2 * gain * (1 + sign / pole) ** 2 / (1 - pole.conj() / pole)
    response: NDArray[np.float64] = (residue[:, None] * pole[:, None] ** np.arange(samples)).real
    response[:, 0] += gain / np.abs(pole) ** 2
    return response


def filter_one_way(
    signal: NDArray[np.float32], kind: str, order: int, cutoff_hz: float, *, rate_hz: float
) -> NDArray[np.float32]:
    """Filter signals (…, time) forwards, as a device does that has settled before the record.

    Each row starts from its first value: a high-pass then starts at 0, a low-pass at that value.
    """
    samples = signal.shape[-1]
    response = impulse_response(kind, order, cutoff_hz, rate_hz=rate_hz, samples=samples)[0]
    start = signal[..., :1]
    size = 2 * samples  # room for the linear convolution
    spectrum = np.fft.rfft(signal - start, size) * np.fft.rfft(response, size)
    filtered = np.fft.irfft(spectrum, size)[..., :samples]
    passed = start if kind == "low-pass" else 0
    return np.asarray(filtered + passed, np.float32)
