"""Tasks: counts of PTB-XL, rules by hand, invalid files and cards."""

import csv
import json

import numpy as np
import pytest

from ecgcam.data.statements import Statement, statement_labels, statement_vocabulary
from ecgcam.errors import DatasetError, ModelError
from ecgcam.tasks import SUPERCLASSES, TASKS, Task, find_task

# In folds 1 to 9: normal, and abnormal including records without a superclass.
NORMAL_ABNORMAL = [
    *((898, 1277), (925, 1256), (941, 1251), (885, 1289), (893, 1281), (890, 1283), (922, 1254)),
    *((889, 1284), (914, 1269)),
]
WITHOUT_SUPERCLASS = 371

STATEMENTS = {
    "NORM": Statement(code="NORM", superclass="NORM", subclass="NORM"),
    "IMI": Statement(code="IMI", superclass="MI", subclass="IMI"),
    "AMI": Statement(code="AMI", superclass="MI", subclass="AMI"),
    "NDT": Statement(code="NDT", superclass="STTC", subclass="STTC", form=True),
    "LVH": Statement(code="LVH", superclass="HYP", subclass="LVH"),
    "CLBBB": Statement(code="CLBBB", superclass="CD", subclass="CLBBB"),
    "SR": Statement(code="SR", rhythm=True),
    "AFIB": Statement(code="AFIB", rhythm=True),
    "PVC": Statement(code="PVC", form=True),
}
VOCABULARY = statement_vocabulary(STATEMENTS)
COLUMNS = {"column": ("AFIB", "LBBB")}


