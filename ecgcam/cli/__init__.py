"""The command line. It parses, calls one function, and prints where the result lies.

Exit code 0: done. 1: it failed. 2: what it was given is wrong. Users see one sentence;
`--debug` shows the traceback.
"""

import sys
from collections.abc import Sequence

import typer

from .. import __version__
from ..errors import EcgcamError
from . import bench, calibrate, combine, compare, data, judge, learn, robustness, tour

_OF_TRAINING = ("torch", "lightning")  # what the extra `train` brings
_INTERRUPTED = 130  # typer's exit code for a Ctrl-C

app = typer.Typer(
    name="ecgcam",
    help="12-lead ECG to a probability, and the evidence over time that adds up to it. "
    "Not a medical device.",
    epilog="Every command takes --debug, which shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    tour.demo,
    data.download,
    data.synthesize,
    data.overview,
    data.prepare,
    learn.train,
    combine.combine,
    calibrate.calibrate,
    learn.evaluate,
    robustness.robustness,
    compare.compare,
    judge.explain,
    judge.read,
    judge.info,
    judge.models,
    judge.import_weights,
    bench.bench,
):
    app.command()(command)


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Show the version and leave."),
) -> None:
    """12-lead ECG to a probability, and the evidence over time that adds up to it."""
    if show:
        typer.echo(f"ecgcam {__version__}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    try:
        app([word for word in arguments if word != "--debug"], prog_name="ecgcam")
    except SystemExit as leaving:
        code = int(leaving.code or 0)
        return _say("stopped.", 1) if code == _INTERRUPTED else code
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError) and error.name in _OF_TRAINING:
            return _say(f"this needs {error.name}: pip install 'ecgcam[train]'.", 1)
        wrong = isinstance(error, EcgcamError)
        return _say(str(error) or type(error).__name__, 2 if wrong else 1)
    return 0


def _say(sentence: str, code: int) -> int:
    typer.echo(f"ecgcam: {' '.join(sentence.split())}", err=True)
    return code
