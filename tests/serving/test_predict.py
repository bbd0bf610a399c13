"""Many ECGs to one table."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.ecg_files import samples_like_an_ecg, write_wfdb

from ecgcam import load, read
from ecgcam.errors import DatasetError, ModelError
from ecgcam.serving import predict_many

ROOT = Path(__file__).parents[2]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six ECGs in two folders, one of them cut short, and a file that is none."""
    folder = tmp_path_factory.mktemp("predict") / "ecgs"
    for k, name in enumerate(("a/1", "a/2", "b/1", "b/2", "b/10")):
        write_wfdb(folder / name, samples_like_an_ecg(seed=k))
    write_wfdb(folder / "a" / "cut", samples_like_an_ecg(seed=9))
    (folder / "a" / "cut.dat").write_bytes(b"\0" * 1000)
    (folder / "README.txt").write_text("ECGs of last May")
    return folder


def test_each_ecg_is_one_row_with_the_answer_it_gets_alone(folder, tmp_path):
    table = predict_many(folder, tmp_path / "table.csv")
    rows = rows_of(table.path)
    assert [row["id"] for row in rows] == ["a/1", "a/2", "a/cut", "b/1", "b/10", "b/2"]
    classifier = load("normal")
    for row in rows:
        if row["id"] != "a/cut":
            alone = classifier.predict(read(folder / row["id"]))
            assert float(row["probability_ABNORMAL"]) == pytest.approx(
                alone.probabilities[0], abs=1e-6
            )
            assert row["decision"] == ";".join(alone.decision)
            assert row["uncertain"] == ";".join(alone.uncertain)
            assert row["warnings"] == " | ".join(alone.warnings)
        assert row["model"] == "normal"
        assert row["model_sha256"] == classifier.sha256
    assert sum(table.outcomes.values()) == 6
    assert table.outcomes["refused"] == 1
    assert table.notes == ("1 file holds no ECG that can be read, so left out: README.txt",)


def test_a_file_that_cannot_be_read_is_a_row_with_its_reason(folder, tmp_path):
    rows = rows_of(predict_many(folder, tmp_path / "table.csv").path)
    (cut,) = [row for row in rows if row["outcome"] == "refused"]
    assert cut["id"] == "a/cut"
    assert cut["refused"].startswith("cut.dat: 1000 bytes; its header promises")
    assert cut["probability_ABNORMAL"] == cut["decision"] == ""


def test_findings_in_the_signal_are_named_with_their_leads(tmp_path):
    samples = samples_like_an_ecg()
    samples[:, [7, 10]] = 0
    write_wfdb(tmp_path / "ecgs" / "1", samples)
    (row,) = rows_of(predict_many(tmp_path / "ecgs", tmp_path / "table.csv").path)
    assert "flat V2 V5" in row["quality"].split(";")


def test_another_rate_is_a_note_and_no_warning(tmp_path):
    samples = samples_like_an_ecg().repeat(5, axis=0)
    write_wfdb(tmp_path / "ecgs" / "1", samples, rate="500")
    (row,) = rows_of(predict_many(tmp_path / "ecgs", tmp_path / "table.csv").path)
    assert row["warnings"] == "resampled from 500 to 100 Hz"
    assert row["outcome"] == "answered"


def test_csv_json_lines_and_parquet_hold_the_same(folder, tmp_path):
    for kind in ("csv", "jsonl", "parquet"):
        predict_many(folder, tmp_path / f"table.{kind}", models=["superclass"], evidence=True)
    lines = [json.loads(line) for line in (tmp_path / "table.jsonl").read_text().splitlines()]
    parquet = pd.read_parquet(tmp_path / "table.parquet")
    for row, line, (_, cells) in zip(
        rows_of(tmp_path / "table.csv"), lines, parquet.iterrows(), strict=True
    ):
        assert list(row) == list(line) == list(cells.index)
        assert row["id"] == line["id"] == cells["id"]
        if line["refused"] is None:
            assert row["decision"].split(";") == line["decision"] == list(cells["decision"])
            evidence = line["evidence_MI"]
            assert json.loads(row["evidence_MI"]) == evidence
            np.testing.assert_allclose(cells["evidence_MI"], evidence, rtol=1e-6)
            assert float(row["probability_HYP"]) == line["probability_HYP"]
            assert int(row["windows"]) == line["windows"] == cells["windows"] == 1


