"""CSV tables: labels, patients, folds, and invalid rows."""

import numpy as np
import pandas as pd
import pytest

from ecgcam.data.csv_table import read_csv_table
from ecgcam.data.source import split
from ecgcam.errors import DatasetError
from ecgcam.tasks import find_task

TEXT = """\
path,patient,fold,age,sex,AFIB,LBBB
2021/a17.hea,p1,1,61,female,0,1
2021/a18.csv,p2,9,,male,1,
"""


@pytest.fixture
def csv_table(tmp_path):
    def write(text):
        (tmp_path / "ecgs.csv").write_text(text, encoding="utf-8")
        return tmp_path / "ecgs.csv"

    return write


def test_a_row_gives_the_path_and_the_labels_of_an_ecg(csv_table, tmp_path):
    source = read_csv_table(csv_table(TEXT))
    assert source.vocabulary == {"column": ("AFIB", "LBBB")}
    records = source.records
    assert records["id"].tolist() == ["2021/a17.hea", "2021/a18.csv"]
    assert records["path"].tolist() == [str(tmp_path / name) for name in records["id"]]
    assert records["patient"].tolist() == ["1", "2"]
    assert records["fold"].tolist() == [1, 9]
    assert records["labels"].tolist() == [["column:LBBB"], ["column:AFIB", "blank:LBBB"]]
    assert records["age_years"].tolist()[0] == 61
    assert np.isnan(records["age_years"][1])
    assert records["sex"].tolist() == ["female", "male"]
    assert (records["problem"] == "").all()


def test_a_blank_label_is_an_unknown_target(csv_table):
    source = read_csv_table(csv_table(TEXT))
    targets, keep = find_task("columns", source.vocabulary).targets(source.records["labels"])
    assert keep.tolist() == [True, True]
    np.testing.assert_array_equal(targets, [[0, 1], [1, np.nan]])


def test_ids_absolute_paths_devices_and_sites_are_kept(csv_table, tmp_path):
    records = read_csv_table(
        csv_table(
            f"id,path,fold,device,site\n a1 ,{tmp_path}/x y.csv,3, CS-12 ,\nb,../b,3,,Vilnius\n"
        )
    ).records
    assert records["id"].tolist() == ["a1", "b"]
    assert records["path"].tolist() == [str(tmp_path / "x y.csv"), str(tmp_path / ".." / "b")]
    assert records["patient"].tolist() == ["1", "2"]
    assert records["device"].tolist()[0] == "CS-12"
    assert records["site"].tolist()[1] == "Vilnius"
    assert records["labels"].tolist() == [[], []]


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        *((yes, ["column:A"]) for yes in ("1", "1.0", "true", "True", " 1 ")),
        *((no, []) for no in ("0", "0.0", "false", "FALSE")),
        *((blank, ["blank:A"]) for blank in ("", " ", "nan", "NaN", "None")),
    ],
)
def test_spellings_of_yes_no_and_unknown(csv_table, cell, labels):
    text = f"path,fold,A\na,1,{cell}\nb,1,0\n"
    assert read_csv_table(csv_table(text)).records["labels"][0] == labels


@pytest.mark.parametrize(
    ("sex", "expected"),
    [("F", "female"), ("Male", "male"), (" m ", "male"), ("", None), ("x", None), ("1", None)],
)
def test_sexes(csv_table, sex, expected):
    value = read_csv_table(csv_table(f"path,fold,sex\na,1,{sex}\n")).records["sex"][0]
    assert value == expected or (expected is None and pd.isna(value))


