"""SCP-ECG statements: their codes, their groups, and the labels they give a record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ..tasks import KINDS, SUPERCLASSES


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One SCP-ECG statement: its code, what it says, and the groups it belongs to."""

    code: str
    description: str = ""
    superclass: str | None = None
    subclass: str | None = None
    form: bool = False
    rhythm: bool = False

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """Every label that the statement gives a record."""
        given = {
            "statement": self.code,
            "superclass": self.superclass,
            "subclass": self.subclass,
            "form": self.code if self.form else None,
            "rhythm": self.code if self.rhythm else None,
        }
        return tuple(f"{kind}:{name}" for kind, name in given.items() if name is not None)


def statement_labels(codes: Iterable[str], statements: Mapping[str, Statement]) -> list[str]:
    """The labels of a record with these statements, sorted; each counts whatever its likelihood."""
    known = (statements.get(code) or Statement(code=code) for code in codes)
    return sorted({label for statement in known for label in statement.labels})


def statement_vocabulary(statements: Mapping[str, Statement]) -> dict[str, tuple[str, ...]]:
    """The names of each kind; superclasses in PTB-XL's usual order, the others sorted."""
    names: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for statement in statements.values():
        for label in statement.labels:
            kind, name = label.split(":", 1)
            names[kind].add(name)
    ordered = {kind: tuple(sorted(found)) for kind, found in names.items() if found}
    if "superclass" in ordered:
        rank = {name: k for k, name in enumerate(SUPERCLASSES)}
        ordered["superclass"] = tuple(
            sorted(ordered["superclass"], key=lambda name: (rank.get(name, len(rank)), name))
        )
    return ordered
