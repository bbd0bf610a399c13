"""Figures of the plain install: size, cold start, memory, first prediction.

    python -m benchmarks.plain_install [--wheel WHEEL]

It builds the wheel, installs it alone into a fresh environment, without torch, and explains an
ECG there on one core. Each time is the median of five runs.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import typer

from ecgcam.data.synthetic.ecg import synthetic_ecg

ROOT = Path(__file__).parents[1]
RUNS = 5

FIRST_PREDICTION = """
import time
started = time.perf_counter()
import ecgcam
model = ecgcam.load("normal")
record = ecgcam.read(__import__("sys").argv[1])
model.predict(record)
print(time.perf_counter() - started)
"""


@dataclass(frozen=True, kw_only=True)
class Install:
    """An environment with the plain install: its Python, and the size of the environment in MB."""

    python: Path
    size_mb: float


def main(wheel: Path | None = None) -> None:
    """Print the figures of the plain install as JSON."""
    with TemporaryDirectory(prefix="ecgcam-plain-") as folder:
        scratch = Path(folder)
        install = install_plain(wheel or build_wheel(scratch), scratch / "environment")
        ecg = write_ecg(scratch / "ecg.npz")
        typer.echo(json.dumps(measure(install, ecg, scratch), indent=1))


def build_wheel(folder: Path) -> Path:
    """Build the wheel of this checkout; return its path."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("ecgcam-*.whl")
    return wheel


def install_plain(wheel: Path, folder: Path) -> Install:
    """Install a wheel without extras into a fresh environment."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt")]
    subprocess.run([*command, str(wheel)], check=True)
    size = sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
    return Install(python=python, size_mb=size / 1e6)


def write_ecg(path: Path) -> Path:
    """Write a synthetic 10 s ECG at 500 Hz as an NPZ file; return its path."""
    record = synthetic_ecg(np.random.default_rng(0), rate_hz=500).record
    np.savez(path, signal_mv=record.signal_mv, rate_hz=record.rate_hz, leads=record.leads)
    return path


def measure(install: Install, ecg: Path, scratch: Path) -> dict[str, float]:
    """Return size in MB, wall times in s on one core, and peak memory in MB."""
    explain = [str(install.python.with_name("ecgcam")), "explain", str(ecg), "--out"]
    first = [str(install.python), "-c", FIRST_PREDICTION, str(ecg)]
    seconds, peak_mb = run_timed([*explain, str(scratch / "all")])
    json_s, _ = run_timed([*explain, str(scratch / "json"), "--json"])
    outputs = [subprocess.run(first, capture_output=True, check=True).stdout for _ in range(RUNS)]
    return {
        "environment_mb": round(install.size_mb),
        "explain_s": round(seconds, 2),
        "explain_peak_mb": round(peak_mb),
        "explain_json_s": round(json_s, 2),
        "load_and_first_predict_s": round(statistics.median(map(float, outputs)), 2),
    }


def run_timed(command: Sequence[str]) -> tuple[float, float]:
    """Run a command RUNS times on one core; return the median seconds and the peak memory in MB."""
    subprocess.run(command, capture_output=True, check=True)  # fills the caches of files
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(
            command,
            capture_output=True,
            check=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {0}),
        )
        seconds.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # of the largest child so far
    return statistics.median(seconds), peak / 1024


if __name__ == "__main__":
    typer.run(main)