@pytest.fixture
def task_file(tmp_path):
    def write(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def labels_of(*records):
    return [statement_labels(codes.split(), STATEMENTS) for codes in records]


def kept_targets(task, source, fold):
    labels = source.records["labels"][source.records["fold"] == fold]
    targets, keep = task.targets(labels.tolist())
    return targets[keep], len(keep) - keep.sum()


def test_normal_and_abnormal_are_as_many_as_in_the_paper(ptbxl_source):
    task = find_task("normal", ptbxl_source.vocabulary)
    assert task.classes == ("ABNORMAL",)
    for fold, (normal, abnormal) in enumerate(NORMAL_ABNORMAL, start=1):
        targets, dropped = kept_targets(task, ptbxl_source, fold)
        assert ((targets == 0).sum(), (targets == 1).sum(), dropped) == (normal, abnormal, 0)


def test_the_superclass_task_leaves_out_records_without_a_superclass(ptbxl_source):
    task = find_task("superclass", ptbxl_source.vocabulary)
    kept = [kept_targets(task, ptbxl_source, fold) for fold in range(1, 10)]
    assert sum(dropped for _, dropped in kept) == WITHOUT_SUPERCLASS
    assert all((targets.sum(axis=1) >= 1).all() for targets, _ in kept)


def test_unlabelled_records_of_ptb_xl_can_be_dropped_negative_or_positive(ptbxl_source):
    labels = ptbxl_source.records["labels"].tolist()
    abnormal = sum(pair[1] for pair in NORMAL_ABNORMAL)
    for unlabelled, kept, positive in (
        ("drop", len(labels) - WITHOUT_SUPERCLASS, abnormal - WITHOUT_SUPERCLASS),
        ("negative", len(labels), abnormal - WITHOUT_SUPERCLASS),
        ("positive", len(labels), abnormal),
    ):
        task = Task(
            **{**find_task("normal", ptbxl_source.vocabulary).__dict__, "unlabelled": unlabelled}
        )
        targets, keep = task.targets(labels)
        assert (keep.sum(), targets[keep].sum()) == (kept, positive)


def test_the_classes_of_each_task_are_those_of_ptb_xl(ptbxl_source, shared):
    with (shared / "ptbxl" / "scp_statements.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    names = {
        "subclass": {row["diagnostic_subclass"] for row in rows if row["diagnostic"]},
        "rhythm": {row[""] for row in rows if row["rhythm"]},
        "form": {row[""] for row in rows if row["form"]},
        "all": {row[""] for row in rows},
    }
    assert find_task("superclass", ptbxl_source.vocabulary).classes == SUPERCLASSES
    assert SUPERCLASSES == ("NORM", "MI", "STTC", "CD", "HYP")
    for name, count in {"subclass": 23, "rhythm": 12, "form": 19, "all": 71}.items():
        task = find_task(name, ptbxl_source.vocabulary)
        assert task.classes == tuple(sorted(names[name]))
        assert len(task.classes) == count


@pytest.mark.parametrize("name", ["superclass", "subclass", "rhythm", "form", "all"])
def test_targets_agree_with_the_tables_of_ptb_xl(ptbxl_source, shared, name):
    with (shared / "ptbxl" / "scp_statements.csv").open(newline="") as table:
        rows = {row[""]: row for row in csv.DictReader(table)}
    group = {
        "superclass": lambda code: rows[code]["diagnostic_class"],
        "subclass": lambda code: rows[code]["diagnostic_subclass"],
        "rhythm": lambda code: code if rows[code]["rhythm"] else "",
        "form": lambda code: code if rows[code]["form"] else "",
        "all": lambda code: code,
    }[name]
    sample = ptbxl_source.records.iloc[::40]
    task = find_task(name, ptbxl_source.vocabulary)
    targets, keep = task.targets(sample["labels"].tolist())
    for row, kept, codes in zip(targets, keep, sample["scp_codes"], strict=True):
        expected = {group(code) for code in json.loads(codes)} - {""}
        assert {task.classes[k] for k in np.flatnonzero(row == 1)} == expected
        assert kept == bool(expected)


def test_a_statement_has_the_labels_of_all_its_groups():
    assert labels_of("NDT SR") == [
        ["form:NDT", "rhythm:SR", "statement:NDT", "statement:SR", "subclass:STTC"]
        + ["superclass:STTC"]
    ]
    assert labels_of("UNKNOWN", "") == [["statement:UNKNOWN"], []]


def test_normal_means_exactly_norm():
    task = find_task("normal", VOCABULARY)
    targets, keep = task.targets(labels_of("NORM", "NORM SR", "NORM NDT", "IMI", "SR", ""))
    assert targets[:, 0].tolist() == [0, 0, 1, 1, 1, 1]
    assert keep.all()


def test_a_record_can_have_several_classes_or_none():
    task = find_task("superclass", VOCABULARY)
    targets, keep = task.targets(labels_of("IMI NDT LVH", "AMI IMI", "SR PVC"))
    assert targets[keep].tolist() == [[0, 1, 1, 0, 1], [0, 1, 0, 0, 0]]
    assert keep.tolist() == [True, True, False]


@pytest.mark.parametrize("name", ["normal", "superclass"])
def test_no_records_give_no_targets(name):
    task = find_task(name, VOCABULARY)
    targets, keep = task.targets([])
    assert (targets.shape, keep.shape) == ((0, len(task.classes)), (0,))


def test_a_blank_leaves_the_record_out_of_that_class_alone():
    task = find_task("columns", COLUMNS)
    records = [
        *(["column:AFIB"], [], ["column:AFIB", "blank:LBBB"], ["column:AFIB", "column:LBBB"]),
        ["blank:AFIB", "blank:LBBB"],
    ]
    targets, keep = task.targets(records)
    assert task.classes == ("AFIB", "LBBB")
    assert keep.tolist() == [True, True, True, True, False]
    np.testing.assert_array_equal(targets[keep], [[1, 0], [0, 0], [1, np.nan], [1, 1]])


def test_a_class_of_two_columns_is_known_if_one_is_positive_or_both_are_filled(task_file):
    own = task_file('[classes]\nANY = ["AFIB", "LBBB"]\n')
    records = [["column:AFIB", "blank:LBBB"], ["blank:LBBB"], [], ["blank:AFIB", "blank:LBBB"]]
    targets, keep = find_task(own, COLUMNS).targets(records)
    assert keep.tolist() == [True, False, True, False]
    assert targets[keep, 0].tolist() == [1, 0]


def test_exclusive_classes_need_every_column(task_file):
    own = task_file('exclusive = true\n[classes]\nA = "AFIB"\nL = "LBBB"\n')
    records = [["column:AFIB"], ["column:AFIB", "blank:LBBB"], ["column:LBBB"]]
    targets, keep = find_task(own, COLUMNS).targets(records)
    assert keep.tolist() == [True, False, True]
    assert targets[keep].tolist() == [[1, 0], [0, 1]]


def test_a_blank_can_count_as_negative(task_file):
    own = task_file('unlabelled = "negative"\n[classes]\nA = "AFIB"\nL = "LBBB"\n')
    targets, keep = find_task(own, COLUMNS).targets([["column:AFIB", "blank:LBBB"]])
    assert (keep.tolist(), targets.tolist()) == ([True], [[1, 0]])


def test_a_task_adapts_to_a_table_with_columns_for_its_classes():
    task = find_task("normal", {"column": ("ABNORMAL", "AGE_OVER_60")})
    assert task.members == (("column:ABNORMAL",),)
    targets, keep = task.targets([["column:ABNORMAL"], [], ["blank:ABNORMAL"]])
    assert keep.tolist() == [True, True, False]
    assert targets[:2, 0].tolist() == [1, 0]


def test_a_task_does_not_adapt_to_a_table_without_them():
    with pytest.raises(DatasetError, match="no labels for the task 'normal'.*a column ABNORMAL"):
        find_task("normal", COLUMNS)
    task_of_another_table = find_task("columns", {"column": ("AFIB", "WPW")})
    with pytest.raises(DatasetError, match="a column AFIB, WPW"):
        task_of_another_table.adapt_to({"column": ("LBBB",)})
    assert task_of_another_table.adapt_to({"column": ("WPW", "X", "AFIB")}) == task_of_another_table


def test_classes_without_a_column_are_unknown_in_every_record():
    task = find_task("superclass", VOCABULARY).adapt_to({"column": ("MI", "NORM")})
    targets, keep = task.targets([["column:MI"], [], ["blank:MI", "blank:NORM"]])
    assert keep.tolist() == [True, True, False]
    unknown = [np.nan] * 3
    np.testing.assert_array_equal(targets[:2], [[0, 1, *unknown], [0, 0, *unknown]])


def test_an_exclusive_task_does_not_adapt_to_a_part_of_its_columns(task_file):
    own = task_file('exclusive = true\n[classes]\nA = "AFIB"\nL = "LBBB"\n')
    with pytest.raises(DatasetError, match="a column L"):
        find_task(own, COLUMNS).adapt_to({"column": ("A",)})


def test_the_error_for_an_unknown_task_lists_the_known_ones():
    with pytest.raises(DatasetError, match="no task 'superclas'.*normal, superclass, subclass"):
        find_task("superclas", VOCABULARY)
    for name in ("subclass", "all"):
        with pytest.raises(DatasetError, match="found none"):
            find_task(name, COLUMNS)
    with pytest.raises(DatasetError, match="'columns' needs labels"):
        find_task("columns", VOCABULARY)


def test_your_own_task(task_file):
    own = task_file('[classes]\nINFARCT = "superclass:MI"\nBEATS = ["PVC", "AFIB"]\n')
    task = find_task(own, VOCABULARY)
    assert (task.name, task.exclusive, task.unlabelled) == ("own", False, "drop")
    targets, keep = task.targets(labels_of("IMI PVC", "AFIB", "NORM", "", "AMI SR"))
    assert targets[keep].tolist() == [[1, 1], [0, 1], [0, 0], [1, 0]]
    assert keep.tolist() == [True, True, True, False, True]


def test_exclusive_classes_leave_out_ambiguous_records(task_file):
    own = task_file(
        'exclusive = true\n[classes]\nNORM = ["superclass:NORM"]\nMI = ["superclass:MI"]\n'
    )
    task = find_task(own, VOCABULARY)
    targets, keep = task.targets(labels_of("NORM", "IMI AMI", "NORM IMI", "LVH", "SR"))
    assert keep.tolist() == [True, True, False, False, False]
    assert targets[keep].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("unlabelled", "kept", "positive"),
    [("drop", [1, 1, 0], [1, 0]), ("negative", [1, 1, 1], [1, 0, 0]), ("positive", 3 * [1], 3)],
)
def test_a_file_may_set_unlabelled(task_file, unlabelled, kept, positive):
    own = task_file(f'unlabelled = "{unlabelled}"\n[classes]\nMI = ["superclass:MI"]\n')
    targets, keep = find_task(own, VOCABULARY).targets(labels_of("IMI", "NORM", "SR"))
    expected = [1, 0, 1] if positive == 3 else positive
    assert (keep.tolist(), targets[keep, 0].tolist()) == ([bool(k) for k in kept], expected)


