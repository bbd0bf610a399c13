"""Digests of a store: of its samples, its table and store.json."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ABOUT_SHA256 = "about_sha256"  # key in store.json


def signals_sha256(files: Iterable[Path]) -> str:
    """Return the SHA-256 of the samples of some shards, however they are divided into shards."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(np.ascontiguousarray(np.load(file, mmap_mode="r")).data)
    return digest.hexdigest()


def fingerprint(signals_digest: str, records: pd.DataFrame) -> str:
    """Return the SHA-256 of the signals, ids, patients, folds and labels."""
    digest = hashlib.sha256(signals_digest.encode())
    for record_id, patient, fold, labels in zip(
        records["id"], records["patient"], records["fold"], records["labels"], strict=True
    ):
        digest.update(f"{record_id}\t{patient}\t{fold}\t{' '.join(labels)}\n".encode())
    return digest.hexdigest()


def about_with_digest(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of store.json with the SHA-256 of everything else in it."""
    content = {key: value for key, value in about.items() if key != ABOUT_SHA256}
    text = json.dumps(content, sort_keys=True)
    return {**content, ABOUT_SHA256: hashlib.sha256(text.encode()).hexdigest()}
