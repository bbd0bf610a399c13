"""Downloads from a local server that fails in the ways real servers do."""

import hashlib
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import numpy as np
import pytest

from ecgcam.data.download import CHUNK, download_ptbxl, read_sums
from ecgcam.errors import DatasetError

DAT = "records100/00000/00001_lr.dat"
FILES = {
    "ptbxl_database.csv": b"ecg_id,scp_codes\n1,{}\n",
    "scp_statements.csv": b",description\nNORM,normal ECG\n",
    "LICENSE.txt": b"CC BY 4.0\n",
    "records100/00000/00001_lr.hea": b"00001_lr 12 100 1000\n",
    DAT: np.random.default_rng(1).bytes(32 * CHUNK),
    "records500/00000/00001_hr.dat": np.random.default_rng(2).bytes(120000),
    "changes since #1 (100%).txt": b"none\n",
}
CUT, STALL, WRONG, MISSING, BUSY = "cut", "stall", "wrong", "missing", "busy"


class Server(ThreadingHTTPServer):
    """Serve FILES and their sums; `faults[path]` lists the faults of the next requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults, self.supports_ranges = {}, True
        self.requests = []  # (path, Range header or None)
        self.sums = "".join(f"{hashlib.sha256(b).hexdigest()} {n}\n" for n, b in FILES.items())
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def requested(self, path):
        return [span for name, span in self.requests if name == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name, span = unquote(self.path).lstrip("/"), self.headers["Range"]
        self.server.requests.append((name, span))
        body = self.server.sums.encode() if name == "SHA256SUMS.txt" else FILES.get(name)
        faults = self.server.faults.get(name, [])
        fault = faults.pop(0) if faults else None
        start = int(span[6:-1]) if span and self.server.supports_ranges else 0
        if body is None or fault == MISSING:
            self.send_error(404)
        elif fault == BUSY:
            self.send_error(503)
        elif start >= len(body) > 0:
            self.send_error(416)
        else:
            self._send(body, start, fault)

    def _send(self, body, start, fault):
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        body = body[start:] if fault != WRONG else b"X" + body[start + 1 :]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault in (CUT, STALL) else body)
        self.close_connection = fault in (CUT, STALL)
        if fault == STALL:
            self.rfile.read(1)  # until the client disconnects

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def download(server, dest, **options):
    return download_ptbxl(dest, base_url=server.url, jobs=3, **{"backoff_s": 0.0, **options})


def files_in(dest):
    return {str(p.relative_to(dest)): p.read_bytes() for p in dest.rglob("*") if p.is_file()}


def expected(server, *records):
    top = {n: b for n, b in FILES.items() if "/" not in n or n.startswith(records)}
    return {"SHA256SUMS.txt": server.sums.encode(), **top}


@pytest.mark.parametrize(
    ("rate_hz", "folders"),
    [(100, ["records100"]), (500, ["records500"]), ("both", ["records100", "records500"])],
)
def test_the_tables_and_the_records_of_a_rate_arrive(server, tmp_path, rate_hz, folders):
    assert download(server, tmp_path / "a" / "b", rate_hz=rate_hz) == tmp_path / "a" / "b"
    assert files_in(tmp_path / "a" / "b") == expected(server, *folders)


def test_complete_files_are_kept_and_damaged_ones_downloaded_again(server, tmp_path):
    download(server, tmp_path)
    server.requests.clear()
    (tmp_path / DAT).write_bytes(FILES[DAT][:-1] + b"?")
    download(server, tmp_path)
    assert sorted(server.requests) == [("SHA256SUMS.txt", None), (DAT, None)]
    assert files_in(tmp_path) == expected(server, "records100")


def test_progress_counts_each_file_once_up_to_all(server, tmp_path):
    calls = []
    download(server, tmp_path, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(k, 6) for k in range(1, 7)]


def test_a_cut_connection_is_resumed(server, tmp_path):
    server.faults[DAT] = [CUT, CUT]
    download(server, tmp_path)
    assert server.requested(DAT) == [None, f"bytes={16 * CHUNK}-", f"bytes={24 * CHUNK}-"]
    assert files_in(tmp_path) == expected(server, "records100")


def test_a_server_that_ignores_ranges_sends_the_whole_file(server, tmp_path):
    server.supports_ranges, server.faults[DAT] = False, [CUT]
    download(server, tmp_path)
    assert server.requested(DAT) == [None, f"bytes={16 * CHUNK}-"]
    assert files_in(tmp_path) == expected(server, "records100")


def test_a_partial_old_list_does_not_spoil_the_new_one(server, tmp_path):
    (tmp_path / "SHA256SUMS.txt.part").write_text("0123")
    download(server, tmp_path)
    assert files_in(tmp_path) == expected(server, "records100")


@pytest.mark.parametrize("partial", [FILES[DAT], FILES[DAT] + b"more", b"not the beginning of it"])
def test_any_partial_file_becomes_the_right_file(server, tmp_path, partial):
    part = tmp_path / (DAT + ".part")
    part.parent.mkdir(parents=True)
    part.write_bytes(partial)
    download(server, tmp_path)
    assert files_in(tmp_path) == expected(server, "records100")
    assert (server.requested(DAT) == []) == (partial == FILES[DAT])


def test_a_busy_server_is_requested_again(server, tmp_path):
    server.faults[DAT] = [BUSY, BUSY]
    download(server, tmp_path)
    assert files_in(tmp_path) == expected(server, "records100")


def test_tries_are_limited_and_partial_files_are_kept(server, tmp_path):
    server.faults[DAT] = [CUT] * 5
    with pytest.raises(
        ConnectionError, match="00001_lr.dat could not be downloaded: the connection"
    ):
        download(server, tmp_path)
    assert len(server.requested(DAT)) == 5
    assert (tmp_path / (DAT + ".part")).stat().st_size == 31 * CHUNK  # half of the rest, five times
    download(server, tmp_path)
    assert server.requested(DAT)[-1] == f"bytes={31 * CHUNK}-"
    assert files_in(tmp_path) == expected(server, "records100")


def test_the_wait_doubles_after_each_failed_try(server, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    server.faults["SHA256SUMS.txt"] = [BUSY] * 5
    with pytest.raises(ConnectionError, match="503 Service Unavailable"):
        download(server, tmp_path, backoff_s=0.5)
    assert waits == [0.5, 1, 2, 4]


def test_a_single_wrong_byte_is_corrected(server, tmp_path):
    server.faults[DAT] = [WRONG]
    download(server, tmp_path)
    assert server.requested(DAT) == [None, None]
    assert files_in(tmp_path) == expected(server, "records100")


def test_a_permanently_wrong_byte_is_an_error_with_both_digests(server, tmp_path):
    server.faults[DAT] = [WRONG] * 9
    with pytest.raises(DatasetError) as caught:
        download(server, tmp_path)
    right = hashlib.sha256(FILES[DAT]).hexdigest()
    wrong = hashlib.sha256(b"X" + FILES[DAT][1:]).hexdigest()
    for message in (DAT, f"expected {right}", f"found {wrong}"):
        assert message in str(caught.value)
    assert len(server.requested(DAT)) == 2
    assert DAT not in files_in(tmp_path)
    assert DAT + ".part" not in files_in(tmp_path)


def test_a_missing_file_is_not_requested_again(server, tmp_path):
    server.faults[DAT] = [MISSING] * 9
    with pytest.raises(ConnectionError, match="404 Not Found"):
        download(server, tmp_path)
    assert len(server.requested(DAT)) == 1


def test_an_unreachable_server_gives_a_clear_sentence(tmp_path):
    with pytest.raises(OSError, match="the server cannot be reached"):
        download_ptbxl(tmp_path, base_url="http://127.0.0.1:9", backoff_s=0)


def test_an_invalid_address_is_not_tried_again(tmp_path):
    with pytest.raises(OSError, match="could not be downloaded"):
        download_ptbxl(tmp_path, base_url="physionet", backoff_s=1000)


def test_a_killed_download_is_resumed(server, tmp_path):
    server.faults[DAT] = [STALL]
    code = "import sys; from pathlib import Path\n"
    code += "from ecgcam.data.download import download_ptbxl as d\n"
    code += "d(Path(sys.argv[1]), base_url=sys.argv[2])"
    half = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), server.url])
    part, until = tmp_path / (DAT + ".part"), time.monotonic() + 20
    while not (part.exists() and part.stat().st_size == 16 * CHUNK) and time.monotonic() < until:
        time.sleep(0.01)
    half.kill()
    half.wait()
    download(server, tmp_path)
    assert server.requested(DAT) == [None, f"bytes={16 * CHUNK}-"]
    assert files_in(tmp_path) == expected(server, "records100")


@pytest.mark.parametrize(
    "path",
    ["../x", "records100/../../x", "/etc/x", "..\\x", "C:\\x", "C:x", "\\\\host\\x", ".", "./.."],
)
def test_a_path_that_leaves_the_folder_is_refused(server, tmp_path, path):
    server.sums += f"{'0' * 64}  {path}\n"
    with pytest.raises(DatasetError, match="refused"):
        download(server, tmp_path / "dest")
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == [tmp_path / "dest"]


@pytest.mark.parametrize(
    ("sums", "message"),
    [
        ("<html>please log in</html>", "line 1 is '<html>"),
        ("", "no ptbxl_database.csv, no scp_statements.csv, no records100/"),
        ("0123  ptbxl_database.csv\n", "line 1"),
    ],
)
def test_invalid_sums_are_refused(server, tmp_path, sums, message):
    server.sums = sums
    with pytest.raises(DatasetError, match=message):
        download(server, tmp_path)


def test_sums_are_read_with_one_space_or_two_or_a_star():
    a, b, c = "a" * 64, "B" * 64, "c" * 64
    text = f"{a} one\r\n\n{b}  ./two/a file\n{c} *three\n"
    assert read_sums(text) == {"one": a, "two/a file": b.lower(), "three": c}


def test_invalid_arguments_are_a_value_error(tmp_path):
    with pytest.raises(ValueError, match="rate_hz"):
        download_ptbxl(tmp_path, rate_hz=250)
    with pytest.raises(ValueError, match="jobs"):
        download_ptbxl(tmp_path, jobs=0)


def test_the_sums_of_ptb_xl_are_read(ptbxl_folder):
    digests = read_sums((ptbxl_folder / "SHA256SUMS.txt").read_text())
    assert len(digests) == 2 * 2181 + 3
    for name in ("ptbxl_database.csv", "scp_statements.csv", "records100/21000/21169_lr.dat"):
        assert digests[name] == hashlib.sha256((ptbxl_folder / name).read_bytes()).hexdigest()