def test_the_evidence_adds_up_to_the_logits(folder, tmp_path):
    table = predict_many(folder, tmp_path / "t.jsonl", models="superclass", evidence=True).path
    lines = [json.loads(line) for line in table.read_text().splitlines()]
    answered = [line for line in lines if line["refused"] is None]
    assert len(answered) == 5
    for line in answered:
        for name in ("NORM", "MI", "STTC", "CD", "HYP"):
            total = np.mean(line[f"evidence_{name}"]) + line[f"bias_{name}"]
            assert total == pytest.approx(line[f"logit_{name}"], abs=1e-5)


def test_several_models_fill_one_row(folder, tmp_path):
    both = predict_many(folder, tmp_path / "both.csv", models=["normal", "superclass"]).path
    alone = predict_many(folder, tmp_path / "alone.csv", models="superclass").path
    for row, other in zip(rows_of(both), rows_of(alone), strict=True):
        assert row["superclass.probability_MI"] == other["probability_MI"]
        assert row["superclass.model"] == "superclass"
        assert set(row) > {"id", "normal.decision", "normal.probability_ABNORMAL"}


def test_two_models_of_one_name_are_refused(folder, tmp_path):
    with pytest.raises(ModelError, match="expected different names"):
        predict_many(folder, tmp_path / "table.csv", models=["normal", "normal"])


def test_a_record_named_by_both_of_its_files_is_one_ecg(folder, tmp_path):
    files = sorted((folder / "b").iterdir())
    assert len(files) == 6
    rows = rows_of(predict_many(files, tmp_path / "table.csv").path)
    assert [row["id"] for row in rows] == ["1", "10", "2"]


def test_files_of_several_folders_have_ids_below_the_folder_they_share(folder, tmp_path):
    files = [folder / "a" / "1.hea", folder / "b" / "1.hea"]
    rows = rows_of(predict_many(files, tmp_path / "table.csv").path)
    assert [row["id"] for row in rows] == ["a/1", "b/1"]


def test_a_manifest_names_ecgs_and_their_ids(folder, tmp_path):
    manifest = folder / "list.csv"
    manifest.write_text("Path;ID;note\na\\1.hea;first;x\nb/2;second;y\nb/none;third;z\n")
    try:
        rows = rows_of(predict_many(manifest, tmp_path / "table.csv").path)
    finally:
        manifest.unlink()
    assert [row["id"] for row in rows] == ["first", "second", "third"]
    assert [row["outcome"] == "refused" for row in rows] == [False, False, True]


def test_a_store_gives_its_own_ids_and_the_answers_of_its_files(
    synthetic_folder, synthetic_store, tmp_path
):
    stored = rows_of(predict_many(synthetic_store.folder, tmp_path / "stored.csv").path)
    files = rows_of(predict_many(synthetic_folder, tmp_path / "files.csv").path)
    assert [row["id"] for row in stored] == [str(k) for k in synthetic_store.records["id"]]
    by_record = {int(row["id"].rpartition("/")[2][:5]): row for row in files}
    assert len(by_record) == len(stored) == 120
    for row in stored:
        expected = float(by_record[int(row["id"])]["probability_ABNORMAL"])
        assert float(row["probability_ABNORMAL"]) == pytest.approx(expected, abs=1e-6)


def test_no_folder_above_and_nothing_of_the_header_is_in_the_table(tmp_path):
    ward = tmp_path / "Jane Roe" / "ecgs"
    comments = ("Name: Jane Roe", "Birth date: 1970-01-01", "MRN: 4711")
    write_wfdb(ward / "1", samples_like_an_ecg(), comments=comments)
    write_wfdb(ward / "2", samples_like_an_ecg(), comments=comments)
    (ward / "2.dat").unlink()
    predict_many(ward, tmp_path / "table.jsonl", evidence=True)
    text = (tmp_path / "table.jsonl").read_text()
    for secret in ("Jane", "Roe", "1970", "4711"):
        assert secret not in text


