"""The overview: its counts against hand-made tables and the real ones, its page, hostile input."""

import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from ecgcam.data.ptbxl import read_folder
from ecgcam.data.survey import survey_tables
from ecgcam.data.synthetic import synthesize
from ecgcam.errors import DatasetError
from ecgcam.reports.overview import overview
from ecgcam.signals.leads import LEADS

KNOWN = (12251, 12722, 18767, 21160, 21169, 21171)  # of fold 2; the last four break I + III = II
EVIL = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A folder of 41 made-up ECGs; each test that spoils it takes a copy."""
    return synthesize(tmp_path_factory.mktemp("made-up") / "ecgs", 41, seed=5)


@pytest.fixture(scope="module")
def looked(made_up, tmp_path_factory):
    """Its page, its numbers, and the progress that was told."""
    seen = []
    page, found = look(
        made_up, tmp_path_factory.mktemp("out"), progress=lambda *told: seen.append(told)
    )
    return page, found, seen


@pytest.fixture
def empty_sheets(monkeypatch):
    """Sheets take long to draw."""
    monkeypatch.setattr("ecgcam.reports.overview.draw_sheet", lambda record: Figure(figsize=(1, 1)))


@pytest.fixture
def undrawn(monkeypatch, empty_sheets):
    """No picture at all."""
    monkeypatch.setattr("ecgcam.reports.overview.figure_svg", lambda figure: "data:image/svg+xml,")


@pytest.fixture
def spoilt(made_up, tmp_path):
    """A copy of it to spoil."""
    return shutil.copytree(made_up, tmp_path / "spoilt")


def look(folder, out, **options):
    page = overview(folder, out, **options)
    assert page == out / "overview.html"
    assert {path.name for path in out.iterdir()} == {"overview.html", "overview.json"}
    return page.read_text(encoding="utf-8"), json.loads((out / "overview.json").read_text())


def table_of(folder):
    return pd.read_csv(folder / "ptbxl_database.csv", index_col="ecg_id")


def change(folder, **columns):
    """Put values, by id, into columns of the folder's table."""
    table = table_of(folder).astype(object)
    for column, values in columns.items():
        for record, value in values.items():
            table.loc[record, column] = value
    table.to_csv(folder / "ptbxl_database.csv")


def test_the_counts_are_those_of_the_real_ptb_xl(ptbxl_folder):
    found = survey_tables(ptbxl_folder, read_folder(ptbxl_folder))
    table = table_of(ptbxl_folder)
    assert found["records"] == 2181
    assert (found["classes"]["normal"], found["classes"]["abnormal"]) == (925, 1256)
    assert found["folds"] == {"2": found["classes"]}
    assert found["patients"] == table["patient_id"].nunique()
    assert found["missing_values"]["height"] == table["height"].isna().sum()
    assert found["age"]["groups"]["over 89"] == (table["age"] == 300).sum() > 0
    assert found["age"]["groups"]["60 to 64"] == table["age"].between(60, 64).sum()
    assert found["sex"] == {"male": (table["sex"] == 0).sum(), "female": (table["sex"] == 1).sum()}


def test_the_findings_are_those_of_the_real_ptb_xl(ptbxl_folder, tmp_path, undrawn):
    some = tmp_path / "some"
    some.mkdir()
    for name in ("scp_statements.csv", "records100"):
        (some / name).symlink_to(ptbxl_folder / name)
    table = table_of(ptbxl_folder)
    table[table.index.isin(KNOWN) | (table.index < 1000)].to_csv(some / "ptbxl_database.csv")
    page, found = look(some, tmp_path / "out")
    assert found["quality"] == {
        "unreadable": [],
        "missing samples": [],
        "flat": [{"id": 12722, "leads": ["V5"]}],
        "stuck": [{"id": 12251, "leads": ["V5"]}, {"id": 12722, "leads": ["V4", "V6"]}],
        "clipped": [],
        "Einthoven broken": [{"id": record, "leads": []} for record in KNOWN[2:]],
    }
    over_89 = (table.loc[table.index < 1000, "age"] == 300).sum()
    for said in ("12722 (V4, V6)", f"{over_89} records are of people over 89", "18767, 21160"):
        assert said in re.sub(r"\s+", " ", page)


