"""Description of one explained ECG: waves, measurements, and a sentence on each class."""

import math
from dataclasses import dataclass, field
from typing import Any

from ..signals.intervals import Measurements, measure
from ..signals.record import Record
from ..signals.waves import WAVES, Waves, find_waves
from .evidence_words import in_words
from .results import Explanation
from .wave_evidence import WaveEvidence, add_up


@dataclass(frozen=True, kw_only=True, eq=False)
class Description:
    """An explained ECG in waves, numbers and words.

    sentences:    of each class, by its name; empty if the ECG was refused.
    measurements: heart rate, intervals and axis.
    waves:        of each beat.
    evidence:     added up by wave, beat and lead; None if the ECG was refused.
    """

    sentences: dict[str, str]
    measurements: Measurements
    waves: Waves = field(repr=False)
    evidence: WaveEvidence | None = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the description as JSON holds it.

        `waves` has onset and offset in seconds and the probability of each wave of each beat, None
        for a wave that is missing; `classes` has `sentence` and the sums of each class.
        """
        classes = {}
        if self.evidence is not None:
            for k, (name, sentence) in enumerate(self.sentences.items()):
                classes[name] = {"sentence": sentence, **self.evidence.to_dict(k)}
        return {
            "measurements": self.measurements.to_dict(),
            "waves_are_sure": self.waves.are_sure,
            "waves": [self._beat(beat) for beat in range(self.waves.count)],
            "classes": classes,
        }

    def _beat(self, beat: int) -> dict[str, dict[str, float | bool] | None]:
        return {wave: self._wave(beat, j) for j, wave in enumerate(WAVES)}

    def _wave(self, beat: int, j: int) -> dict[str, float | bool] | None:
        onset_s, offset_s = self.waves.times_s[beat, j].tolist()
        if math.isnan(onset_s):
            return None
        return {
            "onset_s": round(onset_s, 4),
            "offset_s": round(offset_s, 4),
            "probability": round(float(self.waves.probability[beat, j]), 3),
            "sure": bool(self.waves.sure()[beat, j]),
        }


def describe(record: Record, explanation: Explanation) -> Description:
    """Describe an explained ECG.

    record, explanation: an ECG and the whole explanation of it by `Classifier.explain`.
    """
    waves = find_waves(record)
    refused = explanation.refused is not None
    evidence = None if refused else add_up(explanation, waves)
    sentences = {}
    if evidence is not None:
        for k, name in enumerate(explanation.classes):
            sentences[name] = in_words(explanation, k, evidence)
    return Description(
        sentences=sentences, measurements=measure(record, waves), waves=waves, evidence=evidence
    )
