"""Tasks: the classes that a model predicts, and the labels that define each class.

A label is written `kind:name`. An SCP statement of PTB-XL has several: IMI gives `statement:IMI`,
`superclass:MI` and `subclass:IMI`; SR gives `statement:SR` and `rhythm:SR`. A label column of your
own table gives `column:NAME`, or `blank:NAME` where its cell is empty. A vocabulary lists the
names of each kind in a store: {"superclass": ("NORM", "MI", …), …}.
"""

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import DatasetError, ModelError

SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
SUPERCLASS_TITLES = {
    "NORM": "Normal ECG",
    "MI": "Myocardial infarction",
    "STTC": "ST/T change",
    "CD": "Conduction disturbance",
    "HYP": "Hypertrophy",
}
TITLES = {"ABNORMAL": "Abnormal ECG", **SUPERCLASS_TITLES}
# SCP statements of rhythm and form that are no diagnosis, so that they can stand beside NORM.
BESIDE_NORMAL = frozenset(
    (
        "SR", "AFIB", "STACH", "SARRH", "SBRAD", "PACE", "SVARR", "BIGU", "AFLT", "SVTAC", "PSVT",
        "TRIGU", "ABQRS", "PVC", "STD_", "VCLVH", "QWAVE", "LOWT", "NT_", "PAC", "LPR", "INVT",
        "LVOLT", "HVOLT", "TAB_", "STE_", "PRC(S)",
    )
)  # fmt: skip
UNLABELLED = ("positive", "negative", "drop")

Vocabulary = Mapping[str, Sequence[str]]

