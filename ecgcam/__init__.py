"""12-lead ECG to a probability and the evidence over time that adds up to it."""

__version__ = "0.1.0"
