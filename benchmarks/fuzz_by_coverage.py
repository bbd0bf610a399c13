"""Fuzzing by coverage, by hand: python -m benchmarks.fuzz_by_coverage CORPUS [-max_total_time=300]

Needs `pip install atheris`. CORPUS is a folder of small ECG files to begin with; inputs that reach
new lines are added to it. Options after it are libFuzzer's. Any error but a RecordError ends the
run with the input that caused it, as does an input that takes 5 s or 1 GB.
"""

import sys
import warnings

import atheris

with atheris.instrument_imports(include=["ecgcam"]):
    import numpy as np

    import ecgcam
    from ecgcam.errors import RecordError


def read_one(content: bytes) -> None:
    """Read bytes as an ECG; a RecordError is the only allowed error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            record = ecgcam.read(content)
        except RecordError:
            return
    if not np.isfinite(record.signal_mv[~np.isnan(record.signal_mv)]).all():
        raise ValueError("a sample is infinite")


if __name__ == "__main__":
    atheris.Setup([*sys.argv, "-timeout=5", "-rss_limit_mb=1500", "-max_len=65536"], read_one)
    atheris.Fuzz()
