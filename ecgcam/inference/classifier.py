"""Classifier: a model with its card; judges and explains Records."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.quality import with_findings
from ..signals.record import Record
from ..signals.windows import Windows, cut
from .decisions import OperatingPoints
from .modelfile import Card, load_network, model_name
from .results import Explanation, Prediction, show_evidence
from .zoo import find_model

# An engine judges windows: (batch, leads, samples) in mV to logits (batch, classes) and evidence
# (batch, classes, frames). `source` is "features", or "conv" for the paper's map.
Engine = Callable[[NDArray[np.float32], str], tuple[NDArray[np.float32], NDArray[np.float32]]]
Ecgs = Record | Sequence[Record] | NDArray[np.float32]

SOURCES = ("features", "conv")
BATCH = 64  # windows judged at once: 20 MB of activations stay in a processor's cache


class Classifier:
    """A model ready to judge.

    classes, leads, rate_hz, duration_s, thresholds, temperature: from the card.
    bias: (classes,), what the head adds to the mean of the evidence.
    operating_points: what else the card says of its probabilities, or None.
    model: its name and the beginning of its file's SHA-256, which every answer has too; or "".
    """

    def __init__(
        self, engine: Engine, *, bias: NDArray[np.float32], card: Card, model: str = ""
    ) -> None:
        self._engine = engine
        self.card = card
        self.bias = bias
        self.model = model
        self.classes: tuple[str, ...] = tuple(card["classes"])
        self.leads: tuple[str, ...] = tuple(card["leads"])
        self.rate_hz: float = card["rate_hz"]
        self.duration_s: float = card["duration_s"]
        self.thresholds = np.array(card["thresholds"], np.float32)
        self.temperature: float = card["temperature"]
        self.exclusive: bool = card["task"]["exclusive"]
        self.operating_points = OperatingPoints.from_card(card)

    def __repr__(self) -> str:
        form = f"{len(self.leads)} leads, {self.rate_hz:g} Hz, {self.duration_s:g} s"
        return f"<Classifier of {', '.join(self.classes)}: {form}>"

    @overload
    def predict(self, ecgs: Record) -> Prediction: ...
    @overload
    def predict(self, ecgs: Sequence[Record] | NDArray[np.float32]) -> list[Prediction]: ...
    def predict(self, ecgs: Ecgs) -> Prediction | list[Prediction]:
        """The judgement on one Record, or on each of several, in their order.

        ecgs: a Record, a list of Records, or an array (batch, leads, time) in mV with the model's
        leads and rate. A Record alone that cannot be judged raises RecordError; in a list its
        answer says so in `refused`. The warnings tell what is wrong with a Record's signal; an
        array is not looked at for that.
        """
        if isinstance(ecgs, Record):
            return self._explain(self._records([ecgs]), "features", strict=True)[0].without_maps()
        answers = self._explain(self._records(ecgs), "features", strict=False)
        return [answer.without_maps() for answer in answers]

    @overload
    def explain(self, ecgs: Record, *, source: str = ...) -> Explanation: ...
    @overload
    def explain(
        self, ecgs: Sequence[Record] | NDArray[np.float32], *, source: str = ...
    ) -> list[Explanation]: ...
    def explain(self, ecgs: Ecgs, *, source: str = "features") -> Explanation | list[Explanation]:
        """As predict, each judgement with the evidence it is made of.

        source: "features" are what the head averages. "conv" is the paper's map, drawn before
        batch norm and activation: it does not add up to the logit, and is there to compare.
        """
        if source not in SOURCES:
            raise ValueError(f"source must be one of {', '.join(SOURCES)}, got {source!r}")
        if isinstance(ecgs, Record):
            return self._explain(self._records([ecgs]), source, strict=True)[0]
        return self._explain(self._records(ecgs), source, strict=False)

    def judge(
        self, signal_mv: NDArray[np.float32], source: str = "features"
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (batch, classes) and evidence (batch, classes, frames) of an array of windows.

        signal_mv: (batch, leads, samples): the model's leads, rate and duration.
        """
        if len(signal_mv) <= BATCH:
            return self._engine(signal_mv, source)
        parts = [
            self._engine(signal_mv[at : at + BATCH], source)
            for at in range(0, len(signal_mv), BATCH)
        ]
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """(…, classes) to the same: sigmoid, or softmax where classes exclude one another."""
        return to_probabilities(logits, temperature=self.temperature, exclusive=self.exclusive)

    def decide(self, probabilities: NDArray[np.float32]) -> tuple[str, ...]:
        """The classes at or above their threshold; of exclusive ones the most probable."""
        if self.exclusive:
            return (self.classes[int(probabilities.argmax())],)
        decided = probabilities >= self.thresholds
        return tuple(name for name, yes in zip(self.classes, decided, strict=True) if yes)

    def _records(self, ecgs: Sequence[Record] | NDArray[np.float32]) -> Iterable[Record | str]:
        """Each as a Record, or as the reason why it cannot be one."""
        if not isinstance(ecgs, np.ndarray):
            for ecg in ecgs:
                if not isinstance(ecg, Record):
                    raise TypeError(f"needed: Records, got {type(ecg).__name__}; read() makes one")
                yield with_findings(ecg)
            return
        if ecgs.ndim != 3:
            raise ValueError(f"needed: an array (batch, leads, time), got shape {ecgs.shape}")
        for k, signal_mv in enumerate(ecgs):
            try:
                yield Record(
                    signal_mv=signal_mv, rate_hz=self.rate_hz, leads=self.leads, name=str(k)
                )
            except RecordError as error:
                yield str(error)

    def _explain(
        self, records: Iterable[Record | str], source: str, *, strict: bool
    ) -> list[Explanation]:
        """One answer a record: cut each to windows, judge all windows together, gather them."""
        fitted = [self._cut(record, strict=strict) for record in records]
        good = [windows for _, windows in fitted if isinstance(windows, Windows)]
        if not good:
            return [self._refusal(record, str(reason)) for record, reason in fitted]
        signal_mv = np.concatenate([windows.signal_mv for windows in good])
        logits, evidence = self.judge(signal_mv)
        drawn = evidence if source == "features" else self.judge(signal_mv, source)[1]
        answers, at = [], 0
        for record, windows in fitted:
            if isinstance(windows, Windows) and isinstance(record, Record):
                own = slice(at, at + len(windows.signal_mv))
                logit = self._logit(windows, logits[own], evidence[own])
                answer = self._answer(record, windows, logit, drawn[own], source)
                answers.append(self._with_doubts(answer))
                at = own.stop
            else:
                answers.append(self._refusal(record, str(windows)))
        return answers

    def _cut(self, record: Record | str, *, strict: bool) -> tuple[Record | str, Windows | str]:
        """The record with its windows, or with the reason why it is refused."""
        if isinstance(record, str):
            return record, record
        try:
            return record, cut(
                record, leads=self.leads, rate_hz=self.rate_hz, duration_s=self.duration_s
            )
        except RecordError as error:
            if strict:
                raise
            return record, str(error)

    def _logit(
        self, windows: Windows, logits: NDArray[np.float32], evidence: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(classes,), of a record's windows: the mean of what was recorded, by the law."""
        if not windows.filled:
            return np.asarray(logits.mean(axis=0))
        recorded = windows.in_a_row(evidence)
        return np.asarray(recorded.mean(axis=-1) + self.bias, np.float32)

    def _answer(
        self,
        record: Record,
        windows: Windows,
        logits: NDArray[np.float32],
        evidence: NDArray[np.float32],
        source: str,
    ) -> Explanation:
        """Of a record, from its logits (classes,) and the evidence of its windows."""
        row = windows.in_a_row(evidence)
        row_s = row.shape[-1] / evidence.shape[-1] * windows.window_s
        probabilities = self.probabilities(logits)
        warnings = windows.warnings
        if source != "features":
            warnings += (f"source {source!r}: this map does not add up to the logit",)
        return Explanation(
            name=record.name,
            classes=self.classes,
            logits=logits,
            probabilities=probabilities,
            thresholds=self.thresholds,
            decision=self.decide(probabilities),
            warnings=warnings,
            bias=self.bias,
            evidence=row,
            windows=len(windows.signal_mv),
            window_s=windows.window_s,
            evidence_s=row_s,
            temperature=self.temperature,
            model=self.model,
            heatmap=show_evidence(
                row,
                samples=record.signal_mv.shape[1],
                covered=row_s * record.rate_hz,
                judged=windows.judged_s * record.rate_hz,
            ),
        )

    def _with_doubts(self, answer: Explanation) -> Explanation:
        """The same with what the card says of doubts; as it is where the card says nothing."""
        points = self.operating_points
        if points is None or not points.classes:
            return answer
        return replace(
            answer,
            uncertain=points.uncertain(self.classes, answer.probabilities),
            conformal_sets=points.conformal_sets(self.classes, answer.probabilities),
            conformal_alpha=points.alpha,
        )

    def _refusal(self, record: Record | str, reason: str) -> Explanation:
        nothing = np.empty(0, np.float32)
        return Explanation(
            name=record.name if isinstance(record, Record) else "",
            classes=self.classes,
            logits=nothing,
            probabilities=nothing,
            thresholds=self.thresholds,
            decision=(),
            refused=reason,
            bias=self.bias,
            evidence=np.empty((0, 0), np.float32),
            evidence_s=0.0,
            temperature=self.temperature,
            model=self.model,
            heatmap=np.empty((0, 0), np.float32),
        )


def to_probabilities(
    logits: NDArray[np.float32], *, temperature: float, exclusive: bool
) -> NDArray[np.float32]:
    """(…, classes) to the same: sigmoid of logit / temperature, or softmax over the classes."""
    from scipy.special import expit, softmax

    calibrated = logits / np.float32(temperature)
    return np.asarray(softmax(calibrated, axis=-1) if exclusive else expit(calibrated))


def load(path_or_name: str | Path, *, backbone: str | None = None) -> Classifier:
    """The classifier of a model file, or of a shipped model by its name (shipped.py).

    backbone: `module:Class`, for a model whose backbone is code of your own that you trust.
    Raises ModelError if there is no such file or it is not a model.
    """
    path = find_model(path_or_name)
    network, card = load_network(path, backbone=backbone)

    from .torch_engine import torch_engine

    return Classifier(
        torch_engine(network),
        bias=network.head.bias.detach().numpy(),
        card=card,
        model=model_name(path),
    )
