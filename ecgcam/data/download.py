"""PTB-XL from PhysioNet: fetched in parallel, resumed, and checked against SHA256SUMS.txt."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote

import requests

from ..errors import DatasetError
from ..files import check_output_folder, sha256

PTBXL_URL = "https://physionet.org/files/ptb-xl/1.0.3/"
SUMS = "SHA256SUMS.txt"
TABLES = ("ptbxl_database.csv", "scp_statements.csv")
TRIES = 5
TIMEOUT_S = 30.0
CHUNK = 4096  # bytes; what a cut or a kill loses is less than one

_SUM_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *]?(\S.*)")
_PASSING = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


def download_ptbxl(
    dest: Path,
    *,
    base_url: str = PTBXL_URL,
    rate_hz: Literal[100, 500, "both"] = 100,
    jobs: int = 8,
    backoff_s: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Bring PTB-XL into the folder `dest`, and return it.

    rate_hz:   which records come: those of 100 Hz, of 500 Hz, or both.
    jobs:      how many files are fetched at a time.
    backoff_s: the wait after the first failed try; it doubles with each of the next.
    progress:  called with the number of files that are there and right, and of all.

    A file that is there and has the right SHA256 is left alone, and one that was cut short goes
    on where it stopped: after an error, or a kill, the same call goes on.

    Raises DatasetError if `dest` is a file or the content is not what SHA256SUMS.txt says, and
    ConnectionError if the server cannot be reached or does not have a file.
    """
    if rate_hz not in (100, 500, "both") or jobs < 1:
        raise ValueError(f"rate_hz is 100, 500 or 'both', jobs at least 1; got {rate_hz}, {jobs}")
    check_output_folder(dest)
    server = _Server(base_url, backoff_s)
    dest.mkdir(parents=True, exist_ok=True)
    digests = _wanted(_fetch_sums(server, dest), rate_hz)
    with _threads(jobs) as pool:
        tasks = [pool.submit(_bring, server, dest, *item) for item in digests.items()]
        for done, task in enumerate(as_completed(tasks), start=1):
            task.result()
            if progress is not None:
                progress(done, len(tasks))
    return dest


@contextmanager
def _threads(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that drops what it has not begun when something goes wrong."""
    pool = ThreadPoolExecutor(jobs)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch_sums(server: "_Server", dest: Path) -> dict[str, str]:
    """The SHA256 of each file by its path; always afresh, for nothing vouches for an older list."""
    part = dest / f"{SUMS}.part"
    part.unlink(missing_ok=True)
    server.fetch(SUMS, part)
    digests = read_sums(part.read_text("utf-8", "replace"))
    part.replace(dest / SUMS)
    return digests


def read_sums(text: str) -> dict[str, str]:
    """The SHA256 of each file by its path, from the text of a SHA256SUMS.txt.

    Raises DatasetError for a line that is no such pair, and for a path that leaves the folder.
    """
    digests = {}
    for number, line in enumerate(text.splitlines(), start=1):
        found = _SUM_LINE.fullmatch(line.rstrip())
        if found is None and line.strip():
            raise DatasetError(
                f"{SUMS}, line {number}, is {line[:60]!r}; needed: a SHA256 and a file's path."
            )
        if found is not None:
            digests[_inside(found[2])] = found[1].lower()
    return digests


def _inside(name: str) -> str:
    """The path `name`, made plain; refused unless it stays below the folder on any system."""
    plain = PurePosixPath(name)
    outside = plain.is_absolute() or ".." in plain.parts or not plain.parts
    if outside or set(name) & set('\\:*?"<>|\0'):
        raise DatasetError(f"{SUMS} lists {name!r}, which could lie outside its folder: refused.")
    return str(plain)


def _wanted(digests: dict[str, str], rate_hz: int | str) -> dict[str, str]:
    """All that is listed but the records of the other rate."""
    folders = [f"records{rate}/" for rate in (100, 500) if rate_hz in (rate, "both")]
    wanted = {
        name: digest
        for name, digest in digests.items()
        if name != SUMS and ("/" not in name or name.startswith(tuple(folders)))
    }
    lacking = [table for table in TABLES if table not in wanted] + [
        folder for folder in folders if not any(name.startswith(folder) for name in wanted)
    ]
    if lacking:
        raise DatasetError(
            f"{SUMS} of the server lists no {', no '.join(lacking)}: it is not that of PTB-XL."
        )
    return wanted


def _bring(server: "_Server", dest: Path, name: str, expected: str) -> None:
    """Have the file `name` in `dest` with the expected SHA256: at once, or from the server.

    A file that comes out wrong is fetched a second time, from its start.
    """
    target = dest / name
    if target.is_file() and sha256(target) == expected:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    found = sha256(part) if part.is_file() else ""  # whole if killed before it was renamed
    for _ in range(2):
        if found != expected:
            server.fetch(name, part)
            found = sha256(part)
        if found == expected:
            part.replace(target)
            return
        part.unlink()
    raise DatasetError(
        f"{name} from {server.base_url} has the wrong SHA256, twice: "
        f"expected {expected}, found {found}."
    )


class _Server(threading.local):
    """Where the files are; each thread keeps a session, and so a connection, of its own."""

    def __init__(self, base_url: str, backoff_s: float) -> None:
        self.base_url = base_url.rstrip("/") + "/"
        self.backoff_s = backoff_s
        self.session = requests.Session()
        self.session.headers["Accept-Encoding"] = "identity"  # so that a Range counts its bytes

    def fetch(self, name: str, part: Path) -> None:
        """Complete the file `part`; tries again, ever later, what may pass by itself."""
        url = self.base_url + quote(name)
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self.backoff_s * 2 ** (attempt - 1))
            try:
                return self._receive(url, part)
            except requests.RequestException as error:
                reason = error
                if not _may_pass(error):
                    break
        raise ConnectionError(
            f"{url} could not be fetched: {_in_words(reason)}. "
            "What is there already is kept; the same command goes on from there."
        ) from reason

    def _receive(self, url: str, part: Path) -> None:
        """One try: ask for what `part` lacks, and take the whole where the server sends that."""
        held = part.stat().st_size if part.exists() else 0
        asked = {"Range": f"bytes={held}-"} if held else {}
        with self.session.get(url, headers=asked, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == 416:  # nothing after `held`: `part` is whole, or too long
                return
            answer.raise_for_status()
            goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {held}-")
            with part.open("ab" if held and goes_on else "wb", buffering=0) as file:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)


def _may_pass(error: requests.RequestException) -> bool:
    """Whether it is worth another try: a cut connection, a busy server; not a missing file."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    return isinstance(error, _PASSING)


def _in_words(error: requests.RequestException) -> str:
    """The reason for a person."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"the server does not answer within {TIMEOUT_S:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "there is no secure connection to the server; is its certificate valid?"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut, again and again"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    return str(error)
