"""Errors that the user's data can cause.

EcgcamError
├── RecordError    one ECG: a missing or damaged file, a missing lead
├── DatasetError   a folder, a table or a store
└── ModelError     a model file, or a model that does not fit the data

The command line prints the message as one sentence and exits with 2. A wrong argument in the
caller's own code is a ValueError or a TypeError instead.
"""


class EcgcamError(Exception):
    """Data that ecgcam cannot use; the message says what is wrong and what was expected."""


class RecordError(EcgcamError):
    """One ECG cannot be used."""


class DatasetError(EcgcamError):
    """A folder of ECGs, a table or a store cannot be used."""


class ModelError(EcgcamError):
    """A model file cannot be read, or the model does not fit the data."""
