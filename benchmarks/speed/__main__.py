"""The command that measures: `python -m benchmarks.speed [FOLDER]`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ecgcam.cli import run_app
from ecgcam.cli.options import output_file

_PEERS = Path(".venv-peers/bin/python")  # where `make peers` puts it
_RESULTS, _TRIED = Path("benchmarks/results.json"), Path("benchmarks/tried.json")
_GPU = Path("benchmarks/gpu.json")
_WIDTH = 180  # columns at least, so that a file holds the whole table


def bench(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder with PTB-XL's layout (default: synthetic ECGs).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="File for the results; a picture is written beside it.  "
            f"[default: {_RESULTS}, with --quick {_TRIED}, with --gpu {_GPU}]",
            callback=output_file,
        ),
    ] = None,
    peers: Annotated[
        Path | None,
        typer.Option(help=f"Python with the peer libraries (default: {_PEERS}, if it exists)."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Run everything in a minute, without goals.")
    ] = False,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Measure the times of a GPU alone, in a minute.")
    ] = False,
) -> None:
    """Measure each stage beside other implementations; exits with 1 if a goal is missed."""
    if gpu:
        _measure_gpu(folder, out or _GPU, quick=quick)
        return
    from rich.console import Console

    from ecgcam.files import atomic_write

    from .picture import draw_results
    from .results import write_results
    from .run import benchmark
    from .table import draw_table, sentences

    if peers is not None and not peers.is_file():
        raise typer.BadParameter(f"{peers}: no such Python; `make peers` makes one.")
    if peers is None and _PEERS.is_file():
        peers = _PEERS
    out = out or (_TRIED if quick else _RESULTS)
    results = benchmark(
        folder,
        peers=peers and peers.absolute(),
        quick=quick,
        say=_say,
    )
    written = write_results(results, out)
    with atomic_write(out.with_suffix(".png")) as temporary:
        draw_results(results).savefig(temporary, dpi=150)
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(draw_table(results))
    for sentence in sentences(results):
        typer.echo(sentence)
    typer.echo(written)
    if results.missed:
        raise typer.Exit(1)


def _measure_gpu(folder: Path | None, out: Path, *, quick: bool) -> None:
    from .gpu import benchmark_gpu, gpu_sentence, write_gpu
    from .workers import NotMeasured

    try:
        found = benchmark_gpu(folder, quick=quick, say=_say)
    except NotMeasured as error:
        typer.echo(f"not measured: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(gpu_sentence(found["gpu"], ecgs=found["ecgs"]))
    typer.echo(write_gpu(found, out))


def _say(what: str) -> None:
    typer.echo(f"measuring: {what}", err=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit code."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(bench)
    return run_app(app, sys.argv[1:] if argv is None else argv, name="benchmarks.speed")


if __name__ == "__main__":
    sys.exit(main())