def test_label_columns_can_be_named(csv_table):
    text = "path,fold,AFIB,remark,QRS\na,1,1,unsure,99\nb,2,,,80\n"
    source = read_csv_table(csv_table(text), labels=("AFIB",))
    assert source.vocabulary == {"column": ("AFIB",)}
    assert source.records["labels"].tolist() == [["column:AFIB"], ["blank:AFIB"]]
    assert source.remarks[0] == "not used: the columns remark, QRS"
    assert read_csv_table(csv_table(text)).vocabulary == source.vocabulary


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,fold,A\na,1,1\nb,1,2\n", r"row 3, column 'A': not a label; expected 1, 0 or bl"),
        ("path,fold\na,1\nb,x\n", "row 3: the fold must be an integer"),
        ("path,fold\na,1\nb,\n", "row 3: the fold"),
        ("path,fold\na,1.5\n", "row 2: the fold"),
        ("path,fold\na,inf\n", "row 2: the fold"),
        ("path,fold\na,1\n ,1\n", "row 3: its 'path' is blank"),
        ("path,id,fold\na,1,1\nb,,1\n", "row 3: its 'id' is blank"),
        ("path,patient,fold\na,p,1\nb,q,1\nc,,2\n", "row 4: its 'patient' is blank"),
        ("path,fold\na,1\nb,1\na,1\n", "row 4 names the ECG of row 2"),
        ("path,id,fold\na,1,1\nb,1 ,1\n", "id 1 occurs more than once"),
        ("path,patient,fold\na,p,1\nb,p,2\n", r"\(the patient of ECG a is in \[1, 2\]\)"),
        ("path,patient,fold\na,p,1\nb, p ,2\n", r"the patient of ECG a is in \[1, 2\]"),
        ("ecg,A\na,1\n", "the column path is missing"),
        ("path,A,A\na,1,1\n", "the column A occurs more than once"),
        ("path, Path\na,b\n", "the column path occurs more than once"),
        ("path,fold,A\na,1,1,1\n", "row 2 has 4 cells, more than the 3 of the header"),
        ("path,fold,\na,1,1\nb,1,seen\n", "row 3, column 'column 3': not a label"),
        ("path,AF,labels\na,1,AF\n", "two columns have labels of the class AF"),
        ("path,fold\na,1e300\n", "row 2: the fold"),
        ("path,fold\n", "no rows; expected at least one"),
        ("", "not a table"),
        ('path,A\n"a,1\n', "not a table"),
        ("path,fold\na,1\nb\0,1\n", "row 3: its 'path' contains a NUL"),
    ],
)
def test_an_invalid_table_is_refused_with_its_row(csv_table, text, message):
    with pytest.raises(DatasetError, match=f"ecgs.csv: .*{message}"):
        read_csv_table(csv_table(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,fold,A\na,1,1\n\nb,1,2\n", "row 4, column 'A'"),
        ("path,fold,A\n\n\na,x,1\n", "row 4: the fold"),
        ("\npath,fold,A\na,1,1\n ,1,1\n", "row 4: its 'path' is blank"),
        ("path,fold,A\na,1,1\n,,\nb,1,1\n\na,1,1\n", "row 6 names the ECG of row 2"),
        ("path,fold,A\n\na,1,1,1\n", "row 3 has 4 cells"),
        ('path,fold,A\n"a\nb",1,1\n\nc\0,1,1\n', "row 5: its 'path'"),
    ],
)
def test_an_invalid_row_is_named_by_its_line_in_the_file_despite_blank_lines(
    csv_table, text, message
):
    with pytest.raises(DatasetError, match=message):
        read_csv_table(csv_table(text))


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_separator_and_encoding_is_read(tmp_path, separator, encoding):
    rows = [["path", "fold", "Überleitung"], ["a,b", "1", "1"], ["c", "9", "0"]]
    lines = [separator.join(f'"{c}"' if separator in c else c for c in row) for row in rows]
    (tmp_path / "ecgs.csv").write_text("\n".join(lines), encoding=encoding)
    source = read_csv_table(tmp_path / "ecgs.csv")
    assert source.records["id"].tolist() == ["a,b", "c"]
    assert source.vocabulary == {"column": ("Überleitung",)}


def test_empty_rows_are_ignored(csv_table):
    text = ",,,\n\npath,patient,fold,A\na,p,1,1\n,,,\n , ,,\nb,q,9,0\n,,,\n"
    records = read_csv_table(csv_table(text)).records
    assert records["id"].tolist() == ["a", "b"]
    assert records.index.tolist() == [0, 1]
    assert records["fold"].tolist() == [1, 9]
    assert records["labels"].tolist() == [["column:A"], []]


