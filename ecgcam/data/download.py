"""Download of PTB-XL from PhysioNet: in parallel, resumed, checked against SHA256SUMS.txt."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
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
CHUNK = 4096  # bytes; an interruption loses less than one chunk

_SUM_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *]?(\S.*)")
_TRANSIENT = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
)


def download_ptbxl(
    dest: Path,
    *,
    base_url: str = PTBXL_URL,
    rate_hz: Literal[100, 500, "both"] = 100,
    jobs: int = 8,
    backoff_s: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Download PTB-XL into the folder `dest` and return it.

    rate_hz:   which records: those at 100 Hz, at 500 Hz, or both.
    jobs:      number of files downloaded at a time.
    backoff_s: the wait after the first failed try; it doubles with each further try.
    progress:  called with the number of files that are complete, and of all files.

    A file that exists with the right SHA-256 is kept, and a partial one is resumed, so the same
    call continues after an error or a kill.

    Raises DatasetError if `dest` is a file or the content differs from SHA256SUMS.txt, and
    ConnectionError if the server cannot be reached or does not have a file.
    """
    if rate_hz not in (100, 500, "both") or jobs < 1:
        raise ValueError(
            f"rate_hz must be 100, 500 or 'both' and jobs at least 1, got {rate_hz}, {jobs}"
        )
    check_output_folder(dest)
    server = _Server(base_url, backoff_s)
    dest.mkdir(parents=True, exist_ok=True)
    digests = _select(_download_sums(server, dest), rate_hz)
    pool = ThreadPoolExecutor(jobs)
    try:
        tasks = [pool.submit(_complete, server, dest, *item) for item in digests.items()]
        for done, task in enumerate(as_completed(tasks), start=1):
            task.result()
            if progress is not None:
                progress(done, len(tasks))
    finally:
        pool.shutdown(cancel_futures=True)
    return dest


def _download_sums(server: "_Server", dest: Path) -> dict[str, str]:
    """Download the SHA-256 of each file, always anew: nothing verifies an older list."""
    part = dest / f"{SUMS}.part"
    part.unlink(missing_ok=True)
    server.fetch(SUMS, part)
    digests = read_sums(part.read_text("utf-8", "replace"))
    part.replace(dest / SUMS)
    return digests


def read_sums(text: str) -> dict[str, str]:
    """Parse a SHA256SUMS.txt: the SHA-256 of each file by its path.

    Raises DatasetError for an invalid line and for a path outside the folder.
    """
    digests = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _SUM_LINE.fullmatch(line.rstrip())
        if match is None and line.strip():
            raise DatasetError(
                f"{SUMS}: line {number} is {line[:60]!r}; expected a SHA-256 and a file's path."
            )
        if match is not None:
            digests[_check_inside(match[2])] = match[1].lower()
    return digests


def _check_inside(name: str) -> str:
    """Normalize a path; raise DatasetError unless it stays inside the folder on any system."""
    plain = PurePosixPath(name)
    outside = plain.is_absolute() or ".." in plain.parts or not plain.parts
    if outside or set(name) & set('\\:*?"<>|\0'):
        raise DatasetError(f"{SUMS} lists {name!r}, which may lie outside the folder: refused.")
    return str(plain)


def _select(digests: dict[str, str], rate_hz: int | str) -> dict[str, str]:
    """Return all listed files except the records of the other rate."""
    folders = [f"records{rate}/" for rate in (100, 500) if rate_hz in (rate, "both")]
    selected = {
        name: digest
        for name, digest in digests.items()
        if name != SUMS and ("/" not in name or name.startswith(tuple(folders)))
    }
    missing = [table for table in TABLES if table not in selected] + [
        folder for folder in folders if not any(name.startswith(folder) for name in selected)
    ]
    if missing:
        raise DatasetError(
            f"{SUMS} of the server lists no {', no '.join(missing)}: it does not belong to PTB-XL."
        )
    return selected


def _complete(server: "_Server", dest: Path, name: str, expected: str) -> None:
    """Download the file `name` into `dest` unless it exists with the expected SHA-256.

    If the digest of the downloaded file is wrong, the file is downloaded once more from its start.
    """
    target = dest / name
    if target.is_file() and sha256(target) == expected:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    digest = sha256(part) if part.is_file() else ""  # complete if killed before the renaming
    for _ in range(2):
        if digest != expected:
            server.fetch(name, part)
            digest = sha256(part)
        if digest == expected:
            part.replace(target)
            return
        part.unlink()
    raise DatasetError(
        f"{name} from {server.base_url}: wrong SHA-256, twice: found {digest}, expected {expected}."
    )


class _Server(threading.local):
    """A server; each thread keeps its own session and so its own connection."""

    def __init__(self, base_url: str, backoff_s: float) -> None:
        self.base_url = base_url.rstrip("/") + "/"
        self.backoff_s = backoff_s
        self.session = requests.Session()
        self.session.headers["Accept-Encoding"] = "identity"  # so that a Range counts file bytes

    def fetch(self, name: str, part: Path) -> None:
        """Complete the file `part`; retry transient errors after ever longer waits."""
        url = self.base_url + quote(name)
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self.backoff_s * 2 ** (attempt - 1))
            try:
                return self._receive(url, part)
            except requests.RequestException as error:
                reason = error
                if not _is_transient(error):
                    break
        raise ConnectionError(
            f"{url} could not be downloaded: {_describe(reason)}. Run the same command again: it "
            "keeps what is complete and continues."
        ) from reason

    def _receive(self, url: str, part: Path) -> None:
        """Request the missing rest of `part`; write all of it if the server sends the whole."""
        size = part.stat().st_size if part.exists() else 0
        headers = {"Range": f"bytes={size}-"} if size else {}
        with self.session.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == 416:  # nothing after `size`: `part` is complete, or too long
                return
            answer.raise_for_status()
            resumes = answer.headers.get("Content-Range", "").startswith(f"bytes {size}-")
            with part.open("ab" if size and resumes else "wb", buffering=0) as file:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)


def _is_transient(error: requests.RequestException) -> bool:
    """Return whether a retry may help: a cut connection or a busy server, not a missing file."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code in (408, 429) or error.response.status_code >= 500
    return isinstance(error, _TRANSIENT)


def _describe(error: requests.RequestException) -> str:
    """Describe an error in plain words."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"the server does not answer within {TIMEOUT_S:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "there is no secure connection to the server; is its certificate valid?"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut several times"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached"
    return str(error)
