"""12-lead ECG to a probability and the evidence over time that adds up to it."""

from importlib import import_module
from typing import TYPE_CHECKING

from .errors import DatasetError, EcgcamError, ModelError, RecordError

if TYPE_CHECKING:
    from .classifier import Classifier, load
    from .explanation import Explanation, Prediction
    from .readers import read
    from .record import Record

__version__ = "0.1.0"

__all__ = [
    "Classifier",
    "DatasetError",
    "EcgcamError",
    "Explanation",
    "ModelError",
    "Prediction",
    "Record",
    "RecordError",
    "__version__",
    "load",
    "read",
]

_MODULE_OF = {  # of what is loaded when it is first asked for
    "Classifier": "classifier",
    "Explanation": "explanation",
    "Prediction": "explanation",
    "Record": "record",
    "load": "classifier",
    "read": "readers",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