def test_a_missing_column_is_named(csv_table):
    with pytest.raises(DatasetError, match="the column AFIBB"):
        read_csv_table(csv_table(TEXT), labels=("AFIBB", "LBBB"))


def test_binary_and_missing_files_are_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\x89PNG\0\0\xff\xfe\n")
    with pytest.raises(DatasetError, match="the column path is missing"):
        read_csv_table(tmp_path / "a.csv")
    with pytest.raises(DatasetError, match="not a table"):
        read_csv_table(tmp_path / "none.csv")


@pytest.mark.parametrize("other", ["r1", "r1.hea", "./r1.dat", "../{here}/r1.hea", "{folder}/r1"])
def test_an_ecg_in_two_rows_is_refused_in_any_spelling(csv_table, tmp_path, other):
    other = other.format(here=tmp_path.name, folder=tmp_path)
    text = f"path,id,patient,fold\nr1,a,p,1\nr2,b,q,9\n{other},c,r,9\n"
    with pytest.raises(DatasetError, match="row 4 names the ECG of row 2"):
        read_csv_table(csv_table(text))


@pytest.mark.parametrize(
    "patient",
    [
        *("patient", "Patient", " patient ", "patient_id", "PATIENT_ID", "Patient ID", "PatientID"),
        *("patient-id", "Patient\N{NO-BREAK SPACE}Id", "subject", "Subject", "subject_id"),
    ],
)
def test_known_columns_are_recognised_in_any_case_and_patients_by_their_id_too(csv_table, patient):
    rows = [f"{k}.csv,p{k // 3},{k},1" for k in range(90)]
    source = read_csv_table(csv_table("\n".join([f"Path,{patient},AGE,A", *rows])), labels=("A",))
    assert source.records.groupby("patient")["fold"].nunique().tolist() == [1] * 30
    assert source.records["age_years"].tolist() == list(range(90))
    assert source.remarks == ()


@pytest.mark.parametrize("name", ["patient name", "Patient_No", "Patient ID", "Subject"])
def test_a_column_that_mentions_a_patient_is_no_label_unless_named(csv_table, name):
    table = csv_table(f"path,patient,fold,A,{name}\na,p,1,1,1\nb,p,1,0,0\n")
    source = read_csv_table(table)
    assert source.vocabulary == {"column": ("A",)}
    named = read_csv_table(table, labels=("A", name))
    assert named.vocabulary == {"column": ("A", name)}
    assert named.records["labels"].tolist() == [["column:A", f"column:{name}"], []]


def test_known_columns_may_contain_spaces_and_dashes(csv_table):
    source = read_csv_table(csv_table("P-ath,_id,FOLD ,A_ge,A\na,x,1,61,1\n"))
    assert source.vocabulary == {"column": ("A",)}
    assert source.records[["id", "fold", "age_years"]].to_numpy().tolist() == [["x", 1, 61.0]]


def test_any_column_can_be_named_as_a_label(csv_table):
    text = "path,patient,patient_id,fold,Sex\na,p,7,1,1\n"
    source = read_csv_table(csv_table(text), labels=("Sex",))
    assert source.records["labels"][0] == ["column:Sex"]
    kept = read_csv_table(csv_table(text), labels=("Sex",), keep_identity=True)
    assert kept.records["patient"][0] == "p"


def test_remarks_name_unused_columns_and_unreadable_cells(csv_table):
    text = "path,fold,age,sex,A,remark,QRS\na,1,61y,w,1,,99\nb,2,,0,0,,\nc,3,50,,0,,\n"
    assert read_csv_table(csv_table(text), labels=("A",)).remarks == (
        "not used: the columns remark, QRS",
        "no column 'patient': each ECG counts as its own patient",
        "1 cells of 'age' cannot be read and count as missing",
        "2 cells of 'sex' cannot be read and count as missing",
    )
    assert read_csv_table(csv_table(TEXT)).remarks == ()


