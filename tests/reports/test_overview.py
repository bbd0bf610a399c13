"""The overview counts what the tables have, on a self-contained page, whatever the input."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from support.ecg_files import samples_like_an_ecg, write_wfdb

from ecgcam.data.preparation import PrepareConfig, prepare
from ecgcam.data.survey import open_surveyed, survey_tables
from ecgcam.data.synthetic import synthesize
from ecgcam.errors import DatasetError
from ecgcam.reports.overview import overview
from ecgcam.signals.leads import LEADS
from ecgcam.tasks import SUPERCLASS_TITLES

KNOWN = (12251, 12722, 18767, 21160, 21169, 21171)  # of fold 2; the last four break I + III = II
EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def synthetic_folder(tmp_path_factory):
    """A folder of 41 synthetic ECGs; tests that damage it take a copy."""
    return synthesize(tmp_path_factory.mktemp("synthetic") / "ecgs", 41, seed=5)


@pytest.fixture(scope="module")
def written(synthetic_folder, tmp_path_factory):
    """Its page, its numbers, and the calls of `progress`."""
    calls = []
    page, numbers = write(
        synthetic_folder, tmp_path_factory.mktemp("out"), progress=lambda *done: calls.append(done)
    )
    return page, numbers, calls


@pytest.fixture
def empty_sheets(monkeypatch):
    """Replace the sheets, which take long to draw, by empty figures."""
    monkeypatch.setattr("ecgcam.reports.overview.draw_sheet", lambda record: Figure(figsize=(1, 1)))


@pytest.fixture
def undrawn(monkeypatch, empty_sheets):
    """Replace every picture by an empty one."""
    monkeypatch.setattr("ecgcam.reports.overview.figure_svg", lambda figure: "data:image/svg+xml,")


@pytest.fixture
def damaged(synthetic_folder, tmp_path):
    """A copy of the folder to damage."""
    return shutil.copytree(synthetic_folder, tmp_path / "damaged")


def write(folder, out, **options):
    page = overview(folder, out, **options)
    assert page == out / "overview.html"
    assert {path.name for path in out.iterdir()} == {"overview.html", "overview.json"}
    return page.read_text(encoding="utf-8"), json.loads((out / "overview.json").read_text())


def table_of(folder):
    return pd.read_csv(folder / "ptbxl_database.csv", index_col="ecg_id")


def change(folder, **columns):
    """Set values of the folder's table, by column and id."""
    table = table_of(folder).astype(object)
    for column, values in columns.items():
        for record, value in values.items():
            table.loc[record, column] = value
    table.to_csv(folder / "ptbxl_database.csv")


def test_the_counts_match_the_real_ptb_xl(ptbxl_folder):
    numbers = survey_tables(open_surveyed(ptbxl_folder))
    table = table_of(ptbxl_folder)
    assert numbers["records"] == 2181
    assert (numbers["classes"]["normal"], numbers["classes"]["abnormal"]) == (925, 1256)
    assert numbers["folds"] == {"2": numbers["classes"]}
    assert numbers["patients"] == table["patient_id"].nunique()
    assert numbers["missing_values"]["height"] == table["height"].isna().sum()
    assert numbers["age"]["groups"]["over 89"] == (table["age"] == 300).sum() > 0
    assert numbers["age"]["groups"]["60 to 64"] == table["age"].between(60, 64).sum()
    assert numbers["sex"] == {
        "male": (table["sex"] == 0).sum(),
        "female": (table["sex"] == 1).sum(),
    }


def test_the_findings_match_the_real_ptb_xl(ptbxl_folder, tmp_path, undrawn):
    some = tmp_path / "some"
    some.mkdir()
    for name in ("scp_statements.csv", "records100"):
        (some / name).symlink_to(ptbxl_folder / name)
    table = table_of(ptbxl_folder)
    table[table.index.isin(KNOWN) | (table.index < 1000)].to_csv(some / "ptbxl_database.csv")
    page, numbers = write(some, tmp_path / "out")
    assert numbers["quality"] == {
        "unreadable": [],
        "missing samples": [],
        "flat": [{"id": 12722, "leads": ["V5"]}],
        "stuck": [{"id": 12251, "leads": ["V5"]}, {"id": 12722, "leads": ["V4", "V6"]}],
        "clipped": [],
        "Einthoven broken": [{"id": record, "leads": []} for record in KNOWN[2:]],
    }
    over_89 = (table.loc[table.index < 1000, "age"] == 300).sum()
    for text in ("12722 (V4, V6)", f"{over_89} records are of people over 89", "18767, 21160"):
        assert text in re.sub(r"\s+", " ", page)


