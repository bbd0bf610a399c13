"""Prediction of a chunk of ECGs, by one process: reading, inference in batches, rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ..inference.classifier import Classifier
from ..inference.loading import load
from ..inference.results import Explanation
from ..readers.channels import DEFAULTS, ReadOptions
from ..signals.record import Record
from .ecg_inputs import Input
from .reading import read_input, reason
from .rows import Layout, Row, make_layouts, make_row

_BATCH_SAMPLES = 10_000_000  # of all leads; longer records are predicted in smaller batches


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to do with each ECG.

    models: paths or names.
    force:  predict also what is refused for the quality of its signal.
    """

    models: tuple[str, ...]
    evidence: bool = False
    force: bool = False
    reading: ReadOptions = DEFAULTS


def predict_chunk(ecgs: Sequence[Input], job: Job) -> list[Row]:
    """Return one row per ECG, in order; an ECG that cannot be used gives a row, too."""
    classifiers = [_load(model) for model in job.models]
    layouts = make_layouts(classifiers, evidence=job.evidence)
    rows: list[Row] = []
    for batch in _batches(ecgs, job.reading):
        cells = [
            _cells_of_model(classifier, layout, batch, force=job.force)
            for classifier, layout in zip(classifiers, layouts, strict=True)
        ]
        rows += [
            make_row(ecg.id, of_ecg)
            for (ecg, _), of_ecg in zip(batch, zip(*cells, strict=True), strict=True)
        ]
    return rows


def refused_row(ecg: Input, text: str, job: Job) -> Row:
    """Return the row of an ECG that nobody can predict."""
    layouts = make_layouts([_load(model) for model in job.models], evidence=job.evidence)
    return make_row(ecg.id, [layout.refusal(text) for layout in layouts])


@lru_cache(maxsize=8)
def _load(model: str) -> Classifier:
    return load(model)


Batch = list[tuple[Input, Record | str]]


def _batches(ecgs: Sequence[Input], reading: ReadOptions) -> Iterator[Batch]:
    """Read the ECGs and yield them in batches that fit into memory."""
    batch: Batch = []
    samples = 0
    for ecg in ecgs:
        record = read_input(ecg, options=reading)
        batch.append((ecg, record))
        samples += 0 if isinstance(record, str) else record.signal_mv.size
        if samples >= _BATCH_SAMPLES:
            yield batch
            batch, samples = [], 0
    yield batch


def _cells_of_model(
    classifier: Classifier, layout: Layout, batch: Batch, *, force: bool
) -> list[Row]:
    records = [record for _, record in batch if isinstance(record, Record)]
    answers = iter(_explain(classifier, records, force=force))
    cells = []
    for ecg, record in batch:
        answer = record if isinstance(record, str) else next(answers)
        if isinstance(answer, str):
            cells.append(layout.refusal(answer))
        elif answer.refused is not None:
            cells.append(layout.refusal(reason(answer.refused, ecg), answer.quality))
        else:
            cells.append(layout.answer(answer))
    return cells


def _explain(
    classifier: Classifier, records: list[Record], *, force: bool
) -> Sequence[Explanation | str]:
    """Explain the records; one that fails unexpectedly must not stop the others."""
    try:
        return classifier.explain(records, force=force)
    except Exception as error:
        if len(records) == 1:
            return [f"it cannot be predicted: {type(error).__name__}"]
    return [answer for record in records for answer in _explain(classifier, [record], force=force)]
