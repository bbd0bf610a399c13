"""Digests that tell whether a store is as it was written: samples, table, and store.json."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ABOUT_SHA256 = "about_sha256"  # in store.json; stores of earlier versions have none


def signals_sha256(files: Iterable[Path]) -> str:
    """A digest of the samples of some shards, the same whatever shards they are cut into."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(np.ascontiguousarray(np.load(file, mmap_mode="r")).data)
    return digest.hexdigest()


def fingerprint(signals_digest: str, records: pd.DataFrame) -> str:
    """A digest of the signals, ids, patients, folds and labels: the same data, the same digest."""
    digest = hashlib.sha256(signals_digest.encode())
    for identity, patient, fold, labels in zip(
        records["id"], records["patient"], records["fold"], records["labels"], strict=True
    ):
        digest.update(f"{identity}\t{patient}\t{fold}\t{' '.join(labels)}\n".encode())
    return digest.hexdigest()


def about_with_digest(about: Mapping[str, Any]) -> dict[str, Any]:
    """What a store.json is to say, with a digest of all of it; the same if it had that already."""
    said = {key: value for key, value in about.items() if key != ABOUT_SHA256}
    text = json.dumps(said, sort_keys=True)
    return {**said, ABOUT_SHA256: hashlib.sha256(text.encode()).hexdigest()}