def test_classes_and_statements_agree_with_the_text_of_the_table(synthetic_folder, written):
    numbers = written[1]
    visits = table_of(synthetic_folder).groupby("patient_id").size()
    assert numbers["patients_with_several_records"] == (visits > 1).sum() > (visits > 2).sum()
    codes = table_of(synthetic_folder)["scp_codes"].map(
        lambda text: set(re.findall(r"'([^']+)'", text))
    )
    known = pd.read_csv(synthetic_folder / "scp_statements.csv", index_col=0)
    superclass = known.loc[known["diagnostic"] == 1, "diagnostic_class"].to_dict()
    classes = codes.map(lambda names: {superclass[code] for code in names if code in superclass})
    assert numbers["classes"]["normal"] == sum(names == {"NORM"} for names in classes)
    assert numbers["no_class"] == classes.index[classes.map(len) == 0].tolist()
    assert [classes[record] for record in numbers["samples"].values()] == [
        {name} for name in numbers["samples"]
    ]
    for i, a in enumerate(numbers["class_names"]):
        for j, b in enumerate(numbers["class_names"]):
            both = sum({a, b} <= names for names in classes)
            assert numbers["co_occurrence"][i][j] == both
    counts = {entry["code"]: entry["records"] for entry in numbers["statements"]}
    assert counts == {code: sum(code in names for names in codes) for code in known.index}
    per_record = {str(n): sum(len(names) == n for names in classes) for n in range(3)}
    assert {n: count for n, count in per_record.items() if count} == {
        n: count for n, count in numbers["classes_per_record"].items() if count
    }


def test_each_sample_has_one_superclass_and_no_finding(damaged, tmp_path, undrawn):
    clean = dict.fromkeys(("baseline_drift", "static_noise", "burst_noise"), {1: None})
    change(damaged, scp_codes={1: "{'NORM': 100.0, 'IMI': 100.0}"}, **clean)
    first = write(damaged, tmp_path / "a")[1]["samples"]
    assert set(first) == {"NORM", "MI", "STTC", "CD", "HYP"}
    assert 1 not in first.values()
    path = damaged / table_of(damaged).loc[first["NORM"], "filename_lr"]
    path.with_name(path.name + ".dat").unlink()
    second = write(damaged, tmp_path / "b")[1]["samples"]
    assert second.pop("NORM") != first.pop("NORM")
    assert second == first


def test_damaged_signals_are_listed_by_record_and_lead(damaged, tmp_path, undrawn):
    files = [damaged / f"{name}.dat" for name in table_of(damaged)["filename_lr"]]
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-2])
    rewrite(files[2], "V3", lambda lead: np.full_like(lead, 100))
    rewrite(files[3], "II", lambda lead: lead + 500)
    rewrite(files[4], "V6", lambda lead: np.where(np.arange(lead.size) == 7, -32768, lead))
    page, numbers = write(damaged, tmp_path / "out")
    assert [entry["id"] for entry in numbers["quality"]["unreadable"]] == [1, 2]
    assert numbers["quality"]["unreadable"][0]["reason"].startswith("records100/00000/00001_lr.dat")
    assert numbers["quality"]["flat"] == [{"id": 3, "leads": ["V3"]}]
    assert numbers["quality"]["Einthoven broken"] == [{"id": 4, "leads": []}]
    assert numbers["quality"]["missing samples"] == [{"id": 5, "leads": ["V6"]}]
    assert "3 (V3)" in page
    assert str(damaged) not in page


def rewrite(file, lead, changed):
    """Change one lead of a .dat file, and its checksum and first value in the header."""
    samples = np.fromfile(file, "<i2").reshape(-1, 12)
    samples[:, LEADS.index(lead)] = changed(samples[:, LEADS.index(lead)])
    file.write_bytes(samples.tobytes())
    lines = file.with_suffix(".hea").read_text().splitlines()
    words = lines[1 + LEADS.index(lead)].split()
    column = samples[:, LEADS.index(lead)]
    words[5:7] = str(column[0]), str(int(column.sum(dtype=np.int64)) % 65536)
    lines[1 + LEADS.index(lead)] = " ".join(words)
    file.with_suffix(".hea").write_text("\n".join(lines) + "\n")


