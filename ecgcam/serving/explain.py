"""Explanation of many ECGs, one after the other: files for each."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..errors import RecordError
from ..inference.classifier import Classifier
from ..readers.channels import DEFAULTS, ReadOptions
from ..reports.explanation_report import file_names, write_explanations
from ..signals.record import Record
from .ecg_inputs import Input
from .reading import read_input, reason

Outcome = tuple[Input, Path | str]


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
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Outcome]:
    """Explain ECGs and write their files to `out`, like `write_explanations`.

    Yields each ECG with the path of its page (of its JSON file without `pictures`), or with the
    reason why it has none. stretch: the start and the length in seconds of the part to explain; a
    length of None: to the end. force: explain also what is refused for the quality of its signal.
    """
    names = file_names([ecg.name for ecg in ecgs])
    for done, (ecg, name) in enumerate(zip(ecgs, names, strict=True), start=1):
        record = _take(read_input(ecg, name=ecg.name, options=reading), ecg, stretch)
        if isinstance(record, str):
            yield ecg, record
        else:
            (answer,) = classifier.explain([record], force=force)
            if answer.refused is not None:
                yield ecg, reason(answer.refused, ecg)
            else:
                (path,) = write_explanations(
                    [record], [answer], out, names=[name],
                    class_name=class_name, scale=scale, speed_mm_s=speed_mm_s, pictures=pictures,
                )  # fmt: skip
                yield ecg, path
        if progress:
            progress(done, len(ecgs))


def _take(record: Record | str, ecg: Input, stretch: tuple[float, float | None]) -> Record | str:
    """Return the part of a record, or the reason why there is none."""
    if isinstance(record, str):
        return record
    try:
        return record.stretch(*stretch)
    except RecordError as error:
        return reason(error, ecg)