def test_classes_and_statements_agree_with_the_texts_of_the_table(made_up, looked):
    found = looked[1]
    visits = table_of(made_up).groupby("patient_id").size()
    assert found["patients_with_several_records"] == (visits > 1).sum() > (visits > 2).sum()
    codes = table_of(made_up)["scp_codes"].map(lambda text: set(re.findall(r"'([^']+)'", text)))
    known = pd.read_csv(made_up / "scp_statements.csv", index_col=0)
    superclass = known.loc[known["diagnostic"] == 1, "diagnostic_class"].to_dict()
    classes = codes.map(lambda some: {superclass[code] for code in some if code in superclass})
    assert found["classes"]["normal"] == sum(some == {"NORM"} for some in classes)
    assert found["no_superclass"] == classes.index[classes.map(len) == 0].tolist()
    assert [classes[record] for record in found["samples"].values()] == [
        {name} for name in found["samples"]
    ]
    for i, one in enumerate(found["superclasses"]):
        for j, two in enumerate(found["superclasses"]):
            both = sum({one, two} <= some for some in classes)
            assert found["co_occurrence"][i][j] == both
    counts = {entry["code"]: entry["records"] for entry in found["statements"]}
    assert counts == {code: sum(code in some for some in codes) for code in known.index}
    per_record = {str(n): sum(len(some) == n for some in classes) for n in range(3)}
    assert {n: count for n, count in per_record.items() if count} == {
        n: count for n, count in found["superclasses_per_record"].items() if count
    }


def test_each_sample_has_its_superclass_alone_and_nothing_wrong(spoilt, tmp_path, undrawn):
    clean = dict.fromkeys(("baseline_drift", "static_noise", "burst_noise"), {1: None})
    change(spoilt, scp_codes={1: "{'NORM': 100.0, 'IMI': 100.0}"}, **clean)
    first = look(spoilt, tmp_path / "a")[1]["samples"]
    assert set(first) == {"NORM", "MI", "STTC", "CD", "HYP"}
    assert 1 not in first.values()
    path = spoilt / table_of(spoilt).loc[first["NORM"], "filename_lr"]
    path.with_name(path.name + ".dat").unlink()
    second = look(spoilt, tmp_path / "b")[1]["samples"]
    assert second.pop("NORM") != first.pop("NORM")
    assert second == first


def test_signals_that_are_damaged_are_told_by_record_and_lead(spoilt, tmp_path, undrawn):
    files = [spoilt / f"{name}.dat" for name in table_of(spoilt)["filename_lr"]]
    files[0].unlink()
    files[1].write_bytes(files[1].read_bytes()[:-2])
    rewrite(files[2], "V3", lambda lead: np.full_like(lead, 100))
    rewrite(files[3], "II", lambda lead: lead + 500)
    rewrite(files[4], "V6", lambda lead: np.where(np.arange(lead.size) == 7, -32768, lead))
    page, found = look(spoilt, tmp_path / "out")
    assert [entry["id"] for entry in found["quality"]["unreadable"]] == [1, 2]
    assert found["quality"]["unreadable"][0]["reason"].startswith("records100/00000/00001_lr.dat")
    assert found["quality"]["flat"] == [{"id": 3, "leads": ["V3"]}]
    assert found["quality"]["Einthoven broken"] == [{"id": 4, "leads": []}]
    assert found["quality"]["missing samples"] == [{"id": 5, "leads": ["V6"]}]
    assert "3 (V3)" in page
    assert str(spoilt) not in page


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


