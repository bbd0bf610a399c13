"""Stores: reading them, and detecting damage and changes."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from ecgcam.data.digests import fingerprint, signals_sha256
from ecgcam.data.store import open_store, verify
from ecgcam.errors import DatasetError
from ecgcam.signals.leads import LEADS
from ecgcam.tasks import find_task


@pytest.fixture
def folder(synthetic_store, tmp_path):
    """A copy of a store, to be damaged."""
    return shutil.copytree(synthetic_store.folder, tmp_path / "store")


def change_about(folder, **changes):
    """Change store.json and remove its digest, which would reveal the change."""
    about = json.loads((folder / "store.json").read_text(encoding="utf-8"))
    del about["about_sha256"]
    for name, value in changes.items():
        about.pop(name) if value is None else about.__setitem__(name, value)
    (folder / "store.json").write_text(json.dumps(about), encoding="utf-8")


def change_records(folder, change):
    pd.DataFrame(change(pd.read_parquet(folder / "records.parquet"))).to_parquet(
        folder / "records.parquet", index=False
    )


def signals_in(folder):
    return np.load(folder / "signals-00000.npy")


def test_a_store_describes_itself(synthetic_store):
    assert (synthetic_store.leads, synthetic_store.rate_hz) == (LEADS, 100)
    assert (synthetic_store.samples, len(synthetic_store.records)) == (1000, 120)
    about = json.loads((synthetic_store.folder / "store.json").read_text(encoding="utf-8"))
    assert (about["format"], about["unit"], about["records"]) == (1, "1 µV", 120)
    assert synthetic_store.vocabulary["superclass"] == ("NORM", "MI", "STTC", "CD", "HYP")
    assert {path.name for path in synthetic_store.folder.iterdir()} == {
        "signals-00000.npy",
        "records.parquet",
        "store.json",
        "rejected.csv",
    }


def test_signals_come_in_the_requested_order(synthetic_store):
    stored = signals_in(synthetic_store.folder)
    assert (stored.dtype, stored.shape) == (np.int16, (120, 12, 1000))
    for indices in ([7], [119, 0, 7, 7], np.array([3, 2, 1]), []):
        selected = synthetic_store.signals_uv(indices)
        assert selected.dtype == np.int16
        np.testing.assert_array_equal(selected, stored[np.asarray(indices, int)])
        in_mv = synthetic_store.signals_mv(indices)
        assert in_mv.dtype == np.float32
        np.testing.assert_allclose(in_mv, selected / 1000, atol=1e-6)


def test_changing_returned_signals_does_not_change_the_store(synthetic_store):
    synthetic_store.signals_uv([0])[:] = 7
    synthetic_store.signals_mv([0])[:] = 7
    assert list(verify(synthetic_store)) == []


def test_indices_of_folds(synthetic_store):
    fold = synthetic_store.records["fold"].to_numpy(int)
    assert synthetic_store.indices().tolist() == list(range(120))
    selected = synthetic_store.indices(folds=[2, 9])
    assert selected.tolist() == [k for k in range(120) if fold[k] in {2, 9}]
    assert len(selected) > 10
    assert synthetic_store.indices(folds=[]).tolist() == []
    assert synthetic_store.indices(folds=[11]).tolist() == []


def test_labelled_records_of_a_task(synthetic_store):
    task = find_task("superclass", synthetic_store.vocabulary)
    folds = (1, 2, 3, 4)
    kept = synthetic_store.labelled(task, folds=folds)
    assert kept.dropped == len(synthetic_store.indices(folds=folds)) - len(kept.indices)
    assert set(synthetic_store.records["fold"].iloc[kept.indices]) == set(folds)
    for index, row in zip(kept.indices, kept.targets, strict=True):
        labels = synthetic_store.records["labels"].iloc[index]
        groups = {label.split(":")[1] for label in labels if label.startswith("superclass:")}
        assert {task.classes[k] for k in np.flatnonzero(row)} == groups != set()
    assert (
        len(synthetic_store.labelled(task).indices) + synthetic_store.labelled(task).dropped == 120
    )


def test_a_record_is_selected_by_its_id(synthetic_store):
    for index, identity in enumerate(synthetic_store.records["id"]):
        assert synthetic_store.index_of(str(identity)) == index
    for unknown in ("0", "121", "", "1.0", "a"):
        with pytest.raises(DatasetError, match=f"no record has the id {unknown}"):
            synthetic_store.index_of(unknown)


def test_a_record_has_age_sex_and_quality_warnings(folder):
    def blank(records):
        records["age_years"] = records["age_years"].mask(records["id"] == 4)
        records["sex"] = records["sex"].mask(records["id"] == 4)
        quality = [["flat V5"], *records["quality"].tolist()[1:]]
        return records.assign(quality=quality)

    change_records(folder, blank)
    store = open_store(folder)
    row = store.records.iloc[0]
    first, fourth = store.record(0), store.record(3)
    assert (first.name, first.age_years, first.sex) == ("1", row["age_years"], row["sex"])
    assert first.warnings == ("flat V5",)
    assert (first.leads, first.rate_hz) == (LEADS, 100)
    np.testing.assert_array_equal(first.signal_mv, store.signals_mv([0])[0])
    assert (fourth.age_years, fourth.sex, fourth.warnings) == (None, None, ())


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for name in ("none", "file", "."):
        with pytest.raises(DatasetError, match=r"not a store: it has no store\.json"):
            open_store(tmp_path / name)


@pytest.mark.parametrize("name", ["signals-00000.npy", "records.parquet", "store.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "other bytes", "a folder"])
def test_a_missing_or_damaged_part_is_named(folder, name, damage):
    part = folder / name
    content = part.read_bytes()
    part.unlink()
    if damage == "a folder":
        part.mkdir()
    elif damage != "missing":
        size = {"empty": 0, "cut": len(content) // 2, "other bytes": None}[damage]
        part.write_bytes(b"\xff\xfe nonsense" if size is None else content[:size])
    with pytest.raises(DatasetError, match=name.replace(".", r"\.")):
        open_store(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.astype(np.int32), "of int32"),
        (lambda s: s.astype(">i2"), "of >i2"),
        (lambda s: s.astype(np.float32), "of float32"),
        (lambda s: s[:119], r"signals \(119, 12, 1000\)"),
        (lambda s: s[:, :11], r"signals \(120, 11, 1000\)"),
        (lambda s: s[:, :, :500], r"signals \(120, 12, 500\)"),
        (lambda s: s.transpose(0, 2, 1), r"signals \(120, 1000, 12\)"),
        (lambda s: s[0], r"signals \(12, 1000\)"),
    ],
)
def test_signals_of_another_shape_or_type_are_refused(folder, change, message):
    np.save(folder / "signals-00000.npy", change(signals_in(folder)))
    with pytest.raises(DatasetError, match=f"signals-00000.npy: .*{message}"):
        open_store(folder)


def test_pickles_and_zip_files_are_refused(folder):
    np.save(folder / "signals-00000.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DatasetError, match="signals cannot be read"):
        open_store(folder)
    with (folder / "signals-00000.npy").open("wb") as file:
        np.savez(file, signals=np.zeros((120, 12, 1000), np.int16))
    with pytest.raises(DatasetError, match="signals cannot be read"):
        open_store(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"format": None},
        {"leads": None},
        {"shards": None},
        {"fingerprint": None},
        {"shards": 3},
        {"shards": [3]},
        {"shards": [{}]},
        {"shards": [{"file": 3, "records": 120, "sha256": ""}]},
        {"shards": []},
        {"leads": 3},
        {"leads": list(LEADS[:11])},
        {"samples": "many"},
        {"samples": 0},
        {"rate_hz": None},
        {"rate_hz": "100"},
        {"rate_hz": -100.0},
        {"rate_hz": float("inf")},
        {"vocabulary": []},
        {"titles": ["Inferior myocardial infarction"]},
        {"samples": 999},
    ],
)
def test_an_invalid_store_json_is_refused(folder, changes):
    change_about(folder, **changes)
    with pytest.raises(DatasetError):
        open_store(folder)


@pytest.mark.parametrize("text", ["[]", "3", '"format"', "null", "{", "", "[" * 100000])
def test_another_json_is_refused(folder, text):
    (folder / "store.json").write_text(text)
    with pytest.raises(
        DatasetError, match=r"store\.json: (not a store of format 1|cannot be read)"
    ):
        open_store(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.iloc[:-1], "do not match"),
        (lambda r: r.iloc[::-1], "do not match"),
        (lambda r: r.assign(row=0), "do not match"),
        (lambda r: r.assign(shard=7), "do not match"),
        (lambda r: r.drop(columns=["labels", "fold"]), "columns fold, labels are missing"),
    ],
)
def test_a_table_that_does_not_match_the_signals_is_refused(folder, change, message):
    change_records(folder, change)
    with pytest.raises(DatasetError, match=message):
        open_store(folder)


def test_verify_finds_one_changed_byte(folder):
    with (folder / "signals-00000.npy").open("r+b") as file:
        file.seek(-1000, 2)
        byte = file.read(1)
        file.seek(-1000, 2)
        file.write(bytes([byte[0] ^ 1]))
    assert list(verify(open_store(folder))) == [
        "signals-00000.npy: its signals changed since the store was made."
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.assign(labels=[["superclass:MI"], *r["labels"].tolist()[1:]]),
        lambda r: r.assign(labels=[None, *r["labels"].tolist()[1:]]),
        lambda r: r.assign(fold=r["fold"].mask(r["id"] == 5, 1 + r["fold"] % 10)),
        lambda r: r.assign(patient=r["patient"].mask(r["id"] == 5, 7777)),
        lambda r: r.assign(id=r["id"].mask(r["id"] == 5, 7777)),
    ],
    ids=["label", "no label", "fold", "patient", "id"],
)
def test_a_table_with_one_changed_cell_is_refused(folder, change):
    change_records(folder, change)
    with pytest.raises(DatasetError, match="ids, patients, folds or labels changed since"):
        open_store(folder)


def test_a_store_without_titles_is_opened(folder):
    change_about(folder, titles=None)
    assert open_store(folder).titles == {}


def test_additional_columns_may_change(folder):
    change_records(folder, lambda r: r.assign(remark="checked", age_years=50.0))
    assert list(verify(open_store(folder))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"leads": list(LEADS[::-1])},
        {"rate_hz": 500.0},
        {"vocabulary": {"superclass": ["MI", "NORM", "STTC", "CD", "HYP"]}},
        {"source": "another"},
    ],
)
def test_a_changed_store_json_is_refused(folder, synthetic_store, changes):
    change_about(folder, **changes, about_sha256=synthetic_store.about["about_sha256"])
    with pytest.raises(DatasetError, match=r"store\.json: changed since the store was made"):
        open_store(folder)


def test_a_store_json_without_a_digest_is_opened(folder, synthetic_store):
    change_about(folder)
    store = open_store(folder)
    assert "about_sha256" not in store.about
    assert store.titles["statement:IMI"] == "Inferior infarction"
    assert store.about["fingerprint"] == synthetic_store.about["fingerprint"]


def test_a_store_with_a_patient_in_two_folds_is_refused(folder, synthetic_store):
    records = synthetic_store.records
    crossing = records.assign(patient=records["patient"].mask(records["fold"] < 3, 7777))
    change_records(folder, lambda r: crossing)
    change_about(folder, fingerprint=fingerprint(synthetic_store.about["signals_sha256"], crossing))
    with pytest.raises(DatasetError, match="in more than one fold"):
        open_store(folder)


def test_equal_data_and_no_other_have_equal_fingerprints(synthetic_store, tmp_path):
    signals = signals_in(synthetic_store.folder)
    for k, part in enumerate(np.split(signals, [10, 10, 75])):
        np.save(tmp_path / f"{k}.npy", part)
    parts = [tmp_path / f"{k}.npy" for k in range(4)]
    about, records = synthetic_store.about, synthetic_store.records
    assert signals_sha256(parts) == about["signals_sha256"]
    assert signals_sha256(parts[::-1]) != about["signals_sha256"]
    assert fingerprint(signals_sha256(parts), records) == about["fingerprint"]
    assert fingerprint(signals_sha256(parts[::-1]), records) != about["fingerprint"]
    assert fingerprint(signals_sha256(parts), records.iloc[::-1]) != about["fingerprint"]
