"""Writing a store: shards by several processes, then the table, store.json and rejected.csv."""

import json
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import __version__
from ..errors import DatasetError
from ..files import atomic_folder
from ..processes import Progress, available_cores, parallel_map
from .digests import about_with_digest, fingerprint, signals_sha256
from .shards import Form, Shard, drop_records, write_shard
from .source import Source
from .store import ABOUT, FORMAT, RECORDS, REJECTED

IS_STORED = "which is stored already"  # the reason of a copy's rejection ends so

_STORE_FILE = re.compile(rf"signals-\d{{5,}}\.npy|{ABOUT}|{RECORDS}|{REJECTED}")


def check_no_loss(folder: Path, *, overwrite: bool) -> None:
    """Raise DatasetError if a new store at `folder` would destroy anything.

    Only a store may be overwritten, and only if `overwrite` is set. An empty folder may be used.
    """
    if not os.path.lexists(folder):
        return
    if folder.resolve() == Path.cwd():
        raise DatasetError(f"{folder}: this is the current folder; expected another one.")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else {""}
    foreign = {name for name in names if not _STORE_FILE.fullmatch(name)}
    if folder.is_symlink() or foreign or (names and not {ABOUT, RECORDS} <= names):
        raise DatasetError(f"{folder}: not a store, so it is not overwritten; name another folder.")
    if names and not overwrite:
        raise DatasetError(f"{folder}: this store exists already; --overwrite replaces it.")


def write_store(
    source: Source,
    folder: Path,
    form: Form,
    *,
    dataset: Path,
    shard_records: int,
    jobs: int | None,
    overwrite: bool,
    progress: Progress | None,
) -> list[str]:
    """Write the usable records of a source as a store and return the reasons for the others.

    dataset: the folder or table that the source was read from. The other arguments are those of
    `prepare` and PrepareConfig, and so are the errors.
    """
    with atomic_folder(folder) as new:
        shards: list[Shard] = []

        def files() -> Iterator[Path]:
            for shard in _write_shards(source.records, new, form, shard_records, jobs, progress):
                shards.append(shard)
                yield new / shard.file

        digest = signals_sha256(files())  # while the workers write the next shards
        records = _stored_records(source, shards, new, dataset)
        records.to_parquet(new / RECORDS, index=False)
        about = _about(source, shards, records, digest, form)
        (new / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        check_no_loss(folder, overwrite=overwrite)  # the folder may have changed meanwhile
    return [text for text in _problems(source, shards) if text]


def _problems(source: Source, shards: list[Shard]) -> list[str]:
    """Return for each record of a source why it is left out; "" if it is stored."""
    of_files = iter([text for shard in shards for text in shard.problems])
    return [text or next(of_files) for text in source.records["problem"]]


def _write_shards(
    records: pd.DataFrame,
    folder: Path,
    form: Form,
    shard_records: int,
    jobs: int | None,
    progress: Progress | None,
) -> Iterator[Shard]:
    """Yield the shards in order; each worker reads the files of its shard and writes it."""
    usable = records[records["problem"] == ""]
    paths, ids = usable["path"].tolist(), usable["id"].tolist()
    chunks = [paths[at : at + shard_records] for at in range(0, len(paths), shard_records)]
    files = [folder / f"signals-{k:05d}.npy" for k in range(len(chunks))]
    jobs = min(jobs or available_cores(), len(chunks))
    done = 0
    first_ids: dict[str, Any] = {}
    write = partial(_write_shard, form=form)
    for shard in parallel_map(write, list(zip(chunks, files, strict=True)), jobs=jobs):
        shard = _without_copies(shard, folder, ids[done : done + len(shard.problems)], first_ids)
        done += len(shard.problems)
        if progress:
            progress(done, len(paths))
        yield shard


def _without_copies(shard: Shard, folder: Path, ids: list[Any], first_ids: dict[str, Any]) -> Shard:
    """Return the shard without records whose signal is stored already.

    Such a copy could be in another fold. ids: of the files of the shard. first_ids: the first
    record of each digest so far, to which this shard's are added.
    """
    stored = [ecg for ecg, problem in zip(ids, shard.problems, strict=True) if not problem]
    copies = {}
    for row, (ecg, facts) in enumerate(zip(stored, shard.facts, strict=True)):
        if facts.digest in first_ids:
            copies[row] = f"the same signal as {first_ids[facts.digest]}, {IS_STORED}"
        first_ids.setdefault(facts.digest, ecg)
    return drop_records(shard, folder, copies) if copies else shard


def _write_shard(task: tuple[list[str], Path], form: Form) -> Shard:
    return write_shard(*task, form)


def _stored_records(
    source: Source, shards: list[Shard], folder: Path, dataset: Path
) -> pd.DataFrame:
    """Return the table of the stored records; write rejected.csv with the others."""
    records = source.records.copy()
    records["problem"] = _problems(source, shards)
    rejected = records[records["problem"] != ""]
    stored = records[records["problem"] == ""].drop(columns=["path", "problem"])
    if stored.empty:
        reason = rejected["problem"].iloc[0] if len(rejected) else "its table has no rows"
        raise DatasetError(f"{source.name}: none of its ECGs can be used; the first: {reason}")
    facts = [facts for shard in shards for facts in shard.facts]
    sizes = [len(shard.facts) for shard in shards]
    stored["shard"] = np.repeat(np.arange(len(shards)), sizes)
    stored["row"] = np.concatenate([np.arange(size) for size in sizes])
    stored["quality"] = [list(signal.quality) for signal in facts]
    stored["duration_s"] = [signal.duration_s for signal in facts]
    for column in ("age_years", "sex"):  # of the file, where the table does not know it
        of_files = pd.Series([getattr(signal, column) for signal in facts], stored.index)
        if of_files.notna().any():
            known = stored.get(column, of_files)
            stored[column] = known.where(known.notna(), of_files)
    _write_rejected(rejected, folder / REJECTED, dataset)
    return stored


def _write_rejected(rejected: pd.DataFrame, file: Path, dataset: Path) -> None:
    """Write paths relative to the dataset: the folder above may tell whose data it is."""
    rejected = rejected.rename(columns={"problem": "reason"})[["id", "path", "reason"]]
    above = f"{dataset.resolve() if dataset.is_dir() else dataset.resolve().parent}{os.sep}"
    for column in ("path", "reason"):
        rejected[column] = rejected[column].str.replace(above, "", regex=False)
    rejected.to_csv(file, index=False)


def _about(
    source: Source, shards: list[Shard], records: pd.DataFrame, digest: str, form: Form
) -> dict[str, object]:
    """Return the content of store.json."""
    parts = [{"file": s.file, "records": len(s.facts), "sha256": s.sha256} for s in shards]
    about = {
        "format": FORMAT,
        "made_by": f"ecgcam {__version__}",
        "source": Path(source.name).name,
        "rate_hz": form.rate_hz,
        "samples": form.samples,
        "leads": list(form.leads),
        "unit": "1 µV",
        "records": len(records),
        "vocabulary": {kind: list(names) for kind, names in source.vocabulary.items()},
        "titles": dict(source.titles),
        "shards": parts,
        "signals_sha256": digest,
        "fingerprint": fingerprint(digest, records),
    }
    return about_with_digest(about)