def test_rows_that_cannot_be_used_are_named(spoilt, tmp_path, undrawn):
    change(
        spoilt,
        scp_codes={3: "__import__('os')"},
        strat_fold={4: None},
        age={5: -3, 6: "old", 7: 90, 8: 89},
    )
    page, found = look(spoilt, tmp_path / "out")
    assert [row["id"] for row in found["unusable_rows"]] == [3, 4]
    assert sum(fold["records"] for fold in found["folds"].values()) == 40
    ages = pd.to_numeric(table_of(spoilt)["age"], errors="coerce")
    assert found["age"]["groups"]["unknown"] == 2
    assert found["age"]["groups"]["over 89"] == (ages >= 90).sum()
    assert sum(found["age"]["groups"].values()) == 41
    assert "2 rows of the table cannot be used" in page


class Tags(HTMLParser):
    """Every tag with its attributes, and the ids."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def test_hostile_text_stays_text(spoilt, tmp_path, empty_sheets):
    change(
        spoilt,
        device={1: EVIL},
        site={2: None},
        scp_codes={3: str({EVIL.replace("'", ""): 100.0}), 4: EVIL},
        filename_lr={5: EVIL},
    )
    statements = pd.read_csv(spoilt / "scp_statements.csv", index_col=0)
    statements["description"] = "$\\frac{1" + EVIL
    statements.to_csv(spoilt / "scp_statements.csv")
    table = table_of(spoilt)
    table["$\\frac{<b>"] = None
    table.to_csv(spoilt / "ptbxl_database.csv")
    folder = spoilt.rename(tmp_path / "<b>&amp;")
    page, found = look(folder, tmp_path / "out")
    assert found["devices"][EVIL] == 1
    assert {tag for tag, _ in Tags(page).tags}.isdisjoint({"script", "b>", "iframe", "object"})
    assert "Overview of &lt;b&gt;&amp;amp;" in page


def test_the_page_needs_nothing_but_itself(looked):
    page = looked[0]
    for tag, attributes in Tags(page).tags:
        assert tag not in {"script", "link", "iframe"}
        if tag == "img":
            assert attributes["src"].startswith("data:image/")
            assert attributes["alt"]
        assert attributes.get("href", "#").startswith("#")
    ids = {attributes["id"] for _, attributes in Tags(page).tags if "id" in attributes}
    assert set(re.findall(r'href="#(\w+)"', page)) <= ids
    assert "Not a medical device" in page


def test_a_long_list_is_cut_on_the_page_and_whole_in_the_numbers(spoilt, tmp_path, monkeypatch):
    shutil.rmtree(spoilt / "records100")
    monkeypatch.setattr("ecgcam.reports.overview.MOST_IDS", 10)
    page, found = look(spoilt, tmp_path / "out")
    assert len(found["quality"]["unreadable"]) == 41
    assert "00010_lr" in page
    assert "00011_lr" not in page
    assert "… and 31 more" in page
    assert found["samples"] == {}
    assert "No record has just one superclass" in page


def test_progress_counts_up_to_all(looked):
    assert looked[2] == [(k, 41) for k in range(1, 42)]


def test_records_of_500_hz_alone_are_read_too(spoilt, tmp_path, undrawn):
    (spoilt / "records100").rename(spoilt / "records500")
    change(spoilt, filename_hr=table_of(spoilt)["filename_lr"].str.replace("100", "500").to_dict())
    _, found = look(spoilt, tmp_path / "out")
    assert found["rate_hz"] == 500
    assert found["quality"]["unreadable"] == []


def test_a_table_without_rows_gives_a_page(spoilt, tmp_path):
    table_of(spoilt).iloc[:0].to_csv(spoilt / "ptbxl_database.csv")
    _, found = look(spoilt, tmp_path / "out")
    assert found["records"] == found["classes"]["abnormal"] == 0


def test_another_folder_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="not a PTB-XL folder"):
        overview(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
