"""The tables of PTB-XL with their quirks, and tables that are invalid."""

import ast
import json

import numpy as np
import pandas as pd
import pytest

from ecgcam.data.ptbxl import is_ptbxl, parse_scp_codes, read_folder, read_statements, read_table
from ecgcam.errors import DatasetError

ROW = {
    "ecg_id": "7",
    "patient_id": "15709.0",
    "age": "56.0",
    "sex": "1",
    "device": "CS-12   E",
    "site": "0.0",
    "scp_codes": "{'NORM': 100.0, 'SR': 0.0}",
    "validated_by_human": "True",
    "static_noise": " , I-V1,  ",
    "strat_fold": "3",
    "filename_lr": "records100/00000/00007_lr",
    "filename_hr": "records500/00000/00007_hr",
}
STATEMENTS = """\
,description,diagnostic,form,rhythm,diagnostic_class,diagnostic_subclass
NORM,normal ECG,1.0,,,NORM,NORM
NDT,non-diagnostic T abnormalities,1.0,1.0,,STTC,STTC
SR,sinus rhythm,,,1.0,,
"""


@pytest.fixture
def folder_of(tmp_path):
    """Write a folder of tables; each row is ROW with changes."""

    def write(*changes, statements=STATEMENTS):
        rows = [{**ROW, "ecg_id": str(7 + k), **change} for k, change in enumerate(changes)]
        pd.DataFrame(rows).to_csv(tmp_path / "ptbxl_database.csv", index=False)
        (tmp_path / "scp_statements.csv").write_text(statements)
        return tmp_path

    return write


def test_a_row_becomes_a_record(folder_of):
    folder = folder_of({})
    assert is_ptbxl(folder)
    source = read_folder(folder)
    assert source.records.iloc[0].to_dict() == {
        "id": 7,
        "path": str(folder / "records100/00000/00007_lr"),
        "patient": 15709,
        "fold": 3,
        "age_years": 56.0,
        "sex": "female",
        "device": "CS-12 E",
        "site": "0",
        "validated": True,
        "noise": "static_noise",
        "labels": ["rhythm:SR", "statement:NORM", "statement:SR"]
        + ["subclass:NORM", "superclass:NORM"],
        "scp_codes": '{"NORM": 100.0, "SR": 0.0}',
        "problem": "",
    }
    assert source.vocabulary["superclass"] == ("NORM", "STTC")
    assert read_folder(folder, rate_hz=500).records["path"][0].endswith("00007_hr")


def test_all_of_ptb_xl_can_be_used(ptbxl_source, ptbxl_tables):
    records = ptbxl_source.records
    table = pd.read_csv(ptbxl_tables / "ptbxl_database.csv", dtype=str)
    assert len(records) == 19601
    assert (records["problem"] == "").all()
    assert (records["id"].astype(str) == table["ecg_id"]).all()
    assert sorted(records["fold"].unique()) == list(range(1, 10))
    assert records.groupby("patient")["fold"].nunique().max() == 1
    over_89 = table["age"] == "300.0"
    assert over_89.sum() > 200
    assert (records["age_years"][over_89] == 90).all()
    assert records["age_years"][~over_89].max() <= 89
    assert (records["sex"] == table["sex"].map({"0": "male", "1": "female"})).all()
    assert (records["noise"].str.contains("burst") == table["burst_noise"].notna()).all()


def test_ages_above_89_are_90_and_a_missing_age_is_missing(folder_of):
    source = read_folder(folder_of({"age": "300.0"}, {"age": "89"}, {"age": ""}, {"age": "old"}))
    assert source.records["age_years"].tolist()[:2] == [90, 89]
    assert source.records["age_years"].isna().tolist() == [False, False, True, True]


def test_a_statement_with_likelihood_0_counts(folder_of):
    source = read_folder(folder_of({"scp_codes": "{'NDT': 0.0}"}))
    assert "superclass:STTC" in source.records["labels"][0]


def test_ids_may_be_floats(folder_of):
    records = read_folder(folder_of({"ecg_id": "7.0"}, {"ecg_id": "8.0"})).records
    assert records["id"].tolist() == [7, 8]


@pytest.mark.parametrize("invalid", ["", "x7", "7.5", "inf", "1e300"])
def test_an_invalid_id_is_refused_with_its_row(folder_of, invalid):
    with pytest.raises(DatasetError, match="row 3: ecg_id must be an integer"):
        read_folder(folder_of({}, {"ecg_id": invalid}))


def test_a_repeated_id_is_refused(folder_of):
    with pytest.raises(DatasetError, match="id 7 occurs more than once"):
        read_folder(folder_of({}, {"ecg_id": "7.0"}))


