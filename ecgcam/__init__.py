"""12-lead ECG to a probability and the evidence over time that adds up to it."""

from typing import TYPE_CHECKING

from .errors import DatasetError, EcgcamError, ModelError, RecordError
from .lazy import lazy_names

if TYPE_CHECKING:
    from .inference.classifier import Classifier
    from .inference.loading import load
    from .inference.results import Explanation, Prediction
    from .readers.read import read
    from .signals.record import Record

__version__ = "0.2.0"

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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Classifier": ".inference.classifier",
        "Explanation": ".inference.results",
        "Prediction": ".inference.results",
        "Record": ".signals.record",
        "load": ".inference.loading",
        "read": ".readers.read",
    },
)
