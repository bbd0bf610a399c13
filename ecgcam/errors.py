"""The errors a user can mend.

EcgcamError
├── RecordError    one ECG cannot be used: a file that is missing, cut short, lacks a lead …
├── DatasetError   a folder, a table or a store is not what it should be
└── ModelError     a model file cannot be read, or does not fit what it is given

The command line prints their message as one sentence and exits with 2. A wrong argument in
the caller's own code is a ValueError or a TypeError instead.
"""


class EcgcamError(Exception):
    """What was given to ecgcam is wrong; the message says what, and what is needed."""


class RecordError(EcgcamError):
    """One ECG cannot be used."""


class DatasetError(EcgcamError):
    """A folder of ECGs, a table or a store cannot be used."""


class ModelError(EcgcamError):
    """A model file cannot be read, or does not fit what it is given."""
