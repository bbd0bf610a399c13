"""Own data sets as they come: folders, diagnoses in headers, other lengths, copies."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.ecg_files import LEADS, samples_like_an_ecg, write_wfdb

from ecgcam.data.csv_table import read_csv_table
from ecgcam.data.ecg_folder import read_ecg_folder
from ecgcam.data.preparation import PrepareConfig, prepare
from ecgcam.data.snomed import diagnoses
from ecgcam.data.store import open_store
from ecgcam.errors import DatasetError
from ecgcam.inference.loading import load

ROOT = Path(__file__).parents[2]


def prepared(source, tmp_path, **settings):
    """What prepare says, and the store."""
    done = prepare(source, tmp_path / "store", PrepareConfig(jobs=1, **settings))
    return done, open_store(done.folder)


def reasons(store):
    table = pd.read_csv(store.folder / "rejected.csv").set_index("id")
    return table["reason"].to_dict()


@pytest.fixture
def challenge(tmp_path):
    """Twelve records with diagnoses, ages and sexes in their headers, as in the challenges."""
    folder = tmp_path / "challenge"
    for k in range(12):
        codes = ["426783006", "164889003,59118001", "270492004"][k % 3]
        comments = [f"Age: {40 + k}", f"Sex: {'Female' if k % 2 else 'Male'}", f"Dx: {codes}"]
        write_wfdb(folder / f"g{k % 2}" / f"E{k:02d}", samples_like_an_ecg(seed=k),
                   comments=comments if k else comments[:2])  # fmt: skip
    return folder


def test_a_folder_with_diagnoses_in_its_headers_becomes_a_store(challenge, tmp_path):
    done, store = prepared(challenge, tmp_path)
    assert done.records == 12
    assert store.vocabulary == {"column": ("AF", "IAVB", "NSR", "RBBB")}
    assert store.titles["column:IAVB"] == "First-degree AV block"
    by_id = store.records.set_index("id")
    assert by_id["labels"]["g1/E01"].tolist() == ["column:AF", "column:RBBB"]
    assert by_id["labels"]["g1/E05"].tolist() == ["column:IAVB"]
    assert by_id["labels"]["g0/E00"].tolist() == [
        f"blank:{name}" for name in store.vocabulary["column"]
    ]
    assert by_id["age_years"]["g1/E11"] == 51
    assert by_id["sex"][["g0/E02", "g1/E03"]].tolist() == ["male", "female"]
    assert sorted(store.records["fold"].unique()) == list(range(1, 11))
    assert "each ECG counts as its own patient" in " ".join(done.remarks)


def test_the_classes_of_a_folder_can_be_chosen(challenge):
    source = read_ecg_folder(challenge, labels=("AF",))
    assert source.vocabulary == {"column": ("AF",)}
    assert source.records["labels"].tolist()[:2] == [["blank:AF"], []]
    with pytest.raises(DatasetError, match="no header has the diagnosis WPW; found AF, IAVB"):
        read_ecg_folder(challenge, labels=("WPW",))


def test_a_table_may_leave_the_labels_to_the_headers(challenge):
    table = challenge / "patients.csv"
    table.write_text("path,patient,fold\ng1/E01,p,1\ng0/E02.hea,p,1\n")
    source = read_csv_table(table)
    assert source.records["labels"].tolist() == [["column:AF", "column:RBBB"], ["column:IAVB"]]
    assert "patients.csv lists ECGs" in " ".join(read_ecg_folder(challenge).remarks)


def test_the_codes_are_those_of_the_challenges():
    table = diagnoses()
    assert len(table) == 133
    assert len({name for name, _ in table.values()}) == 133
    assert table["164889003"] == ("AF", "Atrial fibrillation")
    assert table["59118001"].name == "RBBB"
    assert all(code.isdecimal() for code in table)
    assert not {name for name, _ in table.values()} & {"NORM", "STTC", "CD", "HYP"}


def test_a_folder_of_several_formats_and_other_files(tmp_path):
    folder = tmp_path / "ecgs"
    write_wfdb(folder / "a", samples_like_an_ecg(seed=1))
    np.savez(folder / "b.npz", signal_mv=samples_like_an_ecg(seed=2).T / 1000, rate_hz=100)
    samples = samples_like_an_ecg(seed=3) / 1000
    rows = np.column_stack([np.arange(1000) / 100, samples]).round(4)
    with (folder / "c.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["time", *LEADS], *rows.tolist()])
    (folder / "notes.txt").write_text("ECGs of May\n")
    done, store = prepared(folder, tmp_path)
    assert store.records["id"].tolist() == ["a", "b.npz", "c.csv"]
    assert store.vocabulary == {}
    text = " ".join(done.remarks)
    assert "no labels" in text
    assert "1 files hold no ECG that can be read: notes.txt" in text
    assert "only 3 patients" in text


@pytest.fixture
def lengths(tmp_path):
    """ECGs of 4, 7, 10 (two) and 25 s."""
    rows = ["path,patient,fold,A"]
    for k, seconds in enumerate((10, 10, 4, 7, 25)):
        write_wfdb(tmp_path / f"s{k}", samples_like_an_ecg(time=seconds * 100, seed=k))
        rows.append(f"s{k}.hea,p{k},{k + 1},{k % 2}")
    (tmp_path / "lengths.csv").write_text("\n".join(rows))
    return tmp_path / "lengths.csv"


def test_ecgs_of_another_length_are_left_out_and_counted_unless_a_length_is_asked_for(
    lengths, tmp_path
):
    done, store = prepared(lengths, tmp_path)
    assert (done.records, done.rejected) == (2, 3)
    assert "3 ECGs do not last 10 s: --seconds 10 cuts longer ones" in " ".join(done.remarks)
    assert reasons(store)["s3.hea"].startswith("s3.hea: it lasts 7 s; expected 10 s, or use")


def test_longer_ecgs_are_cut_and_shorter_ones_padded_where_a_length_is_asked_for(lengths, tmp_path):
    done, store = prepared(lengths, tmp_path, duration_s=10.0)
    assert (done.records, done.rejected) == (4, 1)
    assert reasons(store) == {"s2.hea": "s2.hea: it lasts 4 s; expected at least 5 s."}
    assert store.records["duration_s"].tolist() == [10, 10, 7, 25]
    short, long = samples_like_an_ecg(time=700, seed=3).T, samples_like_an_ecg(time=2500, seed=4).T
    padded, cut = store.signals_uv([2, 3])
    np.testing.assert_array_equal(padded[:, :700], short)
    baseline = np.median(short, axis=1).round()
    np.testing.assert_array_equal(padded[:, 700:], np.tile(baseline[:, None], (1, 300)))
    np.testing.assert_array_equal(cut, long[:, :1000])
    assert store.records["quality"].map(list).tolist() == [[]] * 4  # padding is no fault


def test_a_padded_record_of_a_store_is_predicted_as_its_file(lengths, tmp_path):
    _, store = prepared(lengths, tmp_path, duration_s=10.0)
    record = store.record(2)
    assert record.signal_mv.shape == (12, 700)
    from ecgcam.readers.read import read

    model = load("normal")
    np.testing.assert_allclose(
        model.predict(record).logits, model.predict(read(tmp_path / "s3")).logits, atol=1e-4
    )


def test_the_same_signal_is_stored_once(tmp_path):
    rows = ["path,patient,fold,A"]
    for k in range(6):
        write_wfdb(tmp_path / f"s{k}", samples_like_an_ecg(seed=k // 2 if k < 4 else k))
        rows.append(f"s{k}.hea,p{k},{k + 1},1")
    (tmp_path / "copies.csv").write_text("\n".join(rows))
    done, store = prepared(tmp_path / "copies.csv", tmp_path, shard_records=3)
    assert store.records["id"].tolist() == ["s0.hea", "s2.hea", "s4.hea", "s5.hea"]
    assert reasons(store) == {
        "s1.hea": "the same signal as s0.hea, which is stored already",
        "s3.hea": "the same signal as s2.hea, which is stored already",
    }
    for index, seed in enumerate((0, 1, 4, 5)):
        np.testing.assert_array_equal(
            store.signals_uv([index])[0], samples_like_an_ecg(seed=seed).T
        )
    assert "2 ECGs are copies of others" in " ".join(done.remarks)


def test_missing_limb_leads_are_computed_and_said(tmp_path):
    folder = tmp_path / "ecgs"
    samples = samples_like_an_ecg()
    kept = [0, 1, *range(6, 12)]
    names = [LEADS[k].upper() for k in kept]
    write_wfdb(folder / "eight", samples[:, kept], leads=names)
    _, store = prepared(folder, tmp_path)
    signal_uv = store.signals_uv([0])[0].astype(int)
    np.testing.assert_array_equal(signal_uv[2], signal_uv[1] - signal_uv[0])
    assert any("computed from I and II" in text for text in store.records["quality"][0])


def test_a_script_without_a_main_guard_prepares_in_several_processes(synthetic_folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom ecgcam.data import PrepareConfig, prepare\n"
        "config = PrepareConfig(jobs=2, shard_records=30)\n"
        "print(prepare(Path(sys.argv[1]), Path(sys.argv[2]), config).records)\n"
    )
    done = subprocess.run(
        [sys.executable, script, synthetic_folder, tmp_path / "store"],
        capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "120\n"), done.stderr
