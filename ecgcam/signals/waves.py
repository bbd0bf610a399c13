"""P wave, QRS complex and T wave of each beat, found in all leads together."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .record import Record
from .resampling import resample
from .wave_network import OUTPUTS, RATE_HZ, Weights, wave_logits

WAVES = OUTPUTS[1:]
Stretch = tuple[float, float, float]  # onset and offset of a wave in seconds, mean probability
LONGEST_S = 600.0  # of a record whose waves are found

# Mean probability of a wave between its onset and offset. docs/waves.md says how often the waves
# above these limits are right.
SURE = {"P": 0.7, "QRS": 0.75, "T": 0.7}
SURE_BEATS = 0.8  # of the beats must have a sure QRS complex and T wave

_SHORTEST_S = {"P": 0.03, "QRS": 0.03, "T": 0.06}
_LONGEST_PR_S, _LONGEST_QT_S = 0.5, 0.75
_BLOCK_S, _CONTEXT_S = 60.0, 2.0  # of a long record at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Waves:
    """The waves of the beats of a record.

    times_s:     (beats, waves, 2), onset and offset in seconds of the waves in WAVES; NaN for a
                 wave that a beat lacks.
    probability: (beats, waves), mean probability of each wave between its onset and offset; 0 for a
    missing one.
    """

    times_s: NDArray[np.float64] = field(repr=False)
    probability: NDArray[np.float64] = field(repr=False)

    @property
    def count(self) -> int:
        """Number of beats."""
        return len(self.times_s)

    def sure(self) -> NDArray[np.bool_]:
        """Return which waves are sure: (beats, waves)."""
        return np.asarray(self.probability >= np.array([SURE[wave] for wave in WAVES]))

    @property
    def sure_beats(self) -> NDArray[np.bool_]:
        """Which beats have a sure QRS complex and T wave: (beats,)."""
        return np.asarray(self.sure()[:, 1:].all(axis=1))

    @property
    def are_sure(self) -> bool:
        """Whether the record has at least two beats, and 80 % of them are sure."""
        return self.count > 1 and bool(self.sure_beats.mean() >= SURE_BEATS)


def find_waves(record: Record) -> Waves:
    """Return the waves of a record of up to 10 minutes; of a longer one, none.

    A small network reads each lead at 100 Hz (wave_network.py); its logits are averaged over leads.
    A wave lasts as long as its probability is above one half.
    """
    if record.duration_s > LONGEST_S:
        return assemble_beats([], [], [])
    probability = wave_probability(np.asarray(resample(record, RATE_HZ).signal_mv))
    return assemble_beats(*(wave_stretches(probability, wave) for wave in WAVES))


def wave_probability(
    signal_mv: NDArray[np.floating], weights: Weights | None = None
) -> NDArray[np.float64]:
    """Return the probability of OUTPUTS at each sample of (leads, time) at 100 Hz: (outputs, time).

    A long record is read in blocks of a minute that overlap by 2 s at each end.
    """
    block, context = round(_BLOCK_S * RATE_HZ), round(_CONTEXT_S * RATE_HZ)
    parts = []
    for start in range(0, signal_mv.shape[1], block):
        first = max(start - context, 0)
        logits = wave_logits(signal_mv[:, first : start + block + context], weights)
        parts.append(logits.mean(axis=0)[:, start - first : start - first + block])
    joined = np.concatenate(parts, axis=1).astype(np.float64)
    powers = np.exp(joined - joined.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0))


def wave_stretches(probability: NDArray[np.float64], wave: str) -> list[Stretch]:
    """Return each stretch of time in which a wave is more probable than not.

    probability: (outputs, time) at 100 Hz. The onset is where the probability crosses one half,
    linear between samples.
    """
    row = np.pad(probability[OUTPUTS.index(wave)], 1)
    above = row > 0.5
    starts = np.flatnonzero(~above[:-1] & above[1:])
    ends = np.flatnonzero(above[:-1] & ~above[1:])
    stretches = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        onset = start + (0.5 - row[start]) / (row[start + 1] - row[start])
        offset = end + (row[end] - 0.5) / (row[end] - row[end + 1])
        if offset - onset >= _SHORTEST_S[wave] * RATE_HZ:
            mean = float(row[start + 1 : end + 1].mean())
            stretches.append(((onset - 1) / RATE_HZ, (offset - 1) / RATE_HZ, mean))
    return stretches


def assemble_beats(
    p_waves: list[Stretch], complexes: list[Stretch], t_waves: list[Stretch]
) -> Waves:
    """Assign to each QRS complex the last P wave before it and the first T wave after it.

    A T wave starts before the next complex and ends at most 0.75 s after the onset of its own. A P
    wave starts at most 0.5 s before its complex, and after the T wave of the beat before.
    """
    times_s = np.full((len(complexes), len(WAVES), 2), np.nan)
    probability = np.zeros((len(complexes), len(WAVES)))
    for k, qrs in enumerate(complexes):
        before_s = np.nanmax(times_s[k - 1, 1:, 1]) if k else -np.inf
        after_s = complexes[k + 1][0] if k + 1 < len(complexes) else np.inf
        p_of_beat = [p for p in p_waves if max(before_s, qrs[0] - _LONGEST_PR_S) <= p[0] < qrs[0]]
        t_of_beat = [
            t for t in t_waves if qrs[1] <= t[0] < after_s and t[1] <= qrs[0] + _LONGEST_QT_S
        ]
        for j, found in enumerate((p_of_beat[-1:], [qrs], t_of_beat[:1])):
            for onset_s, offset_s, mean in found:
                times_s[k, j] = onset_s, offset_s
                probability[k, j] = mean
    return Waves(times_s=times_s, probability=probability)
