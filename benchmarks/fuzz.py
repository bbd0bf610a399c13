"""Fuzzing of all readers: python -m benchmarks.fuzz [--files 50000] [--seed 0] [--out FOLDER]

Damages small files of every format at random, reads each and predicts what was read, in worker
processes with limits on time and memory. Prints the outcomes for each format; a file with any
outcome but a Record or a RecordError is kept in the folder. Exits with 1 if there is one.
"""

import json
import os
import resource
import selectors
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer

ROOT = Path(__file__).parents[1]
MEMORY_BYTES = 1_000_000_000  # above what the worker holds before it reads
SECONDS = 5  # of processor time for one file
PATIENCE_S = 60  # of real time without a word from a worker, until it counts as hanging
RECORD, REFUSED = "record", "record error"
app = typer.Typer()


@app.command()
def main(
    files: Annotated[int, typer.Option(help="Damaged files.")] = 50_000,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for files that fail.")] = Path("fuzz"),
    worker: Annotated[int, typer.Option(hidden=True)] = -1,
) -> None:
    """Fuzz all readers."""
    if worker >= 0:
        _work(worker, files, seed, out)
        return
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, Counter[str]] = {}
    started = time.monotonic()
    for done, (name, outcome) in enumerate(_outcomes(files, seed, out), start=1):
        counts.setdefault(name, Counter())[outcome] += 1
        if done % 1000 == 0:
            typer.echo(f"{done} of {files}, {time.monotonic() - started:.0f} s", err=True)
    _print_table(counts)
    if any(set(of_format) - {RECORD, REFUSED} for of_format in counts.values()):
        raise typer.Exit(1)


def _print_table(counts: dict[str, Counter[str]]) -> None:
    """Print a Markdown table of the outcomes."""
    total = sum(counts.values(), Counter())
    others = sorted(set(total) - {RECORD, REFUSED})
    columns = ["files", RECORD, REFUSED, *others]
    typer.echo(f"| format | {' | '.join(columns)} |\n|---{'|---:' * len(columns)}|")
    for name, of_format in [*sorted(counts.items()), ("all", total)]:
        numbers = [of_format.total(), *(of_format[column] for column in columns[1:])]
        typer.echo(f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |")


def _outcomes(files: int, seed: int, out: Path) -> Iterator[tuple[str, str]]:
    """Yield the format and the outcome of each file; a worker that ends early is replaced."""
    names = _formats()
    following = 0
    while following < files:
        command = [sys.executable, "-m", "benchmarks.fuzz", "--worker", str(following)]
        command += ["--files", str(files), "--seed", str(seed), "--out", str(out)]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for index, outcome in _lines(process):
            yield names[index % len(names)], outcome
            following = index + 1
        code = process.wait()
        if following < files:  # the file that it was at ended it
            yield names[following % len(names)], "hang" if code == -9 else f"crash ({code})"
            _save(following, seed, out)
            following += 1


def _lines(process: "subprocess.Popen[str]") -> Iterator[tuple[int, str]]:
    """Yield what a worker prints; it is killed when it says nothing for too long."""
    assert process.stdout is not None
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    while selector.select(PATIENCE_S):
        line = process.stdout.readline()
        if not line:
            return
        yield tuple(json.loads(line))
    process.kill()


def _formats() -> list[str]:
    """Return the names of the undamaged files, which are those of the tests."""
    return list(_material().FILES)


def _material() -> Any:
    if str(ROOT / "tests") not in sys.path:
        sys.path.append(str(ROOT / "tests"))
    from support import damaged_files

    return damaged_files


def _damaged(index: int, seed: int) -> dict[str, bytes]:
    """Return the files of one damaged record."""
    material = _material()
    names = list(material.FILES)
    files: dict[str, bytes] = material.damage(
        material.FILES[names[index % len(names)]], np.random.default_rng([seed, index])
    )
    return files


def _save(index: int, seed: int, out: Path) -> None:
    """Keep the files of a record that failed."""
    folder = out / f"{index}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _damaged(index, seed).items():
        (folder / name).write_bytes(content)


def _work(start: int, files: int, seed: int, out: Path) -> None:
    """Read damaged files and print a line for each."""
    import ecgcam

    material = _material()
    classifier = ecgcam.load("normal")
    for content in material.FILES.values():  # loads every library before memory is measured
        with TemporaryDirectory() as folder:
            whole = {"a.bin": content} if isinstance(content, bytes) else content
            classifier.predict([material.read_files(whole, Path(folder))])
    _limit_memory()
    with TemporaryDirectory() as folder:
        for index in range(start, files):
            began = time.process_time()
            outcome = _read(_damaged(index, seed), Path(folder), classifier)
            if time.process_time() - began > SECONDS:
                outcome = "slow"
            if outcome not in (RECORD, REFUSED):
                _save(index, seed, out)
            sys.stdout.write(json.dumps([index, outcome]) + "\n")
            sys.stdout.flush()
            for file in Path(folder).iterdir():
                file.unlink()


def _limit_memory() -> None:
    """Allow the process no more than 1 GB above what it has."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _read(files: dict[str, bytes], folder: Path, classifier: Any) -> str:
    """Return the outcome of reading and predicting one record."""
    import ecgcam

    try:
        record = _material().read_files(files, folder)
        (answer,) = classifier.predict([record])
    except ecgcam.RecordError as error:
        return "memory" if isinstance(error.__cause__, MemoryError) else REFUSED
    except MemoryError:
        return "memory"
    except Exception as error:
        return f"error ({type(error).__name__})"
    numbers = [record.signal_mv, answer.logits, answer.probabilities]
    return RECORD if all(np.isfinite(array).all() for array in numbers) else "not finite"


if __name__ == "__main__":
    app()