def test_unusable_rows_are_listed(damaged, tmp_path, undrawn):
    change(
        damaged,
        scp_codes={3: "__import__('os')"},
        strat_fold={4: None},
        age={5: -3, 6: "old", 7: 90, 8: 89},
    )
    page, numbers = write(damaged, tmp_path / "out")
    assert [row["id"] for row in numbers["unusable_rows"]] == [3, 4]
    assert sum(fold["records"] for fold in numbers["folds"].values()) == 40
    ages = pd.to_numeric(table_of(damaged)["age"], errors="coerce")
    assert numbers["age"]["groups"]["unknown"] == 2
    assert numbers["age"]["groups"]["over 89"] == (ages >= 90).sum()
    assert sum(numbers["age"]["groups"].values()) == 41
    assert "2 rows of the table cannot be used" in page


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def test_hostile_text_stays_text(damaged, tmp_path, empty_sheets):
    change(
        damaged,
        device={1: EVIL},
        site={2: None},
        scp_codes={3: str({EVIL.replace("'", ""): 100.0}), 4: EVIL},
        filename_lr={5: EVIL},
    )
    statements = pd.read_csv(damaged / "scp_statements.csv", index_col=0)
    statements["description"] = "$\\frac{1" + EVIL
    statements.to_csv(damaged / "scp_statements.csv")
    table = table_of(damaged)
    table["$\\frac{<b>"] = None
    table.to_csv(damaged / "ptbxl_database.csv")
    folder = damaged.rename(tmp_path / "<b>&amp;")
    page, numbers = write(folder, tmp_path / "out")
    assert numbers["devices"][EVIL] == 1
    assert {tag for tag, _ in Tags(page).tags}.isdisjoint({"script", "b>", "iframe", "object"})
    assert "Overview of &lt;b&gt;&amp;amp;" in page


def test_the_page_is_self_contained(written):
    page = written[0]
    for tag, attributes in Tags(page).tags:
        assert tag not in {"script", "link", "iframe"}
        if tag == "img":
            assert attributes["src"].startswith("data:image/")
            assert attributes["alt"]
        assert attributes.get("href", "#").startswith("#")
    ids = {attributes["id"] for _, attributes in Tags(page).tags if "id" in attributes}
    assert set(re.findall(r'href="#(\w+)"', page)) <= ids
    assert "Not a medical device" in page


def test_a_long_list_is_cut_on_the_page_and_complete_in_the_json(damaged, tmp_path, monkeypatch):
    shutil.rmtree(damaged / "records100")
    monkeypatch.setattr("ecgcam.reports.overview.MOST_IDS", 10)
    page, numbers = write(damaged, tmp_path / "out")
    assert len(numbers["quality"]["unreadable"]) == 41
    assert "00010_lr" in page
    assert "00011_lr" not in page
    assert "… and 31 more" in page
    assert numbers["samples"] == {}
    assert "No record has exactly one superclass" in page


def test_names_are_spelled_out_on_the_page(written):
    page, numbers, _ = written
    for name, title in SUPERCLASS_TITLES.items():
        assert f'<th class="n">{title} ({name})</th>' in page
        assert f"<b>{title} ({name})</b>: record {numbers['samples'][name]}," in page
    assert "sinus rhythm (SR)" in page


def test_progress_counts_every_signal(written):
    assert written[2] == [(k, 41) for k in range(1, 42)]


def test_a_folder_with_records_of_500_hz_only_is_read(damaged, tmp_path, undrawn):
    (damaged / "records100").rename(damaged / "records500")
    change(
        damaged, filename_hr=table_of(damaged)["filename_lr"].str.replace("100", "500").to_dict()
    )
    _, numbers = write(damaged, tmp_path / "out")
    assert list(numbers["rates_hz"]) == ["100"]  # as the headers say
    assert numbers["quality"]["unreadable"] == []


def test_an_empty_table_gives_a_page(damaged, tmp_path):
    table_of(damaged).iloc[:0].to_csv(damaged / "ptbxl_database.csv")
    _, numbers = write(damaged, tmp_path / "out")
    assert numbers["records"] == numbers["classes"]["abnormal"] == 0


