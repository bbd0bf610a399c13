"""Prediction of many ECGs: folders, files, manifests and stores to one table."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from .. import __version__
from ..errors import DatasetError
from ..files import check_output_file
from ..inference.loading import load
from ..processes import available_cores
from ..readers.channels import Leads, ReadOptions
from .chunks import Job, predict_chunk, refused_row
from .ecg_inputs import Inputs, find_inputs
from .local_engine import predict_locally
from .rows import ANSWERED, REFUSED, WARNED, WORST_FIRST, Layout, Row, all_columns, make_layouts
from .table_files import check_table_file, write_table
from .unfinished import UnfinishedTable

Progress = Callable[[int, int], None]
Paths = str | Path | Sequence[str | Path]


@dataclass(frozen=True, kw_only=True)
class PredictedTable:
    """A table of predictions.

    path:     of the table.
    outcomes: number of ECGs that were "answered", "warned" (answered with warnings) and "refused".
    notes:    what was left out, a sentence each.
    """

    path: Path
    outcomes: dict[str, int]
    notes: tuple[str, ...] = ()


def predict_many(
    ecgs: Paths,
    out: str | Path,
    *,
    models: Paths = "normal",
    evidence: bool = False,
    rate_hz: float | None = None,
    units: str | None = None,
    leads: Leads | None = None,
    jobs: int | None = None,
    force: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> PredictedTable:
    """Predict many ECGs and write a table with one row each (docs/predict.md).

    ecgs:      folders, ECG files, CSV tables with a column `path`, and stores.
    out:       a .csv, .jsonl or .parquet file (Parquet needs pyarrow).
    models:    one or more model files or names of shipped models.
    evidence:  whether to add the evidence, which adds up to each logit.
    rate_hz, units, leads: as for `ecgcam.read`, for files that lack them.
    jobs:      number of processes. None: one per core.
    force:     whether to predict also what is refused for the quality of its signal.
    resume:    whether to continue a run that was interrupted; its rows are kept beside `out`.
    overwrite: whether to replace `out` and the rows of an interrupted run.
    progress:  called with the number of ECGs done and of all ECGs.

    An ECG that cannot be read or predicted gives a row with the reason. Raises DatasetError if
    there is no ECG or `out` cannot be written, ModelError for a file that is no model.
    """
    out = Path(out)
    check_output_file(out)
    check_table_file(out)
    if out.exists() and not overwrite:
        raise DatasetError(f"{out}: the file exists; --overwrite replaces it.")
    reading = ReadOptions(rate_hz=rate_hz, units=units, leads=leads)
    job = Job(models=_texts(models), evidence=evidence, reading=reading, force=force)
    layouts = make_layouts([load(model) for model in job.models], evidence=evidence)
    inputs = find_inputs([Path(path) for path in _texts(ecgs)])
    settings = {
        "ecgcam": __version__,
        "layouts": [asdict(layout) for layout in layouts],
        "reading": asdict(reading),
        "force": force,
    }
    table = UnfinishedTable(out, settings, resume=resume, overwrite=overwrite)
    _predict(inputs, table, job, jobs=jobs or available_cores(), progress=progress)
    outcomes = Counter({ANSWERED: 0, WARNED: 0, REFUSED: 0})
    rows = _counted(table.rows(ecg.id for ecg in inputs.ecgs), layouts, outcomes)
    write_table(out, all_columns(layouts), rows)
    table.remove()
    notes = (inputs.note_on_others,) if inputs.others else ()
    return PredictedTable(path=out, outcomes=dict(outcomes), notes=notes)


def _texts(one_or_more: Paths) -> tuple[str, ...]:
    if isinstance(one_or_more, str | Path):
        return (str(one_or_more),)
    return tuple(map(str, one_or_more))


def _predict(
    inputs: Inputs, table: UnfinishedTable, job: Job, *, jobs: int, progress: Progress | None
) -> None:
    """Add the rows of all ECGs that the table does not have yet."""
    remaining = [ecg for ecg in inputs.ecgs if ecg.id not in table]
    done = len(inputs.ecgs) - len(remaining)
    if progress:
        progress(done, len(inputs.ecgs))
    work, refuse = partial(predict_chunk, job=job), partial(refused_row, job=job)
    for rows in predict_locally(remaining, work, refuse=refuse, jobs=jobs):
        table.add(rows)
        done += len(rows)
        if progress:
            progress(done, len(inputs.ecgs))


def _counted(
    rows: Iterable[Row], layouts: Sequence[Layout], outcomes: Counter[str]
) -> Iterator[Row]:
    """Yield the rows and count their outcomes; of several models, the worst counts."""
    for row in rows:
        found = {row[f"{layout.prefix}outcome"] for layout in layouts}
        outcomes[next(name for name in WORST_FIRST if name in found)] += 1
        yield row