@pytest.mark.parametrize(("header", "row"), [(",,", ",,"), ("", ",,"), (",", ""), ("", "")])
def test_extra_commas_of_spreadsheets_are_ignored(csv_table, header, row):
    text = f"path,fold,A{header}\na,1,1{row}\nb,9,0{row}\n\n"
    source = read_csv_table(csv_table("\N{ZERO WIDTH NO-BREAK SPACE}" + text.replace("\n", "\r\n")))
    assert source.vocabulary == {"column": ("A",)}
    assert source.records["id"].tolist() == ["a", "b"]
    assert source.records["fold"].tolist() == [1, 9]
    assert source.records["labels"].tolist() == [["column:A"], []]


def test_errors_never_show_cells_that_may_name_a_person(csv_table):
    text = "path,patient,fold,name,A\na,Miller 1950,1,Miller,1\nb,Miller 1950,2,Miller,0\n"
    for labels in ((), ("A",), ("B",)):
        with pytest.raises(DatasetError) as refused:
            read_csv_table(csv_table(text), labels=labels)
        assert "iller" not in str(refused.value)


def test_patients_are_numbered_unless_their_names_are_to_be_kept(csv_table):
    table = csv_table("path,patient,fold\na,Doe,1\nb,Roe,2\nc,Doe,1\n")
    assert read_csv_table(table).records["patient"].tolist() == ["1", "2", "1"]
    kept = read_csv_table(table, keep_identity=True)
    assert kept.records["patient"].tolist() == ["Doe", "Roe", "Doe"]


@pytest.mark.parametrize("name", ["name", "Patient Name", "birth_date", "DOB", "MRN", "first name"])
def test_a_column_that_identifies_a_person_becomes_no_class(csv_table, name):
    source = read_csv_table(csv_table(f"path,fold,A,{name}\na,1,1,1\nb,1,0,0\n"))
    assert source.vocabulary == {"column": ("A",)}


@pytest.mark.parametrize(
    ("cell", "names"),
    [
        ("AFIB;LBBB", ["AFIB", "LBBB"]),
        ("AFIB | LBBB", ["AFIB", "LBBB"]),
        ("\"['AFIB', 'LBBB']\"", ["AFIB", "LBBB"]),
        ("\"{'AFIB': 100.0, 'LBBB': 0.0}\"", ["AFIB", "LBBB"]),
        ("afib", ["AFIB"]),
        ("AFIB;AFIB", ["AFIB"]),
        ("ST/T change", ["ST/T change"]),
        ('"164889003,164909002"', ["AF", "LBBB"]),
        ("999999999", ["999999999"]),
        ("[]", []),
    ],
)
def test_labels_may_be_words(csv_table, cell, names):
    text = f"path,fold,labels\nx,1,AFIB\na,1,{cell}\nb,1,\n"
    source = read_csv_table(csv_table(text))
    assert source.vocabulary["column"] == tuple(sorted({"AFIB", *names}))
    _, of_cell, of_blank = source.records["labels"]
    assert of_cell == [f"column:{name}" for name in sorted(names)]
    assert of_blank == [f"blank:{name}" for name in source.vocabulary["column"]]


@pytest.mark.parametrize("column", ["label", "Class", "diagnosis", "DX", "diagnostic_superclass"])
def test_a_column_of_class_names_is_recognised_by_its_own_name(csv_table, column):
    source = read_csv_table(csv_table(f"path,fold,{column},beats\na,1,NORM,9\nb,1,MI,8\n"))
    assert source.vocabulary == {"column": ("MI", "NORM")}
    assert source.records["labels"].tolist() == [["column:NORM"], ["column:MI"]]


def test_any_column_of_words_can_be_named_as_labels(csv_table):
    table = csv_table("path,fold,shape,axis\na,1,NORM,left\nb,1,MI,right\n")
    assert read_csv_table(table).vocabulary == {"column": ()}
    assert read_csv_table(table, labels=("axis",)).vocabulary == {"column": ("left", "right")}


def test_reports_are_not_taken_for_classes(csv_table):
    report = "sinus rhythm with a normal axis and no sign of an earlier infarction of any wall"
    source = read_csv_table(csv_table(f"path,fold,A,findings\na,1,1,{report}\nb,1,0,{report}\n"))
    assert source.vocabulary == {"column": ("A",)}
    assert source.remarks[0] == "not used: the columns findings"


