"""Reading of one input: its Record, or the reason why it cannot be used."""

import os
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EcgcamError
from ..readers.channels import DEFAULTS, ReadOptions
from ..readers.read import read
from ..signals.record import Record
from .ecg_inputs import Input

if TYPE_CHECKING:
    from ..data.store import Store


def read_input(
    ecg: Input, *, name: str | None = None, options: ReadOptions = DEFAULTS
) -> Record | str:
    """Return the Record of an input, or the reason why there is none. name: default, its id."""
    name = ecg.id if name is None else name
    try:
        if ecg.row is not None:
            return replace(_store(ecg.path).record(ecg.row), name=name)
        return replace(read(ecg.path, **options.keywords), name=name)
    except EcgcamError as error:
        return reason(error, ecg)
    except Exception as error:  # one file must not stop the others
        return f"it cannot be read: {type(error).__name__}"


def reason(error: Exception | str, ecg: Input) -> str:
    """Return the message of an error without the folder and the id, which are known."""
    text = str(error).replace(f"{ecg.folder}{os.sep}", "") if ecg.folder else str(error)
    return re.sub(rf"^(({re.escape(ecg.id)}|{re.escape(ecg.name)})(\.\w+)?: )+", "", text)


@lru_cache(maxsize=4)
def _store(folder: str) -> "Store":
    from ..data.store import open_store

    return open_store(Path(folder))