def test_a_name_that_no_table_can_hold_is_written_readably(tmp_path):
    name = "caf\udce9\n1"  # a Latin-1 byte and a line break, as file systems allow
    write_wfdb(tmp_path / "ecgs" / "1", samples_like_an_ecg())
    os.rename(tmp_path / "ecgs" / "1.hea", os.fsencode(tmp_path / "ecgs" / f"{name}.hea"))
    (row,) = rows_of(predict_many(tmp_path / "ecgs", tmp_path / "table.csv").path)
    assert row["id"] == "caf\\udce9\\x0a1"


def test_an_existing_table_is_kept_unless_it_may_be_replaced(folder, tmp_path):
    out = tmp_path / "table.csv"
    out.write_text("mine")
    with pytest.raises(DatasetError, match="--overwrite"):
        predict_many(folder, out)
    assert out.read_text() == "mine"
    predict_many(folder, out, overwrite=True)
    assert len(rows_of(out)) == 6
    assert os.listdir(tmp_path) == ["table.csv"]


@pytest.mark.parametrize(
    ("ecgs", "out", "message"),
    [
        ("", "table.txt", "unknown kind of table"),
        ("empty", "table.csv", "no ECG found"),
        ("nowhere", "table.csv", "no such file or folder"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(folder, tmp_path, ecgs, out, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=message):
        predict_many(folder if not ecgs else tmp_path / ecgs, tmp_path / out)
    assert os.listdir(tmp_path) == ["empty"]


INTERRUPTED = """
import os, sys
from ecgcam.serving import predict_many

def stop(done, total):
    if done >= 128:
        os.kill(os.getpid(), 9)

predict_many(sys.argv[1], sys.argv[2], jobs=2, progress=stop)
"""


def run(script, *arguments, path):
    path.write_text(script)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, path, *map(str, arguments)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip


@pytest.fixture
def killed(synthetic_folder, tmp_path):
    """A folder of 240 ECGs, and where a run that was killed after 128 of them was to write."""
    folder = tmp_path / "ecgs"
    for copy in ("x", "y"):
        shutil.copytree(synthetic_folder / "records100", folder / copy)
    out = tmp_path / "out" / "table.csv"
    done = run(INTERRUPTED, folder, out, path=tmp_path / "script.py")
    assert done.returncode == -9, done.stderr
    assert not out.exists()
    return folder, out


def test_a_killed_run_is_resumed_and_ends_as_an_uninterrupted_one(killed, tmp_path):
    folder, out = killed
    seen = []
    predict_many(folder, out, resume=True, progress=lambda *numbers: seen.append(numbers))
    assert seen[0] == (128, 240)
    assert seen[-1] == (240, 240)
    predict_many(folder, tmp_path / "whole.csv")
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert os.listdir(out.parent) == ["table.csv"]


def test_a_line_that_was_cut_off_is_predicted_again(killed):
    folder, out = killed
    (unfinished,) = out.parent.iterdir()
    unfinished.write_bytes(unfinished.read_bytes()[:-20])
    seen = []
    predict_many(folder, out, resume=True, progress=lambda *numbers: seen.append(numbers))
    assert len(rows_of(out)) == 240
    assert seen[0] == (127, 240)


def test_an_interrupted_run_is_neither_lost_nor_mixed_with_another(killed):
    folder, out = killed
    with pytest.raises(DatasetError, match="--resume continues it"):
        predict_many(folder, out)
    with pytest.raises(DatasetError, match="had another model"):
        predict_many(folder, out, resume=True, models="superclass")
    assert len(list(out.parent.iterdir())) == 1
    predict_many(folder, out, overwrite=True, models="superclass")
    assert "probability_MI" in rows_of(out)[0]


def test_a_script_without_a_main_guard_can_use_several_processes(synthetic_folder, tmp_path):
    script = (
        "import sys\nfrom ecgcam.serving import predict_many\n"
        "print(predict_many(sys.argv[1], sys.argv[2], jobs=2).outcomes)\n"
    )
    done = run(script, synthetic_folder, tmp_path / "t.csv", path=tmp_path / "script.py")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
