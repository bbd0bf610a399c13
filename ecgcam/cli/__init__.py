"""Command line: each command parses, calls one function, and prints the path of the result.

Exit codes: 0 done, 1 failed, 2 bad input. Users see one sentence; `--debug` shows the traceback.
"""

import sys
from collections.abc import Callable, Sequence

import typer

from .. import __version__
from ..errors import EcgcamError
from . import (
    anonymize_command,
    calibrate_command,
    combine_command,
    compare_command,
    data_commands,
    demo_command,
    evaluate_command,
    explain_command,
    model_commands,
    predict_command,
    read_command,
    robustness_command,
    scorecard_command,
    train_command,
)

# Libraries of the extras, by the extra that brings them.
_EXTRAS = {
    "formats": ("wfdb", "pydicom", "defusedxml", "h5py"),
    "train": (
        *("torch", "lightning", "tensorboard", "onnx", "pandas", "pyarrow"),
        *("sklearn", "scipy", "requests"),
    ),
}
_INTERRUPTED = 130  # typer's exit code for a Ctrl-C

app = typer.Typer(
    name="ecgcam",
    help="Classify 12-lead ECGs with a very small network that shows its evidence. "
    "Not a medical device.",
    epilog="Every command takes --debug, which shows the traceback of an error.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "ECGs": (
        predict_command.predict,
        explain_command.explain,
        read_command.read,
        anonymize_command.anonymize,
    ),
    "Models": (model_commands.models, model_commands.info, model_commands.export),
    "Data": (
        data_commands.download,
        data_commands.synthesize,
        data_commands.overview,
        data_commands.prepare,
    ),
    "Training": (train_command.train, combine_command.combine, calibrate_command.calibrate),
    "Evaluation": (
        evaluate_command.evaluate,
        robustness_command.robustness,
        compare_command.compare,
        scorecard_command.scorecard,
    ),
    "Start here": (demo_command.demo,),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(rich_help_panel=panel)(command)


@app.callback(invoke_without_command=True)
def version(
    show: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    """Classify 12-lead ECGs with a very small network that shows its evidence."""
    if show:
        typer.echo(f"ecgcam {__version__}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `ecgcam` command and return its exit code."""
    return run_app(app, sys.argv[1:] if argv is None else argv, name="ecgcam")


def run_app(app: typer.Typer, arguments: Sequence[str], *, name: str) -> int:
    """Run a command line and return its exit code; an error becomes one sentence on stderr."""
    debug = "--debug" in arguments
    try:
        app([word for word in arguments if word != "--debug"], prog_name=name)
    except SystemExit as leaving:
        code = int(leaving.code or 0)
        return _say("stopped.", 1) if code == _INTERRUPTED else code
    except Exception as error:
        if debug:
            raise
        if isinstance(error, ModuleNotFoundError) and (extra := _extra_of(error.name)):
            return _say(f"this needs {error.name}: pip install 'ecgcam[{extra}]'", 1)
        wrong = isinstance(error, EcgcamError)
        return _say(str(error) or type(error).__name__, 2 if wrong else 1)
    return 0


def _extra_of(module: str | None) -> str | None:
    """Return the extra that brings a module; None if it is none of theirs."""
    library = (module or "").split(".")[0]
    return next((extra for extra, names in _EXTRAS.items() if library in names), None)


def _say(sentence: str, code: int) -> int:
    typer.echo(f"ecgcam: {' '.join(sentence.split())}", err=True)
    return code
