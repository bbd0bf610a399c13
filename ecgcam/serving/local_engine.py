"""Engine that predicts chunks of ECGs in the processes of one computer."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

from ..processes import worker_pool
from .ecg_inputs import Input
from .rows import Row

CHUNK = 64  # ECGs that one process predicts at a time
_WAITING = 2  # chunks for each process: it never idles, and few rows are held in memory

Chunk = Sequence[Input]
Work = Callable[[Chunk], list[Row]]
Refuse = Callable[[Input, str], Row]

_FATAL = "reading or predicting it ended the process, as a lack of memory does"


def predict_locally(
    ecgs: Sequence[Input], work: Work, *, refuse: Refuse, jobs: int
) -> Iterator[list[Row]]:
    """Yield the rows of the ECGs in order, chunk by chunk.

    work:   predicts a chunk. A single chunk is predicted in this process, which needs no start.
    refuse: makes the row of an ECG that ends its process.
    """
    chunks = [ecgs[at : at + CHUNK] for at in range(0, len(ecgs), CHUNK)]
    if len(chunks) == 1:
        yield work(chunks[0])
        return
    remaining, done = iter(chunks), 0
    while done < len(chunks):
        suspects: list[Chunk] = []
        processes = min(jobs, len(chunks) - done)
        for rows in _until_broken(remaining, work, jobs=processes, suspects=suspects):
            done += 1
            yield rows
        for chunk in suspects:  # one of them ended a process
            done += 1
            yield _one_by_one(chunk, work, refuse)


def _until_broken(
    chunks: Iterator[Chunk], work: Work, *, jobs: int, suspects: list[Chunk]
) -> Iterator[list[Row]]:
    """Yield the rows of each chunk until there are no more, or until a process ends unexpectedly.

    Then the chunks that were begun and not yielded are added to `suspects`.
    """
    begun: deque[Chunk] = deque()
    results: deque[Future[list[Row]]] = deque()
    with worker_pool(jobs) as pool:
        try:
            for chunk in chunks:
                begun.append(chunk)
                results.append(pool.submit(work, chunk))
                if len(results) >= _WAITING * jobs:
                    yield results.popleft().result()
                    begun.popleft()
            while results:
                yield results.popleft().result()
                begun.popleft()
        except BrokenProcessPool:
            suspects += begun


def _one_by_one(chunk: Chunk, work: Work, refuse: Refuse) -> list[Row]:
    """Predict each ECG alone; one that ends its process is refused."""
    rows: list[Row] = []
    while len(rows) < len(chunk):
        with worker_pool(1) as pool:
            try:
                for ecg in chunk[len(rows) :]:
                    rows += pool.submit(work, [ecg]).result()
            except BrokenProcessPool:
                rows.append(refuse(chunk[len(rows)], _FATAL))
    return rows