_KIND_OF_TASK = {
    "superclass": "superclass",
    "subclass": "subclass",
    "rhythm": "rhythm",
    "form": "form",
    "all": "statement",
    "columns": "column",
}
TASKS = ("normal", *_KIND_OF_TASK)
KINDS = tuple(_KIND_OF_TASK.values())
UNKNOWN = "unknown"  # kind of the only member of a class for which a store has no labels
_OWN_KINDS = ("column", UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Task:
    """The classes that a model predicts, and the labels that define each.

    members:    for each class its labels; a record with any of them is positive.
    exclusive:  a record has exactly one of the classes (softmax); otherwise they are independent.
    unlabelled: treatment of classes that are unknown, because their column is blank or the record
                has no label of the kinds that the task uses: left out ("drop"), negative
                ("negative"), or positive, for a single class ("positive").
    """

    name: str
    classes: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    exclusive: bool = False
    unlabelled: str = "drop"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.exclusive, bool):
            raise TypeError("a task's name must be text, and 'exclusive' true or false")
        if not self.classes or len(self.classes) != len(self.members) or not all(self.members):
            raise ValueError(f"task {self.name!r}: every class needs a name and labels")
        if not all(isinstance(name, str) and name for name in self.classes):
            raise TypeError(f"task {self.name!r}: class names must be text")
        if not all(":" in label for labels in self.members for label in labels):
            raise ValueError(f"task {self.name!r}: labels must be written kind:name")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"task {self.name!r}: a class name occurs twice")
        if self.exclusive and len(self.classes) < 2:
            raise ValueError(f"task {self.name!r}: there must be at least two exclusive classes")
        if self.unlabelled not in UNLABELLED:
            raise ValueError(f"unlabelled must be one of {UNLABELLED}, got {self.unlabelled!r}")
        if self.unlabelled == "positive" and len(self.classes) > 1:
            raise ValueError("unlabelled can be 'positive' only for a task of one class")

    def targets(
        self, labels: Sequence[Collection[str]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return targets (records, classes) and whether the task keeps each record.

        A target is 0, 1, or NaN where the class is unknown: it is left out of that class alone. A
        record is left out if all its classes are unknown; an exclusive task also leaves out records
        with an unknown class and ambiguous ones, with several.
        """
        targets = np.zeros((len(labels), len(self.classes)), np.float32)
        positive, blank = self._class_indices()
        kinds = {kind for kind in map(_kind, chain(*self.members)) if kind not in _OWN_KINDS}
        needs_kind = [any(_kind(label) in kinds for label in members) for members in self.members]
        for target, record in zip(targets, labels, strict=True):
            if kinds and not any(_kind(label) in kinds for label in record):
                target[needs_kind] = np.nan
            for label in record:
                target[blank.get(label, [])] = np.nan
            for label in record:
                target[positive.get(label, [])] = 1
        if self.unlabelled != "drop":
            targets[np.isnan(targets)] = self.unlabelled == "positive"
        targets[:, [_kind(members[0]) == UNKNOWN for members in self.members]] = np.nan
        known = ~np.isnan(targets)
        if self.exclusive:
            return targets, np.asarray(known.all(axis=1) & (np.nansum(targets, axis=1) == 1))
        return targets, np.asarray(known.any(axis=1))

    def _class_indices(self) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
        """Return the classes that each label makes positive, and that each blank leaves unknown.

        A blank column is unknown. For the other kinds one label is enough: a record with any
        superclass is known to have or not to have each superclass.
        """
        positive: dict[str, list[int]] = {}
        blank: dict[str, list[int]] = {}
        for k, members in enumerate(self.members):
            for label in members:
                positive.setdefault(label, []).append(k)
                if _kind(label) == "column":
                    blank.setdefault(f"blank:{label.split(':', 1)[1]}", []).append(k)
        return positive, blank

    def adapt_to(self, vocabulary: Vocabulary) -> "Task":
        """Return the task for a store with this vocabulary.

        A store made from your own table has columns instead of superclasses. Each class is then
        the column with its name ("ABNORMAL", "MI"), and a blank is never positive. A class without
        a column is unknown in all records. Raises DatasetError if all columns are missing, or one
        that an exclusive task needs.
        """
        labels = [label.split(":", 1) for members in self.members for label in members]
        columns = vocabulary.get("column", ())
        if all(
            name in columns if kind == "column" else kind in vocabulary for kind, name in labels
        ):
            return self
        missing = [name for name in self.classes if name not in columns]
        if missing and (self.exclusive or len(missing) == len(self.classes)):
            raise DatasetError(
                f"the store has no labels for the task {self.name!r}: found "
                f"{', '.join(sorted(vocabulary)) or 'none'}; expected a column "
                f"{', '.join(missing)}."
            )
        members = tuple(
            (f"{UNKNOWN if name in missing else 'column'}:{name}",) for name in self.classes
        )
        unlabelled = "drop" if self.unlabelled == "positive" else self.unlabelled
        return replace(self, members=members, unlabelled=unlabelled)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the model card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Task":
        """Read the entry of a model card; ModelError if it is invalid."""
        try:
            members = tuple(tuple(labels) for labels in saved["members"])
            return cls(**{**saved, "classes": tuple(saved["classes"]), "members": members})
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"invalid task in the model card: {error}") from None


def _kind(label: str) -> str:
    return label.split(":", 1)[0]


def find_task(name: str, vocabulary: Vocabulary) -> Task:
    """Return the task of this name, or in a TOML file, for a store with this vocabulary.

    normal: the paper's task. An ECG is normal if its superclasses are exactly {NORM}; a record
    without a superclass counts as abnormal. superclass, subclass, rhythm, form, all (every
    statement), columns (every label column of your own table): one class per name.
    """
    if name == "normal":
        others = tuple(f"superclass:{other}" for other in SUPERCLASSES if other != "NORM")
        task = Task(name=name, classes=("ABNORMAL",), members=(others,), unlabelled="positive")
        return task.adapt_to(vocabulary)
    if name in _KIND_OF_TASK:
        kind = _KIND_OF_TASK[name]
        if not vocabulary.get(kind):
            raise DatasetError(f"the task {name!r} needs labels of the kind {kind!r}; found none.")
        members = tuple((f"{kind}:{label}",) for label in vocabulary[kind])
        return Task(name=name, classes=tuple(vocabulary[kind]), members=members)
    if Path(name).suffix == ".toml":
        return read_task(Path(name), vocabulary)
    raise DatasetError(
        f"there is no task {name!r}; expected {', '.join(TASKS)}, or a FILE.toml of your own."
    )


def read_task(path: Path, vocabulary: Vocabulary) -> Task:
    """Read your own task from a TOML file (see docs/tasks.md); DatasetError if it is invalid.

    `[classes]` lists for each class the statements or columns that define it; groups are written
    with their kind, as in "superclass:MI". `exclusive` and `unlabelled` come before it.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        classes = {
            name: (members,) if isinstance(members, str) else tuple(members)
            for name, members in content.pop("classes").items()
        }
        members = tuple(
            tuple(_label(member, vocabulary) for member in members) for members in classes.values()
        )
        return Task(**{"name": path.stem, **content}, classes=tuple(classes), members=members)
    except KeyError:
        raise DatasetError(f"{path}: not a task: no table [classes].") from None
    except (OSError, tomllib.TOMLDecodeError, AttributeError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: not a task: {error}") from None
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None


def _label(member: str, vocabulary: Vocabulary) -> str:
    """Return the label `kind:name` for "IMI", "superclass:MI" or a column's name."""
    known = {f"{kind}:{name}" for kind, names in vocabulary.items() for name in names}
    for label in (member, f"statement:{member}", f"column:{member}"):
        if label in known:
            return label
    spellings = {label.removeprefix("statement:").removeprefix("column:") for label in known}
    by_name = {label.split(":", 1)[-1].casefold(): label for label in sorted(spellings)[::-1]}
    by_name |= {label.casefold(): label for label in spellings}
    close = [by_name[name] for name in difflib.get_close_matches(member.casefold(), by_name, n=3)]
    hint = f" Did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
    raise DatasetError(f"the store has no statement, group or column {member!r}.{hint}")


def full_name(name: str, title: str) -> str:
    """Return a class name as people read it: "Conduction disturbance (CD)".

    The title alone where it already says the name ("Abnormal ECG" for ABNORMAL), the name alone
    where there is no title.
    """
    if not title or title == name:
        return name
    return title if name.casefold() in title.casefold().split() else f"{title} ({name})"