def test_snomed_codes_have_titles(csv_table):
    source = read_csv_table(csv_table("path,fold,dx\na,1,164889003\n"))
    assert source.titles == {"column:AF": "Atrial fibrillation"}


@pytest.mark.parametrize("column", ["split", "Fold", "strat_fold", "partition"])
def test_the_names_of_splits_are_folds(csv_table, column):
    source = read_csv_table(csv_table(f"path,{column}\na,train\nb,Valid\nc,test\nd,3\n"))
    assert source.records["fold"].tolist() == [1, 9, 10, 3]


def test_backslashes_separate_folders_unless_a_file_has_them_in_its_name(csv_table, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("sub/a.csv", "b\\c.csv"):
        (tmp_path / name).touch()
    source = read_csv_table(csv_table("path,fold\nsub\\a.csv,1\nb\\c.csv,1\n"))
    assert source.records["path"].tolist() == [f"{tmp_path}/sub/a.csv", f"{tmp_path}/b\\c.csv"]


# random folds


def people(seed=0, patients=300):
    """Draw patients with 1 to 4 ECGs and labels of which one is common, one rare, one very rare."""
    rng = np.random.default_rng(seed)
    rows = []
    for patient in range(patients):
        chance = rng.random()
        label = "A" if chance < 0.3 else "B" if chance < 0.4 else "C" if chance < 0.41 else ""
        for _ in range(rng.integers(1, 5)):
            rows.append((f"p{patient}", [f"column:{label}"] if label else []))
    return pd.DataFrame(rows, columns=["patient", "labels"])


def test_folds_are_similar_and_no_patient_is_in_two():
    records = people()
    records["fold"] = split(records, seed=1)
    assert records.groupby("patient")["fold"].nunique().max() == 1
    sizes = records["fold"].value_counts()
    assert sorted(sizes.index) == list(range(1, 11))
    assert sizes.max() <= 1.15 * sizes.min()
    has_a = records["labels"].map(lambda labels: "column:A" in labels)
    fractions = has_a.groupby(records["fold"]).mean()
    assert fractions.max() - fractions.min() < 0.08


def test_the_same_seed_makes_the_same_folds():
    records = people()
    once, again, other = (split(records, seed=seed) for seed in (1, 1, 2))
    assert (once == again).all()
    assert (once != other).mean() > 0.5


@pytest.mark.parametrize("labels", ["none", "all different", "two equal"])
def test_labels_that_are_hard_to_spread_are_split_too(labels):
    records = people(patients=40)
    if labels == "none":
        records["labels"] = [[] for _ in range(len(records))]
    elif labels == "all different":
        records["labels"] = [[f"column:{k}"] for k in range(len(records))]
    else:
        records["labels"] = [["column:A"] if k < 2 else [] for k in range(len(records))]
    fold = split(records, seed=0)
    assert sorted(fold.unique()) == list(range(1, 11))
    assert fold.groupby(records["patient"]).nunique().max() == 1


@pytest.mark.parametrize("patients", [1, 2, 9, 10])
def test_ten_patients_or_fewer_get_a_fold_each(patients):
    records = people(patients=patients)
    folds = split(records, seed=0).groupby(records["patient"])
    assert folds.nunique().max() == 1
    assert sorted(folds.first()) == list(range(1, patients + 1))


def test_a_table_without_folds_is_split_by_patient_or_by_ecg(csv_table):
    rows = [f"{k}.csv,p{k // 3},{k % 2}" for k in range(90)]
    by_patient = csv_table("\n".join(["path,patient,A", *rows]))
    records = read_csv_table(by_patient, seed=3).records
    assert records.groupby("patient")["fold"].nunique().max() == 1
    assert records["fold"].nunique() == 10
    alone = csv_table("\n".join(["path,A", *(f"{k}.csv,{k % 2}" for k in range(30))]))
    assert read_csv_table(alone).records["fold"].value_counts().tolist() == [3] * 10
