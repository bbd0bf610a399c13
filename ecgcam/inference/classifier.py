"""Classifier: a model ready to predict and explain Records."""

from collections.abc import Sequence
from dataclasses import replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.assessment import by_name
from ..signals.record import Record
from ..signals.windows import FrameGrid, Windows, cut_windows, in_batches
from ..tasks import TITLES, full_name
from .card import COMPANION, Card
from .decisions import OperatingPoints
from .engine import Engine, EngineOutput, run_batches, run_in_batches
from .inputs import AssessedEcg, Ecgs, Recording, assess_all
from .results import AlsoFound, Explanation, Prediction

BATCH = 64  # windows in one call of the engine: 20 MB of activations stay in a CPU's cache


class Classifier:
    """A model with its card: predicts and explains.

    classes, class_titles: names of the classes, and the same spelled out for people.
    leads, rate_hz, duration_s, thresholds, temperature, exclusive: from the card.
    bias: (classes,), the logits of a flat record, which the mean of the evidence lacks to be the
    logits.
    operating_points: bands and thresholds chosen by `ecgcam calibrate`, or None.
    model, sha256: name and SHA-256 of the model file, which every answer carries; or "".
    companion: a second classifier, whose classes that the card names stand beside the answer.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        bias: NDArray[np.float32],
        card: Card,
        model: str = "",
        sha256: str = "",
        companion: "Classifier | None" = None,
    ) -> None:
        self._engine = engine
        self.companion = companion
        self.card = card
        self.bias = bias
        self.model = model
        self.sha256 = sha256
        self.classes: tuple[str, ...] = tuple(card["classes"])
        titles = TITLES | card.get("class_titles", {})
        self.class_titles = tuple(titles.get(name, name) for name in self.classes)
        self.leads: tuple[str, ...] = tuple(card["leads"])
        self.rate_hz: float = card["rate_hz"]
        self.duration_s: float = card["duration_s"]
        self.thresholds = np.array(card["thresholds"], np.float32)
        self.temperature: float = card["temperature"]
        self.exclusive: bool = card["task"]["exclusive"]
        self.operating_points = OperatingPoints.from_card(card)

    @property
    def full_names(self) -> tuple[str, ...]:
        """Class names as people read them: "Conduction disturbance (CD)"."""
        return tuple(map(full_name, self.classes, self.class_titles))

    def __repr__(self) -> str:
        form = f"{len(self.leads)} leads, {self.rate_hz:g} Hz, {self.duration_s:g} s"
        return f"<Classifier of {', '.join(self.classes)}: {form}>"

    @overload
    def predict(self, ecgs: Record, *, force: bool = False) -> Prediction: ...
    @overload
    def predict(
        self,
        ecgs: Sequence[Record] | NDArray[np.float32],
        *,
        rate_hz: float | None = None,
        leads: Sequence[str] | None = None,
        force: bool = False,
    ) -> list[Prediction]: ...
    def predict(
        self,
        ecgs: Ecgs,
        *,
        rate_hz: float | None = None,
        leads: Sequence[str] | None = None,
        force: bool = False,
    ) -> Prediction | list[Prediction]:
        """Predict one Record, or each of several in their order.

        ecgs:    a Record, a list of Records, or an array (batch, leads, time) in mV.
        rate_hz: samples per second of an array. Without it, an array is refused unless it is as
                 long as the model's window at the model's rate.
        leads:   the leads of an array in its order; the model's by default.
        force:   predict also what is refused for the quality of its signal, with a warning.

        A single Record that is refused raises RecordError; in a list, its answer has the reason in
        `refused`. `warnings` and `quality` have the findings in the signal.
        """
        answers = self._explain(ecgs, rate_hz=rate_hz, leads=leads, force=force)
        if isinstance(ecgs, Record):
            return answers[0].without_maps()
        return [answer.without_maps() for answer in answers]

    @overload
    def explain(self, ecgs: Record, *, force: bool = False) -> Explanation: ...
    @overload
    def explain(
        self,
        ecgs: Sequence[Record] | NDArray[np.float32],
        *,
        rate_hz: float | None = None,
        leads: Sequence[str] | None = None,
        force: bool = False,
    ) -> list[Explanation]: ...
    def explain(
        self,
        ecgs: Ecgs,
        *,
        rate_hz: float | None = None,
        leads: Sequence[str] | None = None,
        force: bool = False,
    ) -> Explanation | list[Explanation]:
        """Predict and explain: like `predict`, with the evidence that adds up to each logit."""
        answers = self._explain(ecgs, rate_hz=rate_hz, leads=leads, force=force)
        return answers[0] if isinstance(ecgs, Record) else answers

    def run(self, signal_mv: NDArray[np.float32]) -> EngineOutput:
        """Return the logits and the evidence of windows (batch, leads, samples) in mV.

        The windows have the model's leads, rate and duration.
        """
        return run_in_batches(self._engine, signal_mv, batch=BATCH)

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map logits (…, classes) to probabilities; softmax where the classes are exclusive."""
        return to_probabilities(logits, temperature=self.temperature, exclusive=self.exclusive)

    def decide(self, probabilities: NDArray[np.float32]) -> tuple[str, ...]:
        """Return the classes at or above their threshold, or the most probable exclusive one."""
        if self.exclusive:
            return (self.classes[int(probabilities.argmax())],)
        decided = probabilities >= self.thresholds
        return tuple(name for name, yes in zip(self.classes, decided, strict=True) if yes)

    def _explain(
        self, ecgs: Ecgs, *, rate_hz: float | None, leads: Sequence[str] | None, force: bool
    ) -> list[Explanation]:
        """Cut every record into windows, run all windows together, and gather an answer each."""
        strict = isinstance(ecgs, Record)
        expected = Recording(rate_hz=self.rate_hz, leads=self.leads, duration_s=self.duration_s)
        assessed = assess_all(
            [ecgs] if isinstance(ecgs, Record) else ecgs,
            expected,
            rate_hz=rate_hz,
            leads=leads,
            force=force,
        )
        fitted = [(ecg, self._cut(ecg, strict=strict)) for ecg in assessed]
        usable = [windows for _, windows in fitted if isinstance(windows, Windows)]
        if not usable:
            return [self._refusal(ecg, str(reason)) for ecg, reason in fitted]
        models = [self, self.companion] if self.companion else [self]
        engines = [model._engine for model in models]
        output, *of_companion = run_batches(engines, in_batches(usable, BATCH))
        answers, start = [], 0
        for ecg, windows in fitted:
            if isinstance(windows, Windows) and ecg.record is not None:
                own = slice(start, start + windows.count)
                answer = self._answer(ecg.record, windows, output.rows(own))
                for other, its_output in zip(models[1:], of_companion, strict=True):
                    second = other._answer(ecg.record, windows, its_output.rows(own))
                    answer = replace(answer, also_found=self._named(second))
                answers.append(replace(answer, quality=by_name(ecg.findings)))
                start = own.stop
            else:
                answers.append(self._refusal(ecg, str(windows)))
        return answers

    def _cut(self, ecg: AssessedEcg, *, strict: bool) -> Windows | str:
        """Return the windows of an ECG, or the reason why it is refused."""
        try:
            if ecg.record is None:
                raise RecordError(ecg.refused)
            windows = cut_windows(
                ecg.record, leads=self.leads, rate_hz=self.rate_hz, duration_s=self.duration_s
            )
            if ecg.refused:
                raise RecordError(ecg.refused)
            return windows
        except RecordError as error:
            if strict:
                raise
            return str(error)

    def _answer(self, record: Record, windows: Windows, output: EngineOutput) -> Explanation:
        """Build the answer for a record from the output for its windows."""
        grid = self._frame_grid(output.evidence.shape[-1])
        evidence = windows.join_frames(output.evidence, grid)  # (classes, frames) of all windows
        logits = output.logits.mean(axis=0)
        if windows.padded:  # frames of padding do not count
            logits = np.asarray(evidence.mean(axis=-1) + self.bias, np.float32)
        by_lead = output.lead_evidence
        probabilities = self.probabilities(logits)
        points = self.operating_points
        times_s = windows.frame_times_s(output.evidence.shape[-1], grid)
        return Explanation(
            name=record.name,
            classes=self.classes,
            class_titles=self.class_titles,
            logits=logits,
            probabilities=probabilities,
            thresholds=self.thresholds,
            decision=self.decide(probabilities),
            uncertain=points.uncertain(self.classes, probabilities) if points else None,
            warnings=windows.warnings,
            bias=self.bias,
            evidence=evidence,
            lead_evidence=None if by_lead is None else windows.join_frames(by_lead, grid),
            leads=self.leads,
            frame_times_s=times_s,
            frame_s=grid.step_s,
            frame_sees_s=self.card.get("frame_samples", 0) / self.rate_hz,
            windows=windows.count,
            window_s=windows.window_s,
            temperature=self.temperature,
            model=self.model,
            model_sha256=self.sha256,
            samples=record.signal_mv.shape[1],
            used_samples=windows.recorded_s * record.rate_hz,
            rate_hz=record.rate_hz,
        )

    def _named(self, second: Explanation) -> tuple[AlsoFound, ...]:
        """Return what the companion's answer finds of the classes that the card names."""
        found = [
            AlsoFound(name=name, title=title, probability=float(probability), model=second.model)
            for name, title, probability in zip(
                second.classes, second.class_titles, second.probabilities, strict=True
            )
            if name in second.decision and name in self.card[COMPANION]["classes"]
        ]
        return tuple(sorted(found, key=lambda one: -one.probability))

    def _frame_grid(self, frames: int) -> FrameGrid:
        """Return where the frames of a window lie; by default they divide it evenly."""
        saved = self.card.get("frames")
        if saved is None:
            step_s = self.duration_s / frames
            return FrameGrid(first_s=step_s / 2, step_s=step_s)
        return FrameGrid(first_s=saved["first_s"], step_s=saved["step_s"])

    def _refusal(self, ecg: AssessedEcg, reason: str) -> Explanation:
        nothing = np.empty(0, np.float32)
        return Explanation(
            name="" if ecg.record is None else ecg.record.name,
            classes=self.classes,
            class_titles=self.class_titles,
            logits=nothing,
            probabilities=nothing,
            thresholds=self.thresholds,
            decision=(),
            warnings=() if ecg.record is None else ecg.record.warnings,
            quality=by_name(ecg.findings),
            refused=reason,
            bias=self.bias,
            evidence=np.empty((0, 0), np.float32),
            frame_times_s=np.empty(0),
            frame_s=0.0,
            temperature=self.temperature,
            model=self.model,
            model_sha256=self.sha256,
        )


def to_probabilities(
    logits: NDArray[np.float32], *, temperature: float, exclusive: bool
) -> NDArray[np.float32]:
    """Map logits (…, classes) to probabilities of the same shape.

    Sigmoid of logit / temperature, or softmax over exclusive classes.
    """
    scaled = logits / np.float32(temperature)
    if exclusive:
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))
    return np.asarray(np.exp(-np.logaddexp(0, -scaled)))  # never overflows
