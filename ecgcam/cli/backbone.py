"""The option that names a backbone; code of one's own may lie in the working folder."""

import os
import sys
from typing import Annotated

import typer


def found_here(name: str | None) -> str | None:
    """The name as it is; `module:Class` is then looked for in the working folder too, last."""
    if name and ":" in name and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    return name


Trusted = Annotated[
    str | None,
    typer.Option("--backbone", help="module:Class that you trust.", callback=found_here),
]
