"""What is wrong with the signals of a dataset: each is read once, and judged."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..readers.read import read
from ..readers.wfdb import to_millivolts
from ..readers.wfdb16 import read_plain
from ..signals.leads import LEADS, lead_order
from ..signals.quality import find_quality
from .source import Source

Progress = Callable[[int, int], None]
Findings = dict[str, list[dict[str, object]]]

UNREADABLE = "unreadable"


def survey_signals(source: Source, *, progress: Progress | None = None) -> Findings:
    """The records of each finding of find_quality, with their leads, and those that have no signal.

    progress: called with the number of signals read, and of all.
    """
    blank = find_quality(np.ones((1, len(LEADS), 1), np.float32))
    findings: Findings = {UNREADABLE: [], **{finding: [] for finding in blank}}
    ids, paths = source.records["id"], source.records["path"]
    for done, (record, path) in enumerate(zip(ids, paths, strict=True), start=1):
        try:
            signal_mv, rate_hz = read_signal(Path(path))
        except (RecordError, OSError) as error:
            reason = str(error).replace(f"{Path(source.name).resolve()}/", "")
            findings[UNREADABLE].append({"id": record, "reason": reason})
        else:
            for finding, hits in find_quality(signal_mv[None], LEADS, rate_hz).items():
                if hits.any():
                    leads = [LEADS[k] for k in np.flatnonzero(hits)] if hits.size > 1 else []
                    findings[finding].append({"id": record, "leads": leads})
        if progress is not None:
            progress(done, len(ids))
    return findings


def read_signal(path: Path) -> tuple[NDArray[np.float32], float]:
    """The twelve leads in our order (12, time) in mV, and the rate in Hz.

    Samples that the device marked invalid are NaN. Raises RecordError for a damaged file.
    """
    digital = read_plain(path) if Path(f"{path}.hea").is_file() else None
    if digital is None:
        record = read(path).with_leads(LEADS)
        return record.signal_mv, record.rate_hz
    return to_millivolts(digital)[lead_order(digital.leads)], digital.rate_hz
