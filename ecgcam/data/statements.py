"""SCP-ECG statements: their codes, groups and descriptions, and the labels they give a record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..tasks import KINDS, SUPERCLASSES


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One SCP-ECG statement: its code, its description, and the groups it belongs to."""

    code: str
    description: str = ""
    superclass: str | None = None
    subclass: str | None = None
    form: bool = False
    rhythm: bool = False

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """All labels that the statement gives a record."""
        names = {
            "statement": self.code,
            "superclass": self.superclass,
            "subclass": self.subclass,
            "form": self.code if self.form else None,
            "rhythm": self.code if self.rhythm else None,
        }
        return tuple(f"{kind}:{name}" for kind, name in names.items() if name is not None)


def statement_labels(codes: Iterable[str], statements: Mapping[str, Statement]) -> list[str]:
    """Return the sorted labels of a record with these statements of any likelihood."""
    present = (statements.get(code) or Statement(code=code) for code in codes)
    return sorted({label for statement in present for label in statement.labels})


def statement_vocabulary(statements: Mapping[str, Statement]) -> dict[str, tuple[str, ...]]:
    """Return the names of each kind: superclasses in PTB-XL's usual order, the others sorted."""
    names: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for statement in statements.values():
        for label in statement.labels:
            kind, name = label.split(":", 1)
            names[kind].add(name)
    vocabulary = {kind: tuple(sorted(some)) for kind, some in names.items() if some}
    if "superclass" in vocabulary:
        rank = {name: k for k, name in enumerate(SUPERCLASSES)}
        vocabulary["superclass"] = tuple(
            sorted(vocabulary["superclass"], key=lambda name: (rank.get(name, len(rank)), name))
        )
    return vocabulary


def statement_titles(statements: Mapping[str, Statement]) -> dict[str, str]:
    """Return a title for each label that stands for one statement, such as "statement:IMI".

    The title is the statement's description, its first letter in upper case.
    """
    return {
        label: statement.description[:1].upper() + statement.description[1:]
        for statement in statements.values()
        if statement.description
        for label in statement.labels
        if label.split(":")[0] in ("statement", "form", "rhythm")
    }