@pytest.mark.parametrize(
    ("column", "invalid", "problem"),
    [
        ("patient_id", "", "no patient_id"),
        ("patient_id", "Mr. X", "no patient_id"),
        ("strat_fold", "", "no strat_fold"),
        ("strat_fold", "2.5", "no strat_fold"),
        ("strat_fold", "train", "no strat_fold"),
        ("scp_codes", "", "invalid scp_codes: 'nan'"),
        ("scp_codes", "{'NORM': 100.0", "invalid scp_codes: \"{'NORM': 100.0\""),
    ],
)
def test_an_unusable_row_has_a_problem_and_the_others_stay(folder_of, column, invalid, problem):
    records = read_folder(folder_of({}, {column: invalid}, {})).records
    assert records["problem"].str.startswith(problem).tolist() == [False, True, False]
    assert records["problem"].tolist()[::2] == ["", ""]
    assert records["fold"].tolist()[::2] == [3, 3]


def test_a_patient_in_two_folds_is_refused(folder_of):
    with pytest.raises(DatasetError, match=r"the patient of ECG 7 is in \[3, 4\]"):
        read_folder(folder_of({}, {"strat_fold": "4"}, {"strat_fold": ""}))
    without_patient = [{"patient_id": "", "strat_fold": fold} for fold in "12"]
    assert len(read_folder(folder_of({}, *without_patient)).records) == 3


def test_validated_is_true_false_or_unknown(folder_of):
    cells = ["True", "False", "true", "1", "0", "", "perhaps"]
    rows = [{"validated_by_human": cell, "patient_id": str(k)} for k, cell in enumerate(cells)]
    records = read_folder(folder_of(*rows)).records["validated"]
    assert [None if pd.isna(x) else x for x in records] == [
        True,
        False,
        True,
        True,
        False,
        None,
        None,
    ]


def test_only_fold_9_is_fully_validated(ptbxl_source):
    fraction = ptbxl_source.records.groupby("fold")["validated"].mean()
    assert fraction[9] == 1
    assert fraction[:8].between(0.64, 0.69).all()


def test_optional_columns_may_be_missing(folder_of):
    folder = folder_of({})
    table = pd.read_csv(folder / "ptbxl_database.csv")
    few = ["ecg_id", "patient_id", "scp_codes", "strat_fold", "filename_lr"]
    table[few].to_csv(folder / "ptbxl_database.csv", index=False)
    record = read_folder(folder).records.iloc[0]
    assert record[["age_years", "sex", "device", "site", "validated"]].isna().all()
    assert record["noise"] == ""
    with pytest.raises(DatasetError, match="csv: the column filename_hr is missing"):
        read_folder(folder, rate_hz=500)


def test_a_column_of_words_and_numbers_is_read_without_a_warning(tmp_path):
    more = 100 * ","  # the wider, the sooner pandas would read it in pieces of other types
    names = "".join(f",{k}" for k in range(100))
    rows = [f"{k},{k},{{}},1,{k}{more}" for k in range(20000)]
    text = [f"ecg_id,patient_id,scp_codes,strat_fold,site{names}", *rows, f"0,0,{{}},1,x{more}"]
    (tmp_path / "ptbxl_database.csv").write_text("\n".join(text))
    assert read_table(tmp_path)["site"].tolist()[-2:] == ["19999", "x"]


@pytest.mark.parametrize("column", ["ecg_id", "patient_id", "scp_codes", "strat_fold"])
def test_a_missing_required_column_is_named(folder_of, column):
    folder = folder_of({})
    table = pd.read_csv(folder / "ptbxl_database.csv")
    table.drop(columns=column).to_csv(folder / "ptbxl_database.csv", index=False)
    with pytest.raises(DatasetError, match=f"columns {column} are missing"):
        read_folder(folder)


def test_other_rates_are_refused(folder_of):
    for rate_hz in (99.7, 250, 0):
        with pytest.raises(DatasetError, match=f"100 and 500 Hz, not {rate_hz} Hz"):
            read_folder(folder_of({}), rate_hz=rate_hz)


