"""Settings with rules: the base of the training configuration's dataclasses.

A comment and a rule beside each setting serve both the check of its value and the text of a recipe
file (recipe_file.py).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

_KINDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    tuple: "a list",
    Mapping: "a table",
    NoneType: '"none"',
}
_BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "above": lambda value, bound: value > bound,
    "at_least": lambda value, bound: value >= bound,
    "below": lambda value, bound: value < bound,
    "at_most": lambda value, bound: value <= bound,
}


def setting(default: Any, comment: str, **rule: Any) -> Any:
    """Declare a setting: a dataclass field with a comment and a rule for its values.

    default: a value, or a type whose instance is the default.
    rule: `choices`, or bounds: `above`, `at_least`, `below`, `at_most`.
    """
    metadata = {"comment": comment, "rule": rule}
    if isinstance(default, type):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A table of settings; ValueError for a value of a wrong type or against its rule.

    A list becomes a tuple.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            value, rule = getattr(self, each.name), each.metadata["rule"]
            if isinstance(value, list):
                value = tuple(value)
                object.__setattr__(self, each.name, value)  # frozen
            if not (_has_kind(value, each.type) and _obeys(value, rule)):
                expected = describe_values(each.type, rule)
                raise ValueError(f"{each.name} is {value!r}; expected {expected}")


def describe_values(kind: Any, rule: Mapping[str, Any]) -> str:
    """Describe the allowed values, as in `a number (above 0, below 1) or "none"`."""
    if "choices" in rule:
        return f"one of {', '.join(rule['choices'])}"
    first, *others = get_args(kind) if isinstance(kind, UnionType) else [kind]
    words = [_in_words(first), *map(_in_words, others)]
    if rule:
        bounds = (f"{name.replace('_', ' ')} {bound}" for name, bound in rule.items())
        words[0] += f" ({', '.join(bounds)})"
    return " or ".join(words)


def accepts(kind: Any, part: type) -> bool:
    """Return whether the kind of a setting is `part`, or a union with it."""
    parts = get_args(kind) if isinstance(kind, UnionType) else [kind]
    return any((get_origin(one) or one) is part for one in parts)


def _in_words(kind: Any) -> str:
    kind = get_origin(kind) or kind
    return _KINDS.get(kind, kind.__name__)


def _has_kind(value: object, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_has_kind(value, one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_has_kind(one, get_args(kind)[0]) for one in value)
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, get_origin(kind) or kind)


def _obeys(value: Any, rule: Mapping[str, Any]) -> bool:
    if value is None:  # the kind allows it
        return True
    bounds = (_BOUNDS[name](value, bound) for name, bound in rule.items() if name in _BOUNDS)
    return value in rule.get("choices", (value,)) and all(bounds)
