"""Which files of a folder are ECGs."""

import os
import time

import pytest
from support.ecg_files import LEADS, samples_like_an_ecg, write_wfdb

from ecgcam.readers.folders import find_ecg_files


def found(folder):
    """The ECGs, and the other files, as paths relative to the folder."""
    content = find_ecg_files(folder)
    return [path.relative_to(folder).as_posix() for path in content.ecgs], list(content.others)


def write_table(path, header=("time", *LEADS), rows=200):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(header)]
    lines += [",".join([str(k / 100), *["0.1"] * (len(header) - 1)]) for k in range(rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_records(folder, *names):
    for seed, name in enumerate(names):
        write_wfdb(folder / name, samples_like_an_ecg(seed=seed))


def test_one_wfdb_record_of_two_files_is_one_ecg(tmp_path):
    write_records(tmp_path, "b/2", "a/1", "10")
    assert found(tmp_path) == (["10", "a/1", "b/2"], [])


def test_a_record_whose_samples_have_another_name_is_one_ecg(tmp_path):
    write_records(tmp_path, "a")
    (tmp_path / "a.dat").rename(tmp_path / "signals.mat")
    header = tmp_path / "a.hea"
    header.write_text(header.read_text().replace("a.dat", "signals.mat"))
    assert found(tmp_path) == (["a"], [])


def test_the_segments_of_a_record_are_no_ecgs_of_their_own(tmp_path):
    write_records(tmp_path, "part1", "part2")
    (tmp_path / "whole.hea").write_text("whole/2 12 100 2000\npart1 1000\npart2 1000\n")
    assert found(tmp_path) == (["whole"], [])


def test_annotations_labels_and_lists_are_no_ecgs(tmp_path):
    write_records(tmp_path, "1")
    (tmp_path / "1.atr").write_bytes(bytes([0, 4, 36, 4, 0, 0]))
    (tmp_path / "RECORDS").write_text("1\n2\n")
    (tmp_path / "labels.csv").write_text("id,AFIB,LBBB\n" + "1,0,1\n" * 300)
    (tmp_path / "waves.csv").write_text("lead,onset\n" + "I,0.31\nII,0.32\n" * 200)
    (tmp_path / "page.pdf").write_bytes(b"%PDF-1.7")
    assert found(tmp_path) == (["1"], ["1.atr", "RECORDS", "labels.csv", "page.pdf", "waves.csv"])


@pytest.mark.parametrize(
    "header",
    [
        ("time", *LEADS),
        ("t", "Lead I (mV)", "Lead II (mV)"),
        ('"time"', '"V1"'),
        ("", "time", "x", "I", "II"),
    ],
)
def test_a_table_with_leads_in_its_header_is_an_ecg(tmp_path, header):
    write_table(tmp_path / "a.csv", header)
    assert found(tmp_path) == (["a.csv"], [])


def test_a_table_with_a_preamble_one_row_per_lead_or_numbers_alone_is_an_ecg(tmp_path):
    table = write_table(tmp_path / "preamble.csv")
    table.write_text("device,X\ndate,1 May\n" + table.read_text())
    rows = [",".join([lead, *["0.1"] * 500]) for lead in LEADS]
    (tmp_path / "rows.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "numbers.txt").write_text(";".join(["0,1"] * 12).join(["", "\n"]) * 300)
    assert found(tmp_path)[0] == ["numbers.txt", "preamble.csv", "rows.csv"]


def test_tables_of_any_style_are_ecgs(tmp_path):
    table = write_table(tmp_path / "spaces.txt")
    rows = [f"{lead}\t" + "\t".join(["0.1234567"] * 9000) for lead in LEADS]
    (tmp_path / "long-rows.txt").write_text("\n".join(rows))
    (tmp_path / "utf-16.csv").write_bytes(table.read_text().encode("utf-16"))
    table.write_text(table.read_text().replace(",", " "))
    labels = ["id,age,NORM,MI,STTC,CD,HYP,fold", *("1,61,1,0,0,0,0,9" for _ in range(300))]
    (tmp_path / "labels.csv").write_text("\n".join(labels))
    assert found(tmp_path) == (["long-rows.txt", "spaces.txt", "utf-16.csv"], ["labels.csv"])


def test_a_damaged_file_with_an_ecg_suffix_counts(tmp_path):
    (tmp_path / "empty.csv").touch()
    (tmp_path / "noise.edf").write_bytes(os.urandom(500) + b"\0")
    (tmp_path / "no-signals.hea").write_text("nonsense")
    (tmp_path / "empty.md").touch()
    assert found(tmp_path) == (["empty.csv", "no-signals", "noise.edf"], ["empty.md"])


def test_hidden_files_pipes_and_linked_folders_are_left_out(tmp_path):
    inside = tmp_path / "inside"
    write_records(inside, "a", ".hidden", ".cache/b")
    write_records(tmp_path / "elsewhere", "secret")
    os.mkfifo(inside / "pipe.csv")
    (inside / "loop").symlink_to(inside)
    (inside / "outside").symlink_to(tmp_path / "elsewhere")
    start = time.monotonic()
    assert found(inside) == (["a"], [])
    assert time.monotonic() - start < 5


def test_links_to_files_count_and_broken_ones_too(tmp_path):
    write_table(tmp_path / "store" / "ecg.csv")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "linked.csv").symlink_to(tmp_path / "store" / "ecg.csv")
    (folder / "broken.csv").symlink_to(tmp_path / "nowhere")
    assert found(folder) == (["broken.csv", "linked.csv"], [])


def test_ludb_has_120_ecgs_beside_its_annotations(shared):
    content = find_ecg_files(shared / "ludb")
    assert [path.name for path in content.ecgs] == sorted(map(str, range(1, 121)))


def test_ptbxl_has_its_records_beside_its_tables(ptbxl_folder):
    content = find_ecg_files(ptbxl_folder)
    assert len(content.ecgs) == 2181
    assert {"ptbxl_database.csv", "scp_statements.csv"} <= set(content.others)
