"""Explanation of many ECGs, one after the other: files for each."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import RecordError
from ..inference.classifier import Classifier
from ..inference.description import Description, describe
from ..inference.results import Explanation
from ..readers.channels import DEFAULTS, ReadOptions
from ..reports.explanation_report import file_names, write_beat, write_explanations
from ..signals.record import Record
from .ecg_inputs import Input
from .reading import read_input, reason


class Outcome(NamedTuple):
    """What came of one ECG: the path of its page, or the reason why it has none.

    sentences: on each class, in the order of the model, and why a mean beat was not drawn; empty
    without a page.
    """

    ecg: Input
    result: Path | str
    sentences: tuple[str, ...] = ()


def explain_many(
    ecgs: Sequence[Input],
    classifier: Classifier,
    out: Path,
    *,
    reading: ReadOptions = DEFAULTS,
    stretch: tuple[float, float | None] = (0.0, None),
    class_name: str | None = None,
    scale: str = "logits",
    speed_mm_s: float = 25,
    pictures: bool = True,
    beat: bool = False,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Outcome]:
    """Explain ECGs and write their files to `out`, like `write_explanations`.

    beat: also write the mean beat, NAME-beat.png, where the waves of the ECG are sure. Without
    `pictures`, the path is that of its JSON file. stretch: the start and the length in seconds of
    the part to explain; a length of None: to the end. force: explain also what is refused for the
    quality of its signal.
    """
    names = file_names([ecg.name for ecg in ecgs])
    for done, (ecg, name) in enumerate(zip(ecgs, names, strict=True), start=1):
        record = _take(read_input(ecg, name=ecg.name, options=reading), ecg, stretch)
        if isinstance(record, str):
            yield Outcome(ecg, record)
        else:
            (answer,) = classifier.explain([record], force=force)
            if answer.refused is not None:
                yield Outcome(ecg, reason(answer.refused, ecg))
            else:
                description = describe(record, answer)
                (path,) = write_explanations(
                    [record], [answer], out, names=[name], descriptions=[description],
                    class_name=class_name, scale=scale, speed_mm_s=speed_mm_s, pictures=pictures,
                )  # fmt: skip
                sentences = tuple(description.sentences.values())
                if beat:
                    sentences += _draw_beat(
                        ecg, record, answer, out / name, description, class_name
                    )
                yield Outcome(ecg, path, sentences)
        if progress:
            progress(done, len(ecgs))


def _draw_beat(
    ecg: Input,
    record: Record,
    answer: Explanation,
    stem: Path,
    description: Description,
    class_name: str | None,
) -> tuple[str, ...]:
    """Write STEM-beat.png, or return the reason why there is none."""
    try:
        write_beat(record, answer, stem, description=description, class_name=class_name)
    except RecordError as error:
        return (reason(error, ecg),)
    return ()


def _take(record: Record | str, ecg: Input, stretch: tuple[float, float | None]) -> Record | str:
    """Return the part of a record, or the reason why there is none."""
    if isinstance(record, str):
        return record
    try:
        return record.stretch(*stretch)
    except RecordError as error:
        return reason(error, ecg)