def test_a_folder_without_its_tables_is_refused(folder_of, tmp_path):
    assert not is_ptbxl(tmp_path)
    with pytest.raises(DatasetError, match=r"not a PTB-XL folder; ptbxl_database\.csv"):
        read_folder(tmp_path)
    folder = folder_of({})
    (folder / "scp_statements.csv").unlink()
    with pytest.raises(DatasetError, match=r"scp_statements\.csv is missing"):
        read_folder(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00\x00", b'"a', b"a,b\n1\n1,2,3\n"])
def test_an_unreadable_table_is_refused(folder_of, content):
    for name in ("ptbxl_database.csv", "scp_statements.csv"):
        folder = folder_of({})
        (folder / name).write_bytes(content)
        with pytest.raises(DatasetError, match=f"{name}: (not a table|the column)"):
            read_folder(folder)


def test_a_diagnostic_statement_without_a_group_has_none(folder_of):
    folder = folder_of({}, statements=STATEMENTS + "XYZ,odd,1.0,,,,\n")
    odd = read_statements(folder)["XYZ"]
    assert (odd.superclass, odd.subclass) == (None, None)
    assert list(odd.labels) == ["statement:XYZ"]


def test_the_real_statements(ptbxl_tables):
    statements = read_statements(ptbxl_tables)
    imi, sr, ndt = (statements[code] for code in ("IMI", "SR", "NDT"))
    assert (imi.superclass, imi.subclass, imi.form, imi.rhythm) == ("MI", "IMI", False, False)
    assert imi.description == "inferior myocardial infarction"
    assert (sr.superclass, sr.subclass, sr.form, sr.rhythm) == (None, None, False, True)
    assert (ndt.superclass, ndt.form) == ("STTC", True)
    assert len(statements) == 71


def test_codes_are_read():
    assert parse_scp_codes("{'NORM': 100.0, 'SR': 0}") == {"NORM": 100, "SR": 0}
    assert parse_scp_codes("{}") == {}


@pytest.mark.parametrize(
    "text",
    [
        "{'NORM': 100.0, 'LAFB/LPFB': 0.0, 'PRC(S)': 35.50, 'STD_': 1.0}",
        "{'SR': 0.0, 'NORM': 80.0, 'SR': 50.0}",
        "{'NORM': 00.5}",
        "{'NORM': 0_1.5, 'SR': 1_0.0}",
        "{'NORM':100.0 , 'SR' :.5,}",
        "{'A\\x42': 5.0, \"C'D\": 1.0, 'é': 2.0, 'E\"F': 3.0}",
        "{'A' 'B': 5e1, 'C': -1.0, 'D': +2.0}",
    ],
)
def test_codes_are_read_like_python_literals(text):
    assert list(parse_scp_codes(text).items()) == list(ast.literal_eval(text).items())


@pytest.mark.parametrize(
    "text",
    [
        "{'NORM': 100.0",
        "[('NORM', 100.0)]",
        "{'NORM'}",
        "'NORM'",
        "100.0",
        "nan",
        "",
        None,
        float("nan"),
        "{'NORM': None}",
        "{'NORM': 'much'}",
        "{'NORM': [100]}",
        "{'NORM': 1e999}",
        "{'NORM': 1j}",
        "{['NORM']: 100}",
        "{'NORM': " + 400 * "9" + "}",
        "{'NORM': " + 5000 * "9" + "}",
        "{'NORM': 100}\0",
        200000 * "{",
        200000 * "-" + "1",
        5000 * "(" + 5000 * ")",
        "1" + 100000 * "+1",
        "{'NORM': dict(a=1)}",
    ],
)
def test_invalid_codes_are_refused(text):
    with pytest.raises(DatasetError, match=r"expected \{'NORM': 100\.0, …\}") as refused:
        parse_scp_codes(text)
    assert len(str(refused.value)) < 150


@pytest.mark.parametrize(
    "code",
    [
        "open({0!r}, 'w')",
        "__import__('pathlib').Path({0!r}).touch()",
        "{{'NORM': __import__('os').system('touch ' + {0!r})}}",
        "[x for x in ().__class__.__base__.__subclasses__() if open({0!r}, 'w')]",
        "(lambda: open({0!r}, 'w'))()",
    ],
)
def test_code_in_the_table_is_not_run(folder_of, tmp_path, code):
    proof = tmp_path / "was-run"
    folder = folder_of({"scp_codes": code.format(str(proof))}, {})
    records = read_folder(folder).records
    assert records["problem"].str.contains("invalid scp_codes:").tolist() == [True, False]
    assert records["labels"][0] == []
    assert json.loads(records["scp_codes"][0]) == {}
    assert not proof.exists()


def test_only_a_diagnostic_statement_belongs_to_a_superclass(synthetic_folder, tmp_path):
    table = pd.read_csv(synthetic_folder / "scp_statements.csv", index_col=0)
    table.loc["IMI", "diagnostic"] = np.nan
    table.to_csv(tmp_path / "scp_statements.csv")
    records = read_statements(tmp_path)
    assert (records["IMI"].superclass, records["IMI"].subclass) == (None, None)
    assert (records["AMI"].superclass, records["AMI"].subclass) == ("MI", "AMI")


def test_a_number_too_large_to_be_exact_is_no_patient(synthetic_folder, tmp_path):
    for name in ("ptbxl_database.csv", "scp_statements.csv"):
        (tmp_path / name).write_bytes((synthetic_folder / name).read_bytes())
    table = pd.read_csv(tmp_path / "ptbxl_database.csv")
    table["patient_id"] = table["patient_id"].astype(float)
    table.loc[0, "patient_id"] = 2.0**53 + 2
    table.to_csv(tmp_path / "ptbxl_database.csv", index=False)
    assert read_folder(tmp_path).records["problem"][0] == "no patient_id"
