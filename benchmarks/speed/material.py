"""Input of the stages, as files that both sides can read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecgcam.data.preparation import prepare
from ecgcam.data.ptbxl import STATEMENTS, TABLE, TRAIN_FOLDS, read_table
from ecgcam.data.store import Store, open_store
from ecgcam.data.synthetic import synthesize

from .arrays import VALIDATION_FOLD, write_arrays
from .made_up import write_made_up
from .whole_way import Counts


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Amounts of data that are measured.

    made_up:   ECGs of the synthetic folder; base: number of different ones.
    read:      ECGs that wfdb reads in a run. signals: raw ECGs in memory.
    trained:   ECGs of the part that an epoch is measured on, validation and all.
    in_a_row:  consecutive training steps, and batches that are augmented or predicted; the first
               one finds cold caches.
    growth:    numbers of ECGs to measure growth on.
    rounds:    of a stage at most.
    megabytes: read and copied to measure the machine.
    """

    made_up: int = 20_000
    base: int = 500
    read: int = 2_000
    signals: int = 256
    trained: int = 9_000
    batch: int = 128
    in_a_row: int = 8
    growth: tuple[int, ...] = (5_000, 20_000, 80_000)
    rounds: int = 1_000
    megabytes: int = 256


QUICK = Sizes(
    made_up=120,
    base=120,
    read=20,
    signals=4,
    trained=120,
    batch=32,
    in_a_row=2,
    growth=(60, 120),
    rounds=1,
    megabytes=8,
)


@dataclass(frozen=True, kw_only=True)
class Material:
    """Paths and amounts of the input.

    given: input of the jobs of both sides, by name:
        base, a few synthetic ECGs; folder, the ECGs; stems, its records in the order of its store;
        whole, its store; store, that of the part an epoch is measured on; folds to evaluate on;
        what write_arrays wrote;
        records, trained, validated: ECGs in the folder, and in the folds of the part;
        read, batch, in_a_row, epochs, megabytes: how much to do at a time;
        scratch and made: where to write, and what.
    counts: of ECGs, to add up the full pipeline.
    """

    given: dict[str, Any]
    counts: Counts


def make_material(folder: Path | None, scratch: Path, sizes: Sizes) -> Material:
    """Write the input of all stages, from a PTB-XL folder or from synthetic ECGs.

    Raises DatasetError if it is no such folder, or has nothing to train or to validate on.
    """
    base = synthesize(scratch / "base", sizes.base)
    folder = (folder or write_made_up(scratch / "ecgs", sizes.made_up, base=base)).resolve()
    part = _first_of_folder(folder, scratch / "part", sizes.trained)
    whole = open_store(prepare(folder, scratch / "whole").folder)
    store = open_store(prepare(part, scratch / "store").folder)
    given: dict[str, Any] = {
        "base": str(base),
        "folder": str(folder),
        "stems": str(_write_stems(folder, whole, scratch / "stems.txt")),
        "whole": str(whole.folder),
        "store": str(store.folder),
        "folds": [VALIDATION_FOLD],
        **write_arrays(store, scratch, signals=sizes.signals),
        "records": len(whole.records),
        "trained": len(store.indices(folds=TRAIN_FOLDS)),
        "validated": len(store.indices(folds=[VALIDATION_FOLD])),
        "read": min(sizes.read, len(whole.records)),
        "batch": sizes.batch,
        "in_a_row": sizes.in_a_row,
        "epochs": 2,
        "megabytes": sizes.megabytes,
        "scratch": str(scratch),
        "made": str(scratch / "made"),
    }
    counts = Counts(
        records=given["records"],
        train=len(whole.indices(folds=TRAIN_FOLDS)),
        validation=len(whole.indices(folds=[VALIDATION_FOLD])),
        trained=given["trained"],
    )
    return Material(given=given, counts=counts)


def _first_of_folder(folder: Path, dest: Path, records: int) -> Path:
    """Write a folder of the first records, which links to the files of the whole."""
    dest.mkdir()
    table = read_table(folder).head(records)
    table.to_csv(dest / TABLE, index=False)
    (dest / STATEMENTS).write_bytes((folder / STATEMENTS).read_bytes())
    for name in {Path(name).parts[0] for name in table["filename_lr"]}:
        (dest / name).symlink_to(folder / name)
    return dest


def _write_stems(folder: Path, store: Store, path: Path) -> Path:
    """Write the WFDB records of a store's ECGs in its order, one a line."""
    names = read_table(folder).set_index("ecg_id")["filename_lr"]
    stems = [str(folder / name) for name in names.loc[store.records["id"]]]
    path.write_text("\n".join(stems) + "\n", encoding="utf-8")
    return path