@pytest.mark.parametrize(
    ("member", "hint"),
    [
        ("AFBI", "AFIB"),
        ("afib", "AFIB"),
        ("CLBB", "CLBBB"),
        ("superclas:STTC", "superclass:STTC"),
        ("HYP", "superclass:HYP"),
        ("superclass:HPY", "superclass:HYP"),
    ],
)
def test_a_misspelled_name_gets_a_hint(task_file, member, hint):
    with pytest.raises(DatasetError, match=f"own.toml.*'{member}'. Did you mean .*{hint}"):
        find_task(task_file(f'[classes]\nA = ["{member}"]\n'), VOCABULARY)


def test_a_name_without_similar_ones_gets_no_hint(task_file):
    with pytest.raises(DatasetError, match=r"no statement, group or column 'QQQQ'\.$"):
        find_task(task_file('[classes]\nA = ["QQQQ"]\n'), VOCABULARY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no table \[classes\]"),
        ("classes = 3", "not a task"),
        ("[classes]", "every class needs"),
        ("[classes]\nA = []", "every class needs"),
        ("[classes]\nA = 3", "not a task"),
        ("[classes]\nA = [3]", "not a task|no statement"),
        ("[classes]\nA = [[]]", "not a task|no statement"),
        ("[classes\nA = 'SR'", "not a task"),
        ("exclusive = true\n[classes]\nA = 'SR'", "at least two"),
        ("exclusive = 'yes'\n[classes]\nA = 'SR'\nB = 'AFIB'", "true or false"),
        ("unlabelled = 'maybe'\n[classes]\nA = 'SR'", "unlabelled must be one of"),
        (
            "unlabelled = 'positive'\n[classes]\nA = 'SR'\nB = 'AFIB'",
            "only for a task of one class",
        ),
        ("members = 3\n[classes]\nA = 'SR'", "not a task"),
        ("colour = 'red'\n[classes]\nA = 'SR'", "colour"),
        ("name = 3\n[classes]\nA = 'SR'", "must be text"),
    ],
)
def test_an_invalid_task_file_is_refused(task_file, text, message):
    with pytest.raises(DatasetError, match=message):
        find_task(task_file(text), VOCABULARY)