def test_a_folder_without_ecgs_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="found no ECG"):
        overview(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def own(tmp_path):
    """A CSV table of six ECGs at two rates and lengths, with unknown labels, and a damaged one."""
    rows = ["path,patient,fold,age,sex,AF,WPW"]
    for k in range(6):
        rate, seconds = (500, 10) if k == 5 else (100, 10 + 5 * (k == 4))
        comments = [f"Age: {50 + k}", "Sex: F"]
        samples = samples_like_an_ecg(time=rate * seconds, seed=k)
        write_wfdb(tmp_path / f"s{k}", samples, rate=str(rate), comments=comments)
        rows.append(
            f"s{k}.hea,p{k // 2},{k // 2 + 1},{'' if k else 33},,{k % 2},{'1' if k > 3 else ''}"
        )
    (tmp_path / "s1.dat").write_bytes(b"cut")
    (tmp_path / "own.csv").write_text("\n".join(rows))
    return tmp_path / "own.csv"


def test_a_table_of_your_own_has_an_overview(own, tmp_path):
    page, numbers = write(own, tmp_path / "out")
    assert numbers["class_names"] == ["AF", "WPW"]
    assert numbers["classes"] == {"records": 6, "AF": 3, "WPW": 2, "no_class": 2}
    assert numbers["unknown"] == {"AF": 0, "WPW": 4}
    assert numbers["folds"]["2"] == {"records": 2, "AF": 1, "WPW": 0, "no_class": 1}
    assert numbers["rates_hz"] == {"100": 4, "500": 1}
    assert numbers["durations_s"] == {"10": 4, "15": 1}
    assert numbers["patients"] == 3
    assert numbers["age"]["groups"]["30 to 34"] == 1  # the table's
    assert numbers["age"]["groups"]["50 to 54"] == 3  # the files'
    assert numbers["sex"] == {"female": 5, "unknown": 1}
    assert [entry["id"] for entry in numbers["quality"]["unreadable"]] == ["s1.hea"]
    assert numbers["quality"]["unreadable"][0]["reason"].startswith("s1.hea: s1.dat: 3 bytes")
    assert numbers["samples"] == {"AF": "s3.hea", "WPW": "s4.hea"}
    assert "AF</b>: record s3.hea" in page
    assert str(tmp_path) not in page


def test_a_folder_without_labels_has_an_overview(own, tmp_path):
    own.unlink()
    page, numbers = write(tmp_path, tmp_path / "out")
    assert numbers["classes"] == {"records": 6, "no_class": 6}
    assert numbers["samples"] == {"": "s0"}
    assert "There are no labels" in page
    assert "An ECG</b>: record s0" in page


def test_a_store_of_ptb_xl_has_an_overview(synthetic_folder, tmp_path, undrawn):
    store = prepare(synthetic_folder, tmp_path / "store", PrepareConfig(jobs=1)).folder
    _, numbers = write(store, tmp_path / "out")
    _, of_folder = write(synthetic_folder, tmp_path / "other")
    for key in ("classes", "folds", "co_occurrence", "sex", "rates_hz", "samples", "patients"):
        assert numbers[key] == of_folder[key]
    counts = {entry["code"]: entry["records"] for entry in of_folder["statements"]}
    assert {entry["code"]: entry["records"] for entry in numbers["statements"]} == {
        code: count for code, count in counts.items() if count
    }


def test_many_classes_are_all_in_the_json_and_the_most_frequent_on_the_page(tmp_path, undrawn):
    words = ";".join(f"C{k:02d}" for k in range(20))
    rows = ["path,patient,fold,labels"]
    for k in range(3):
        write_wfdb(tmp_path / f"s{k}", samples_like_an_ecg(seed=k))
        rows.append(f"s{k},p{k},{k},{words if k == 0 else 'C19'}")
    (tmp_path / "own.csv").write_text("\n".join(rows))
    page, numbers = write(tmp_path / "own.csv", tmp_path / "out")
    assert len(numbers["class_names"]) == 20
    assert numbers["classes"]["C19"] == 3
    assert ">C19</th>" in page
    assert ">C15</th>" not in page
    assert "The 12 most frequent of 20 classes" in page
