"""How much faster wfdb16 reads PTB-XL's files than wfdb: python benchmarks/reading.py FOLDER

500 records of the folder, by each in turn, from the page cache; and whether both give the same.
"""

import sys
import time
import warnings
from pathlib import Path

import numpy as np

from ecgcam.readers import read

with warnings.catch_warnings(action="ignore"):  # wfdb does what pandas 3 deprecates
    import wfdb

RECORDS = 500


def main(folder: Path) -> str:
    """The times of both, and their ratio, in a line."""
    stems = [path.with_suffix("") for path in sorted(folder.rglob("*_lr.hea"))[:RECORDS]]
    same = True
    ours_s = theirs_s = 0.0
    for stem in stems:
        read(stem)  # into the page cache
        start = time.perf_counter()
        ours = read(stem).signal_mv
        between = time.perf_counter()
        theirs, _ = wfdb.rdsamp(str(stem))
        ours_s += between - start
        theirs_s += time.perf_counter() - between
        same &= np.array_equal(ours, theirs.T.astype(np.float32))
    ours_ms, theirs_ms = 1000 * ours_s / len(stems), 1000 * theirs_s / len(stems)
    ratio = theirs_ms / ours_ms
    return (
        f"{ours_ms:.2f} ms a record, wfdb {theirs_ms:.2f} ms: {ratio:.1f} times as fast; "
        f"the same samples: {same}"
    )


if __name__ == "__main__":
    sys.stdout.write(main(Path(sys.argv[1])) + "\n")
