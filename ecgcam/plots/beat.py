"""Mean beat of each lead over its mean evidence: of one ECG, or of the ECGs of a fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..inference.description import Description, describe
from ..inference.results import Explanation
from ..signals.leads import LEADS
from ..signals.mean_beat import AFTER_S, BEFORE_S, TIMES_S, MeanBeat, mean_beat
from ..signals.record import Record
from ..signals.waves import WAVES
from .heat import draw_heat, draw_heat_scale, full_logits, heat_of
from .style import printable
from .summary import NOT_A_DEVICE, heat_meaning, summarize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Where each lead stands on a 12-lead sheet.
COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))
_LEAST_MV, _MOST_MV = 1.0, 6.0  # height of a panel


@dataclass(frozen=True, kw_only=True, eq=False)
class BeatEvidence:
    """A mean beat and its mean evidence for one class.

    leads: (leads,), names. signal_mv: (leads, time) at TIMES_S. heat: (leads, time), or (1, time)
    for all leads together, from -1 to 1, which is full_logits; NaN where there is no evidence.
    heat_meaning: how to read the heat, as a sentence. waves_s: as of MeanBeat.
    """

    leads: tuple[str, ...]
    signal_mv: NDArray[np.float64] = field(repr=False)
    heat: NDArray[np.float64] = field(repr=False)
    full_logits: float
    heat_meaning: str
    waves_s: NDArray[np.float64]


def beat_evidence(record: Record, explanation: Explanation, k: int, beat: MeanBeat) -> BeatEvidence:
    """Return the mean evidence for class k over the beats of the record's mean beat."""
    times_s = (beat.starts_s[:, None] + TIMES_S).ravel()
    heat = heat_of(explanation, k, times_s).reshape(-1, len(beat.starts_s), TIMES_S.size)
    known = np.isfinite(heat)
    total = np.where(known, heat, 0).sum(axis=1)
    mean = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
    leads, signal_mv = record.leads, beat.signal_mv
    if explanation.lead_evidence is not None and explanation.leads:
        leads = explanation.leads
        signal_mv = signal_mv[[record.leads.index(lead) for lead in leads]]
    return BeatEvidence(
        leads=leads,
        signal_mv=signal_mv,
        heat=mean,
        full_logits=full_logits(explanation),
        heat_meaning=heat_meaning(explanation),
        waves_s=beat.waves_s,
    )


def draw_beat(
    record: Record,
    explanation: Explanation,
    *,
    class_name: str | None = None,
    description: Description | None = None,
) -> "Figure":
    """Return a figure of the mean beat of each lead over its mean evidence for one class.

    class_name: the class to show (default: the most probable "yes", else "not sure", else "no").
    Raises RecordError if the ECG was refused or its waves are not sure.
    """
    from matplotlib.figure import Figure

    description = description or describe(record, explanation)
    mean = mean_beat(record, description.waves)
    summary = summarize(record, explanation, class_name=class_name, description=description)
    if mean is None or summary.shown is None:
        why = "its waves are not sure" if mean is None else "it was refused"
        raise RecordError(f"{record.name}: no mean beat can be drawn: {why}.")
    beat = beat_evidence(record, explanation, explanation.classes.index(summary.shown.name), mean)
    figure = Figure(figsize=(11, 7.6))
    _draw_sheet_of_leads(figure, beat)
    figure.suptitle(
        f"{printable(record.name) or 'ECG'}: mean of {len(mean.starts_s)} of {mean.count} beats",
        y=0.975,
    )
    sentence = printable(summary.shown.sentence, length=170)
    figure.text(0.5, 0.925, sentence, ha="center", va="top", fontsize=9)
    measured = " · ".join(description.measurements.in_words())
    figure.text(0.5, 0.895, measured, ha="center", va="top", fontsize=8)
    notes = [f"{NOT_A_DEVICE}. {beat.heat_meaning}", summary.model]
    figure.supxlabel("\n".join(notes), y=0.02, va="bottom", fontsize=8, color="0.3")
    _draw_scale(figure, beat.full_logits)
    return figure


def _draw_sheet_of_leads(figure: "Figure", beat: BeatEvidence) -> None:
    """Draw a panel for each lead, where it stands on a 12-lead sheet."""
    panels = figure.subplots(len(COLUMNS[0]), len(COLUMNS), sharex=True, sharey=True)
    figure.subplots_adjust(left=0.07, right=0.93, top=0.865, bottom=0.14, hspace=0.12, wspace=0.06)
    limits_mv = _limits_mv(beat.signal_mv)
    for row, leads in zip(panels, zip(*COLUMNS, strict=True), strict=True):
        for axes, lead in zip(row, leads, strict=True):
            _draw_panel(axes, beat, lead, limits_mv)
    for axes in panels[-1]:
        axes.set_xlabel("ms from the start of QRS")
    for axes in panels[:, 0]:
        axes.set_ylabel("mV")


