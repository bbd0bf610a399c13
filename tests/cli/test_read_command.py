"""The command `read`, and the options of reading that other commands share."""

import csv
import json

import numpy as np
import pytest
from support.ecg_files import samples_like_an_ecg, write_wfdb

from ecgcam.cli import main
from ecgcam.signals.leads import LEADS

LIMB = samples_like_an_ecg(leads=2)
CHEST = samples_like_an_ecg(leads=6, seed=1)


@pytest.fixture
def show(capsys):
    """Run `ecgcam read`: its exit code, its lines as (label, text), and stderr."""

    def run(*words):
        code = main(["read", *map(str, words)])
        printed = capsys.readouterr()
        return (
            code,
            [(line[:9].strip(), line[10:]) for line in printed.out.splitlines()],
            printed.err,
        )

    return run


@pytest.fixture
def eight(tmp_path):
    """Write a record of I, II and V1 to V6 at 500 Hz, with a lead of respiration."""
    samples = np.repeat(np.concatenate([LIMB, CHEST, CHEST[:, :1]], axis=1), 5, axis=0)
    leads = ["I", "II", *LEADS[6:], "RESP"]
    comments = ["Age: 61", "Sex: F", "Name: Miller"]
    return write_wfdb(tmp_path / "eight", samples, leads=leads, rate="500", comments=comments)


def test_it_shows_what_was_found_and_what_a_model_will_do(show, eight):
    code, lines, errors = show(eight)
    assert (code, errors) == (0, "")
    found = dict(lines)
    assert (found["name"], found["format"], found["unit"]) == ("eight", "WFDB", "mV")
    assert found["leads"] == "I II V1 V2 V3 V4 V5 V6"
    assert (found["rate"], found["duration"]) == ("500 Hz", "10 s")
    assert found["person"] == "61 years, female"
    assert found["warning"] == "channels left out, being no ECG lead in volts: RESP (mV)"
    assert found["model"] == "normal: 1 x 10 s of 12 leads at 100 Hz"
    plan = [text for label, text in lines if not label]
    assert plan == ["III, aVR, aVL, aVF computed from I and II", "resampled from 500 to 100 Hz"]
    assert "Miller" not in str(lines)


def test_it_says_why_a_model_refuses(show, tmp_path):
    code, lines, _ = show(write_wfdb(tmp_path / "two", LIMB, leads=["V1", "V2"]))
    assert code == 0
    assert dict(lines)["model"].startswith("normal: refused: leads I, II, III")


def test_of_several_files_those_that_cannot_be_read_are_named(show, eight, tmp_path):
    (tmp_path / "note.txt").write_text("Dear doctor")
    code, lines, errors = show(tmp_path / "note.txt", eight, tmp_path / "none")
    assert code == 2
    assert [text for label, text in lines if label == "name"] == ["eight"]
    assert "note.txt: not a table of numbers" in errors
    assert "none: no such ECG" in errors


@pytest.fixture
def table(tmp_path):
    """Write a table of I, II and V1 to V6 in µV under other names, without times."""
    header = ["a", "b", *(f"ECG{k}" for k in range(1, 7))]
    rows = np.concatenate([LIMB, CHEST], axis=1)
    lines = [",".join(header), *(",".join(map(str, row)) for row in rows)]
    (tmp_path / "table.csv").write_text("\n".join(lines))
    return tmp_path / "table.csv"


SCALE = ["--rate", "100", "--units", "uV"]
ORDER = ["--leads", "I,II,V1,V2,V3,V4,V5,V6"]
NAMES = ["--leads", "I=a, II=b,V1=ECG1,V2=ECG2,V3=ECG3,V4=ECG4,V5=ECG5,V6=ECG6"]


@pytest.mark.parametrize("leads", [ORDER, NAMES])
def test_the_rate_the_unit_and_the_leads_may_be_given(show, table, leads):
    code, lines, errors = show(table, "--rate", 100, "--units", "uV", *leads)
    assert (code, errors) == (0, "")
    found = dict(lines)
    assert (found["rate"], found["unit"]) == ("100 Hz", "uV (the file names none)")
    assert found["leads"] == "I II V1 V2 V3 V4 V5 V6"
    assert found["range"] == f"{min(LIMB.min(), CHEST.min()) / 1000:.3f} to " + (
        f"{max(LIMB.max(), CHEST.max()) / 1000:.3f} mV"
    )


def test_explain_and_predict_take_the_same_options(table, tmp_path, capsys):
    options = ["--rate", "100", "--units", "uV", *ORDER]
    assert main(["explain", str(table), "--out", str(tmp_path / "why"), "--json", *options]) == 0
    explained = json.loads((tmp_path / "why" / "table.json").read_text())
    out = tmp_path / "predicted.csv"
    assert main(["predict", str(table), "--out", str(out), *options]) == 0
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    probability = explained["classes"]["ABNORMAL"]["probability"]
    assert float(row["probability_ABNORMAL"]) == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--leads", "I,II=b"], "--leads mixes names and I=NAME"),
        (["--rate", "-5"], "--rate"),
        (["--units", "mmHg"], "the unit 'mmHg' is not a voltage"),
        ([], "the file gives no sampling rate"),
        (["--rate", "100"], "the file names no unit, and in mV"),
        (
            ["--rate", "100", "--units", "uV", "--leads", "I,II"],
            "2 lead names were given; expected 8",
        ),
        (
            ["--rate", "100", "--units", "uV", "--leads", "I=c"],
            "no channels are named 'c'; found a, b",
        ),
    ],
)
def test_options_that_do_not_fit_are_refused(show, table, options, message):
    code, _, errors = show(table, *options)
    assert code == 2
    assert message in " ".join(errors.split())
