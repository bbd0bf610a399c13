"""Labels of a record, and tasks: which labels make which class.

A label is written `kind:name`. An SCP statement of PTB-XL gives several: IMI gives
`statement:IMI`, `superclass:MI` and `subclass:IMI`; SR gives `statement:SR` and `rhythm:SR`. A
column of one's own table gives `column:NAME`, or `blank:NAME` where its cell is empty. Which
names there are of each kind is a vocabulary: {"superclass": ("NORM", "MI", …), …}.
"""

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
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


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a model is to tell: its classes, and the labels that make each.

    members:    for each class the labels, any of which makes it.
    exclusive:  a record has exactly one of the classes (softmax); else each is judged by itself.
    unlabelled: what becomes of a record without any label of the kinds the task asks for:
                left out ("drop"), of no class ("negative"), or of the only class ("positive").
    """

    name: str
    classes: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]
    exclusive: bool = False
    unlabelled: str = "drop"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not isinstance(self.exclusive, bool):
            raise TypeError("a task's name must be text, and exclusive true or false")
        if not self.classes or len(self.classes) != len(self.members) or not all(self.members):
            raise ValueError(f"task {self.name!r}: every class needs a name and its labels")
        if not all(isinstance(name, str) and name for name in self.classes):
            raise TypeError(f"task {self.name!r}: the names of its classes must be text")
        if not all(":" in label for labels in self.members for label in labels):
            raise ValueError(f"task {self.name!r}: a label is written kind:name")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"task {self.name!r}: a class is named twice")
        if self.exclusive and len(self.classes) < 2:
            raise ValueError(f"task {self.name!r}: exclusive classes must be at least two")
        if self.unlabelled not in UNLABELLED:
            raise ValueError(f"unlabelled must be one of {UNLABELLED}, got {self.unlabelled!r}")
        if self.unlabelled == "positive" and len(self.classes) > 1:
            raise ValueError("unlabelled records can be 'positive' only where there is one class")

    def targets(
        self, labels: Sequence[Collection[str]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Targets (records, classes) of 0 and 1, and which records the task keeps (records,).

        Of exclusive classes a record with several at once is ambiguous, and left out.
        """
        classes_of: dict[str, list[int]] = {}
        for k, members in enumerate(self.members):
            for label in members:
                classes_of.setdefault(label, []).append(k)
        targets = np.zeros((len(labels), len(self.classes)), np.float32)
        labelled = np.zeros(len(labels), bool)
        blanks, kinds = self._asked()
        for row, found in enumerate(labels):
            for label in found:
                targets[row, classes_of.get(label, [])] = 1
            labelled[row] = blanks.isdisjoint(found) and (
                not kinds or any(label.split(":", 1)[0] in kinds for label in found)
            )
        if self.unlabelled == "positive":
            targets[~labelled] = 1
        keep = labelled | (self.unlabelled != "drop")
        if self.exclusive:
            keep &= targets.sum(axis=1) == 1
        return targets, keep

    def _asked(self) -> tuple[set[str], set[str]]:
        """What makes a record unlabelled: any of these blanks, or no label of these kinds.

        A column says nothing where it is blank. Of the other kinds any label at all will do: a
        record with a superclass is judged on every superclass.
        """
        members = [label.split(":", 1) for labels in self.members for label in labels]
        blanks = {f"blank:{name}" for kind, name in members if kind == "column"}
        return blanks, {kind for kind, _ in members} - {"column"}

    def fitted_to(self, vocabulary: Vocabulary) -> "Task":
        """The task for a store with this vocabulary.

        A store made from one's own table knows no superclasses, and has columns of its own; a
        class of the task is then the column of its name ("ABNORMAL", or "MI" …), and a blank in
        it makes no record positive. Raises DatasetError if there is none.
        """
        asked = [label.split(":", 1) for labels in self.members for label in labels]
        columns = vocabulary.get("column", ())
        if all(name in columns if kind == "column" else kind in vocabulary for kind, name in asked):
            return self
        missing = [name for name in self.classes if name not in columns]
        if missing:
            raise DatasetError(
                f"the store has no labels for the task {self.name!r}: it knows "
                f"{', '.join(sorted(vocabulary)) or 'no labels at all'}, and has no column "
                f"{', '.join(missing)}."
            )
        members = tuple((f"column:{name}",) for name in self.classes)
        unlabelled = "drop" if self.unlabelled == "positive" else self.unlabelled
        return replace(self, members=members, unlabelled=unlabelled)

    def to_dict(self) -> dict[str, Any]:
        """As a model card keeps it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "Task":
        """Back from a card; ModelError if it is not one."""
        try:
            members = tuple(tuple(labels) for labels in saved["members"])
            return cls(**{**saved, "classes": tuple(saved["classes"]), "members": members})
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"the card's task cannot be used: {error}") from None


def find_task(name: str, vocabulary: Vocabulary) -> Task:
    """The task of that name for a store with this vocabulary, or the one in a TOML file.

    normal: the paper's: normal means that the superclasses are exactly {NORM}. A record without
    a superclass counts as abnormal, as in the paper. superclass, subclass, rhythm, form, all
    (every statement), columns (every label column of one's own table): one class a name.
    """
    if name == "normal":
        others = tuple(f"superclass:{other}" for other in SUPERCLASSES if other != "NORM")
        task = Task(name=name, classes=("ABNORMAL",), members=(others,), unlabelled="positive")
        return task.fitted_to(vocabulary)
    if name in _KIND_OF_TASK:
        kind = _KIND_OF_TASK[name]
        if not vocabulary.get(kind):
            raise DatasetError(f"the task {name!r} needs labels of the kind {kind!r}; none here.")
        members = tuple((f"{kind}:{label}",) for label in vocabulary[kind])
        return Task(name=name, classes=tuple(vocabulary[kind]), members=members)
    if Path(name).suffix == ".toml":
        return read_task(Path(name), vocabulary)
    raise DatasetError(
        f"there is no task {name!r}; there are {', '.join(TASKS)}, and any FILE.toml of your own."
    )


def read_task(path: Path, vocabulary: Vocabulary) -> Task:
    """A task of one's own from a TOML file (docs/data.md shows one); DatasetError if it is wrong.

    `[classes]` names each class with the statements or columns that make it; a group is named
    with its kind, as in "superclass:MI". `exclusive` and `unlabelled` stand before it.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        classes = {
            name: (members,) if isinstance(members, str) else tuple(members)
            for name, members in said.pop("classes").items()
        }
        members = tuple(
            tuple(_label(member, vocabulary) for member in members) for members in classes.values()
        )
        return Task(**{"name": path.stem, **said}, classes=tuple(classes), members=members)
    except KeyError:
        raise DatasetError(f"{path}: a task needs a table [classes]; none found.") from None
    except (OSError, tomllib.TOMLDecodeError, AttributeError, TypeError, ValueError) as error:
        raise DatasetError(f"{path}: not a task: {error}") from None
    except DatasetError as error:
        raise DatasetError(f"{path}: {error}") from None


def _label(member: str, vocabulary: Vocabulary) -> str:
    """`kind:name` for what a task file calls "IMI", "superclass:MI" or a column's name."""
    known = {f"{kind}:{name}" for kind, names in vocabulary.items() for name in names}
    for label in (member, f"statement:{member}", f"column:{member}"):
        if label in known:
            return label
    written = {label.removeprefix("statement:").removeprefix("column:") for label in known}
    alike = {label.split(":", 1)[-1].casefold(): label for label in sorted(written, reverse=True)}
    alike |= {label.casefold(): label for label in written}
    near = [alike[name] for name in difflib.get_close_matches(member.casefold(), alike, n=3)]
    hint = f" Did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
    raise DatasetError(f"the store has no statement, group or column {member!r}.{hint}")


def full_name(name: str, title: str) -> str:
    """Return a class name as people read it: "Conduction disturbance (CD)".

    The title alone where it already says the name ("Abnormal ECG" for ABNORMAL), the name alone
    where there is no title.
    """
    if not title or title == name:
        return name
    return title if name.casefold() in title.casefold().split() else f"{title} ({name})"
