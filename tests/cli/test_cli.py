"""The command line goes the whole way, and answers a mistake with a sentence and its code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.ecg_files import samples_like_an_ecg, write_wfdb

from ecgcam import __version__
from ecgcam.cli import app, main, progress
from ecgcam.cli.options import parse_folds
from ecgcam.errors import DatasetError
from ecgcam.training.run_folder import MODEL

ROOT = Path(__file__).parents[2]
COMMANDS = [
    (command.name or command.callback.__name__).replace("_", "-")
    for command in app.registered_commands
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_how_it_is_used(command, capsys):
    assert main([command, "--help"]) == 0
    assert f"ecgcam {command}" in capsys.readouterr().out


def test_the_commands_are_these():
    assert set(COMMANDS) == {
        "anonymize", "calibrate", "combine", "compare", "demo", "download", "evaluate", "explain",
        "export", "info", "models", "overview", "predict", "prepare", "read", "robustness",
        "scorecard",
        "synthesize", "train",
    }  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command):
    page = ROOT / "docs" / "command-line.md"
    assert re.search(rf"ecgcam {command}\b", page.read_text(encoding="utf-8"))


def test_the_version(ecgcam):
    assert ecgcam("--version") == (0, f"ecgcam {__version__}", "")


def test_the_whole_way(ecgcam, tmp_path):
    """Made-up ECGs, looked at, prepared, learned from, scored, explained."""
    made, stored, run = tmp_path / "ecgs", tmp_path / "store", tmp_path / "run"
    assert ecgcam("synthesize", made, "-n", 60, "--seed", 1)[:2] == (0, str(made))
    look = ecgcam("overview", made, "--out", tmp_path / "overview")
    assert look[:2] == (0, str(tmp_path / "overview" / "overview.html"))
    code, where, said = ecgcam("prepare", made, stored, "--jobs", 1)
    assert (code, where) == (0, str(stored))
    assert "60 ECGs taken, 0 left out" in said
    train = ["train", stored, "--out", run, "--epochs", 2, "--validation-folds", "9,10"]
    code, where, said = ecgcam(*train)
    assert (code, where) == (0, str(run / MODEL))
    assert "epoch 1 " in said
    assert "epoch 2 " in said
    assert "best so far" in said
    scores = tmp_path / "scores"
    judge = ["evaluate", run / MODEL, stored, "--fold", "9-10", "--bootstrap", 5]
    assert ecgcam(*judge, "--out", scores)[:2] == (0, str(scores / "report.html"))
    assert json.loads((scores / "metrics.json").read_text())["fold"] == [9, 10]
    ecg = made / "records100" / "00000" / "00001_lr.hea"
    explain = ["explain", ecg, "--model", run / MODEL, "--out", tmp_path / "why"]
    assert ecgcam(*explain)[:2] == (0, str(tmp_path / "why" / "00001_lr.html"))
    assert ecgcam("read", ecg)[:2] == (0, "model     normal: 1 x 10 s of 12 leads at 100 Hz")
    assert ecgcam("info", run / MODEL)[0] == 0


def test_a_model_is_calibrated_and_says_where_it_is_not_sure(ecgcam, store, model, tmp_path):
    out = tmp_path / "calibrated.safetensors"
    choose = ["--fold", "8-10", "--threshold", "sensitivity=0.9", "--band", "coverage=0.5"]
    code, where, said = ecgcam("calibrate", model, store, "--out", out, *choose)
    assert (code, where) == (0, str(out))
    assert "temperature " in said
    assert "ABNORMAL: threshold 0." in said
    explain = [
        "explain",
        "r003",
        "--store",
        store,
        "--model",
        out,
        "--out",
        tmp_path / "why",
        "--force",
    ]
    assert ecgcam(*explain)[0] == 0
    answer = json.loads((tmp_path / "why" / "r003.json").read_text())
    assert set(answer["uncertain"]) <= {"ABNORMAL"}
    anew = ["calibrate", model, store, "--out", out, *choose, "--overwrite"]
    assert ecgcam(*anew)[:2] == (0, str(out))


def test_ecgs_of_a_store_are_explained_by_their_ids(ecgcam, store, model, tmp_path):
    explain = ["explain", "--store", store, "--model", model, "--out", tmp_path / "why"]
    code, _, said = ecgcam(*explain, "r003")  # a store of noise
    assert (code, "r003: not an ECG: no beats" in said) == (2, True)
    explain.append("--force")
    assert ecgcam(*explain, "r003")[0] == 0
    assert (tmp_path / "why" / "r003.json").is_file()
    code, _, said = ecgcam(*explain, "r999")
    assert code == 2
    assert "no record has the id r999" in said


def test_an_ecg_that_cannot_be_read_is_named_and_the_others_are_explained(
    ecgcam, model, tmp_path, synthetic_folder
):
    good = synthetic_folder / "records100" / "00000" / "00001_lr"
    bad = tmp_path / "none.csv"
    code, where, said = ecgcam(
        "explain", bad, good, "--model", model, "--out", tmp_path / "why", "--class", "ABNORMAL"
    )
    assert (code, where) == (2, str(tmp_path / "why" / "00001_lr.html"))
    assert "none.csv: no such file" in said


def test_a_folder_becomes_a_table_and_broken_files_are_rows_of_it(ecgcam, tmp_path):
    for k in range(3):
        write_wfdb(tmp_path / "ecgs" / str(k), samples_like_an_ecg(seed=k))
    (tmp_path / "ecgs" / "1.dat").write_bytes(b"")
    out = tmp_path / "table.csv"
    code, where, said = ecgcam("predict", tmp_path / "ecgs", "--out", out)
    assert (code, where) == (0, str(out))
    assert "3 ECGs: " in said
    assert "1 refused" in said
    assert [row.split(",")[0] for row in out.read_text().splitlines()] == ["id", "0", "1", "2"]


def test_a_folder_is_explained_as_json_alone(ecgcam, tmp_path):
    for name in ("a/1", "b/1"):
        write_wfdb(tmp_path / "ecgs" / name, samples_like_an_ecg())
    code, where, _ = ecgcam("explain", tmp_path / "ecgs", "--json", "--out", tmp_path / "why")
    assert (code, where) == (0, str(tmp_path / "why" / "b_1.json"))
    assert sorted(path.name for path in (tmp_path / "why").iterdir()) == ["a_1.json", "b_1.json"]
    assert json.loads((tmp_path / "why" / "a_1.json").read_text())["name"] == "a/1"


def test_microvolts_that_are_taken_for_millivolts_are_seen_and_not_judged(ecgcam, model, tmp_path):
    np.savez(tmp_path / "uv.npz", signal_mv=samples_like_an_ecg().T, rate_hz=100)
    code, findings, _ = ecgcam("read", tmp_path / "uv.npz")
    assert code == 0
    assert "mV is beyond any ECG" in findings
    why = ["--model", model, "--out", tmp_path / "why"]
    code, out, said = ecgcam("explain", tmp_path / "uv.npz", *why)
    assert (code, out) == (2, "")
    assert "check the unit" in said


def test_volts_that_are_taken_for_millivolts_are_not_judged_either(ecgcam, model, tmp_path):
    signal_mv = samples_like_an_ecg().T / 1000
    np.savez(tmp_path / "v.npz", signal_mv=signal_mv / 1000, rate_hz=100)
    why = ["--model", model, "--out", tmp_path / "why"]
    code, out, said = ecgcam("explain", tmp_path / "v.npz", *why)
    assert (code, out) == (2, "")
    assert "no lead spans 0.02 mV, as in any ECG; check the unit." in said


def test_what_becomes_of_ones_own_table_is_said(ecgcam, tmp_path):
    np.savez(tmp_path / "a.npz", signal_mv=samples_like_an_ecg().T / 1000, rate_hz=100)
    (tmp_path / "own.csv").write_text("path,fold,AFIB,remark\na.npz,1,1,seen\n")
    prepare = ["prepare", tmp_path / "own.csv", tmp_path / "store", "--labels", "AFIB"]
    code, _, said = ecgcam(*prepare, "--jobs", 1)
    assert code == 0
    assert "not used: the columns remark no column 'patient': each ECG counts as its own" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("nonsense", "No such command 'nonsense'"),
        ("evaluate none STORE --out NEW", "none: no such model"),
        ("evaluate MODEL STORE --out NEW --seed -1", "--seed"),
        ("robustness MODEL STORE --out NEW --seed -1", "--seed"),
        ("compare MODEL MODEL STORE --seed -1", "--seed"),
        ("demo --out NEW --seed -1", "--seed"),
        ("evaluate FILE STORE --out NEW", "not a .safetensors model file"),
        ("evaluate GARBAGE STORE --out NEW", "not a .safetensors model file"),
        ("evaluate MODEL none --out NEW", "none: not a store"),
        ("evaluate MODEL STORE --out NEW --fold 77", "folds 77 hold no record"),
        ("evaluate MODEL STORE --out NEW --fold x", "invalid folds 'x'"),
        ("calibrate none STORE --out NEW", "none: no such model"),
        ("calibrate MODEL none --out NEW", "none: not a store"),
        ("calibrate MODEL STORE", "Missing option '--out'"),
        ("calibrate MODEL STORE --out NEW --fold 77", "folds 77 hold no record"),
        ("calibrate MODEL STORE --out NEW --threshold best", "threshold is 'best'; expected"),
        ("calibrate MODEL STORE --out NEW --band wide", "band is 'wide'; expected"),
        ("calibrate MODEL STORE --out NEW --alpha 2", "alpha is 2.0; expected above 0"),
        ("calibrate MODEL STORE --out NEW --band accuracy=0.999", "no abstention band reaches"),
        ("explain none --model MODEL --out NEW", "none: no such file or folder"),
        ("predict none --out NEW/t.csv", "none: no such file or folder"),
        ("predict FULL --out NEW/t.csv", "no ECG found"),
        ("predict ECGS --out NEW/t.xls", "unknown kind of table; expected .csv, .jsonl, .parquet"),
        ("predict ECGS --out FULL", "full: this is a folder; expected a file"),
        ("predict ECGS --model GARBAGE --out NEW/t.csv", "not a .safetensors model file"),
        ("explain --model MODEL --out NEW", "Missing argument"),
        ("explain FILE --model GARBAGE --out NEW", "not a .safetensors model file"),
        ("explain r1 --store STORE --model MODEL --out NEW --class MI", "must be one of ABNORMAL"),
        ("explain r001 --store FULL --model MODEL --out NEW", "not a store"),
        ("info none.safetensors", "none.safetensors: no such model file"),
        ("info GARBAGE", "not a .safetensors model file"),
        ("read none", "none: no such ECG"),
        ("read FILE", "not a table"),
        ("read FULL", "a folder, not one ECG"),
        ("overview none --out NEW", "none"),
        ("prepare none NEW", "none: not a dataset; expected a folder of ECGs"),
        ("prepare FULL NEW", "found no ECG; expected ECG files, a folder like PTB-XL's"),
        ("prepare FULL NEW --rate 0", "rate_hz must be above 0"),
        ("prepare FULL NEW --seconds -1", "duration_s must be above 0"),
        ("prepare FULL NEW --seconds inf", "duration_s must be above 0 and at most"),
        ("prepare FULL NEW --leads I,I", "leads must be different names"),
        ("prepare FULL NEW --leads ,", "leads must be different names"),
        ("prepare FULL NEW --labels A,A", "labels must be different names"),
        ("prepare FULL NEW --seed -1", "--seed"),
        ("prepare ECGS FILE/x", "file: this is a file; expected a folder"),
        ("overview ECGS --out FILE", "file: this is a file; expected a folder"),
        ("overview ECGS --out FILE/x", "file: this is a file; expected a folder"),
        ("demo --out FILE", "file: this is a file; expected a folder"),
        ("synthesize FILE/x", "file: this is a file; expected a folder"),
        ("overview FILE --out NEW", "not a dataset"),
        ("combine MODEL MODEL --out FILE", "the file exists; --overwrite"),
        ("calibrate MODEL STORE --out FILE", "the file exists; --overwrite"),
        ("combine none none --out FULL", "full: this is a folder; expected a file"),
        ("combine none none --out FILE/x", "file: this is a file; expected a folder"),
        ("calibrate none none --out FULL", "full: this is a folder; expected a file"),
        ("synthesize NEW --seed -1", "--seed"),
        ("download ptbxl FILE", "file: this is a file; expected a folder"),
        ("synthesize FULL", "exists already"),
        ("synthesize NEW -n 0", "-n"),
        ("demo --out FULL", "not empty; the demo needs a new folder"),
        ("demo -n 3 --out NEW", "-n"),
        ("download mnist NEW", "unknown dataset 'mnist'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_and_nothing_is_written(
    ecgcam, store, model, synthetic_folder, tmp_path, words, reason
):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "diary.txt").write_text("mine")
    (tmp_path / "file").write_text("text")
    (tmp_path / "garbage.safetensors").write_bytes(b"garbage" * 50)
    known = {
        "STORE": store,
        "MODEL": model,
        "ECGS": synthetic_folder,
        "FULL": tmp_path / "full",
        "FILE": tmp_path / "file",
        "GARBAGE": tmp_path / "garbage.safetensors",
        "NEW": tmp_path / "new",
    }
    words = words.replace("FILE/x", str(known["FILE"] / "x"))
    words = words.replace("NEW/t", str(known["NEW"] / "t")).split()
    code, out, said = ecgcam(*(known.get(word, word) for word in words))
    assert code == 2, said
    assert reason in said
    assert out == ""
    assert "Traceback" not in said
    assert {path.name for path in tmp_path.iterdir()} == {"full", "file", "garbage.safetensors"}
    assert os.listdir(tmp_path / "full") == ["diary.txt"]


@pytest.mark.parametrize("beneath", ["file", "file/x"])
@pytest.mark.parametrize(
    "words",
    [
        "train STORE",
        "evaluate MODEL STORE",
        "robustness MODEL STORE",
        "compare MODEL MODEL STORE",
        "explain r001 --store STORE --model MODEL",
    ],
)
def test_a_file_where_a_folder_is_to_be_is_told_before_the_work(ecgcam, tmp_path, words, beneath):
    """Whose model and store are not even looked for."""
    (tmp_path / "file").write_text("text")
    code, _, said = ecgcam(*words.split(), "--out", tmp_path / beneath)
    assert (code, said.split(": ", 1)[1]) == (
        2, f"{tmp_path / 'file'}: this is a file; expected a folder."
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ("evaluate MODEL STORE --bootstrap 2", "metrics.json"),
        ("explain r001 --store STORE --model MODEL --force", "r001-leads.png"),
        ("overview ECGS", "overview.json"),
    ],
)
def test_what_cannot_be_written_is_a_failure(
    ecgcam, store, model, synthetic_folder, tmp_path, words, taken
):
    (tmp_path / taken).mkdir()  # where a file is to be
    for name, path in {"MODEL": model, "STORE": store, "ECGS": synthetic_folder}.items():
        words = words.replace(name, str(path))
    code, out, said = ecgcam(*words.split(), "--out", tmp_path)
    assert code == 1
    assert out == ""
    where = re.escape(str(tmp_path))
    assert re.search(rf"ecgcam: \[Errno \d+\] [\w ]+: '{where}\S*' -> '{where}/{taken}'$", said)
    assert "Traceback" not in said


def test_an_error_is_one_line(ecgcam, monkeypatch, capsys):
    def fail(path):
        raise DatasetError("first line,\n  second line")

    monkeypatch.setattr("ecgcam.data.store.open_store", fail)
    assert main(["train", "x", "--out", "y"]) == 2
    assert capsys.readouterr().err == "ecgcam: first line, second line\n"


def test_an_error_without_words_has_a_name(monkeypatch, capsys):
    def fail(path):
        raise MemoryError

    monkeypatch.setattr("ecgcam.data.store.open_store", fail)
    assert main(["train", "x", "--out", "y"]) == 1
    assert capsys.readouterr().err == "ecgcam: MemoryError\n"


@pytest.mark.parametrize("place", [0, 1, 5])
def test_debug_shows_the_traceback_wherever_it_stands(place):
    words = ["train", "none", "--out", "new", "--seed", "1"]
    with pytest.raises(DatasetError):
        main([*words[:place], "--debug", *words[place:]])


def test_a_key_press_stops_it_with_code_1(monkeypatch, capsys):
    def stop(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("ecgcam.data.store.open_store", stop)
    assert main(["train", "x", "--out", "y"]) == 1
    assert capsys.readouterr().err == "ecgcam: stopped.\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("9", (9,)),
        ("1-3", (1, 2, 3)),
        ("1-3,9", (1, 2, 3, 9)),
        ("2, 4", (2, 4)),
        ("9,9", (9,)),
        ("7,1-3,2", (7, 1, 2, 3)),
    ],
)
def test_folds_are_written_with_commas_and_dashes(text, found):
    assert parse_folds(text) == found


def test_progress_is_plain_lines_where_nobody_watches(capsys):
    with progress.progress("ECGs judged") as show:
        for done in range(1, 101):
            show(done, 100)
    assert capsys.readouterr().err == "ECGs judged: 100 of 100\n"


def test_progress_tells_the_rate_and_the_time_left(capsys, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 5)
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.progress("ECGs") as show:
        for done in range(100, 400, 100):
            show(done, 4000)
    assert capsys.readouterr().err == "ECGs: 200 of 4000 (25 a second, 2 min 32 s left)\n"


def test_on_a_terminal_the_bar_of_one_stage_follows_that_of_another(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with (
        progress.progress("ECGs predicted") as first,
        progress.progress("ECGs averaged", later=True) as second,
    ):
        first(1, 2)
        first(2, 2)
        before = capsys.readouterr().err
        second(1, 2)
    assert "ECGs predicted" in before
    assert "2/2" in before
    assert "averaged" not in before
    after = capsys.readouterr().err
    assert "ECGs averaged" in after
    assert "1/2" in after
    assert "predicted" not in after


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "ecgcam", "--version"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"ecgcam {__version__}\n")