def test_a_missing_or_binary_task_file_is_refused(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "a.toml", tmp_path / "none.toml", tmp_path):
        with pytest.raises(DatasetError, match="not a task|no task"):
            find_task(str(path), VOCABULARY)


@pytest.mark.parametrize("name", [name for name in TASKS if name != "columns"])
def test_a_task_is_read_back_from_its_card(name):
    task = find_task(name, VOCABULARY)
    assert Task.from_dict(json.loads(json.dumps(task.to_dict()))) == task


@pytest.mark.parametrize(
    "change",
    [
        {"classes": 3},
        {"classes": None},
        {"classes": []},
        {"classes": ["A", "A"]},
        {"classes": [["A"]]},
        {"classes": [7]},
        {"members": 3},
        {"members": [3]},
        {"members": [[3]]},
        {"members": [[]]},
        {"members": ["superclass:MI"]},
        {"members": [["no kind"]]},
        {"exclusive": "no"},
        {"unlabelled": []},
        {"unlabelled": "positive and negative"},
        {"name": None},
        {"more": 1},
    ],
)
def test_an_invalid_task_in_a_card_is_refused(change):
    card = {"name": "a", "classes": ["MI"], "members": [["superclass:MI"]]}
    assert Task.from_dict(card).classes == ("MI",)
    with pytest.raises(ModelError, match="invalid task in the model card"):
        Task.from_dict({**card, **change})


@pytest.mark.parametrize("saved", [{}, {"members": []}, {"classes": ["A"]}, [], None, "task", 3])
def test_a_card_without_a_task_is_refused(saved):
    with pytest.raises(ModelError, match="invalid task in the model card"):
        Task.from_dict(saved)