class RunningMean:
    """Mean over ECGs of their mean beats and evidence, each ECG with the same weight."""

    def __init__(self) -> None:
        self.count = 0
        self._signal_mv: Any = 0.0
        self._heat: Any = 0.0
        self._known: Any = 0

    def add(self, beat: BeatEvidence) -> None:
        """Add an ECG; all have the same leads."""
        self.count += 1
        self._signal_mv = self._signal_mv + beat.signal_mv
        known = np.isfinite(beat.heat)
        self._heat = self._heat + np.where(known, beat.heat, 0)
        self._known = self._known + known
        self._last = beat

    def mean(self) -> BeatEvidence:
        """Return the mean of at least one ECG, without waves; NaN where no ECG has evidence."""
        heat = np.where(self._known > 0, self._heat / np.maximum(self._known, 1), np.nan)
        return replace(
            self._last,
            signal_mv=self._signal_mv / self.count,
            heat=heat,
            waves_s=np.full((len(WAVES), 2), np.nan),
        )


def draw_mean_beats(
    rows: Mapping[str, BeatEvidence], *, title: str, notes: Sequence[str] = ()
) -> "Figure":
    """Return a figure with a row of leads for each group of ECGs: its mean beat and evidence.

    rows: the mean of each group, by the label of its row. notes: lines below the heat's meaning.
    """
    from matplotlib.figure import Figure

    beats = list(rows.values())
    leads = [lead for lead in LEADS if any(lead in beat.leads for beat in beats)]
    height = 1.65 + 1.75 * len(rows)
    figure = Figure(figsize=(15, height))
    panels = figure.subplots(len(rows), len(leads), sharex=True, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=0.09, right=0.94, top=1 - 0.5 / height, bottom=1.05 / height, hspace=0.1, wspace=0.06
    )
    limits_mv = _limits_mv(np.concatenate([beat.signal_mv for beat in beats]))
    for row, (label, beat) in zip(panels, rows.items(), strict=True):
        for axes, lead in zip(row, leads, strict=True):
            _draw_panel(axes, beat, lead, limits_mv, marks=False)
        row[0].set_ylabel(f"{label}\nmV", fontsize=8.5)
    for axes in panels[-1]:
        axes.set_xticks([0, 400])
    figure.suptitle(title, y=1 - 0.12 / height, fontsize=12)
    figure.text(0.515, 0.7 / height, "ms from the start of QRS", ha="center", fontsize=9)
    lines = [f"{NOT_A_DEVICE}. {beats[0].heat_meaning}", *notes]
    figure.supxlabel("\n".join(lines), y=0.15 / height, va="bottom", fontsize=8.5, color="0.3")
    _draw_scale(figure, beats[0].full_logits)
    return figure


def _limits_mv(signal_mv: NDArray[np.float64]) -> tuple[float, float]:
    """Return the voltages between which all panels show their lead, on the grid of 0.5 mV."""
    low = np.floor(2 * signal_mv.min() - 0.2) / 2
    high = np.ceil(2 * signal_mv.max() + 0.6) / 2
    low, high = max(low, -_MOST_MV / 2), min(high, _MOST_MV / 2)
    return float(min(low, -_LEAST_MV / 2)), float(max(high, _LEAST_MV / 2))


def _draw_panel(
    axes: "Axes",
    beat: BeatEvidence,
    lead: str,
    limits_mv: tuple[float, float],
    *,
    marks: bool = True,
) -> None:
    """Draw one lead: paper, heat, trace, and bars of the waves at the bottom."""
    from matplotlib.ticker import MultipleLocator

    left, right = -1000 * BEFORE_S, 1000 * AFTER_S
    axes.set(xlim=(left, right), ylim=limits_mv)
    axes.xaxis.set_major_locator(MultipleLocator(200))
    axes.yaxis.set_major_locator(MultipleLocator(0.5 if limits_mv[1] - limits_mv[0] <= 3 else 1))
    axes.grid(color="0.85", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=7, length=2)
    axes.text(0.03, 0.96, lead, transform=axes.transAxes, va="top", weight="bold", fontsize=10)
    if lead not in beat.leads:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", fontsize=8)
        return
    row = beat.leads.index(lead)
    heat = beat.heat[row if len(beat.heat) > 1 else 0]
    draw_heat(axes, heat[None], extent=(left, right, *limits_mv))
    axes.plot(1000 * TIMES_S, beat.signal_mv[row], color="black", linewidth=1)
    if marks:
        _mark_waves(axes, beat.waves_s, limits_mv[0])


def _mark_waves(axes: "Axes", waves_s: NDArray[np.float64], bottom_mv: float) -> None:
    for wave, (onset_s, offset_s) in zip(WAVES, waves_s.tolist(), strict=True):
        if onset_s == onset_s:  # not NaN
            ends = (1000 * onset_s, 1000 * offset_s)
            axes.plot(ends, (bottom_mv, bottom_mv), color="black", linewidth=4, clip_on=True)
            axes.annotate(
                wave, (sum(ends) / 2, bottom_mv), xytext=(0, 3), textcoords="offset points",
                ha="center", fontsize=7,
            )  # fmt: skip


def _draw_scale(figure: "Figure", full: float) -> None:
    bar = figure.add_axes((0.95, 0.3, 0.012, 0.35))
    draw_heat_scale(bar, extent=(0, 1, -full, full), scale="logits", upright=True)
    bar.yaxis.tick_right()
    bar.set(xticks=[], yticks=[-full, 0, full])
    bar.tick_params(labelsize=8)
    bar.set_title("logits", fontsize=8)
