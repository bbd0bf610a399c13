"""Readers of ECG files: one file per format, each to a Record."""
