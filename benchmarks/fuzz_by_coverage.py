"""Fuzzing by coverage, by hand: python -m benchmarks.fuzz_by_coverage CORPUS [-max_total_time=300]

Needs `pip install atheris`. CORPUS is a folder of small ECG files to begin with; inputs that reach
new lines are added to it. Options after it are libFuzzer's. Any error but a RecordError ends the
run with the input that caused it, as does an input that takes 5 s or 1.5 GB.
"""

import sys
import warnings
from pathlib import Path

import atheris
import numpy as np


def read_one(content: bytes) -> None:
    """Read bytes as an ECG; a RecordError is the only allowed error."""
    import ecgcam

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            record = ecgcam.read(content)
        except ecgcam.RecordError:
            return
    if np.isinf(record.signal_mv).any():
        raise ValueError("a sample is infinite")


if __name__ == "__main__":
    with atheris.instrument_imports(include=["ecgcam"]):
        for seed in sorted(Path(sys.argv[1]).iterdir()):  # imports the readers
            read_one(seed.read_bytes())
    limits = ["-timeout=5", "-rss_limit_mb=1500", "-max_len=65536"]
    atheris.Setup([*sys.argv, *limits], read_one)
    atheris.Fuzz()
