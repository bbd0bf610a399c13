"""Recipe files: a training configuration as TOML, with a comment on each setting.

Tables mirror the dataclasses of config.py. "none" stands for None; what a file leaves out has its
default. Paths are relative to the working directory, as on the command line.
"""

import difflib
import json
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

from ..errors import DatasetError
from .config import TrainConfig
from .settings import Settings, accepts, describe_values

T = TypeVar("T", bound=Settings)


def read_recipe(path: Path) -> dict[str, Any]:
    """Read a recipe file as nested tables; DatasetError if it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such recipe file.") from None
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not a TOML file: {error}") from None


def make_config(
    recipe: Mapping[str, Any], changes: Mapping[str, Any] | None = None, *, source: str
) -> TrainConfig:
    """Build a configuration from nested tables.

    changes: settings that replace those of the recipe, by full name, as in "optimizer.epochs".
    source: the name of the recipe, for messages.
    Raises DatasetError for an unknown key, with the nearest known one, and for an invalid value.
    """
    tables: dict[str, Any] = {
        key: dict(x) if isinstance(x, Mapping) else x for key, x in recipe.items()
    }
    for name, value in (changes or {}).items():
        table, _, key = name.rpartition(".")
        (tables.setdefault(table, {}) if table else tables)[key] = value
    return _make(TrainConfig, tables, source)


def recipe_text(config: TrainConfig) -> str:
    """Return the text of a recipe file with every setting and a comment on each."""
    return "\n".join(_lines(config)) + "\n"


def _make(kind: type[T], table: Mapping[str, Any], source: str, prefix: str = "") -> T:
    known = {each.name: each for each in fields(kind)}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise DatasetError(f"unknown key `{prefix}{key}` in {source}; {_suggestion(key, kind)}")
        kind_of_value = known[key].type
        if isinstance(kind_of_value, type) and issubclass(kind_of_value, Settings):
            if not isinstance(value, Mapping):
                raise DatasetError(f"{source}: {key} is {value!r}; expected a table [{key}].")
            values[key] = _make(kind_of_value, value, source, f"{key}.")
        else:
            off = value == "none" and accepts(kind_of_value, NoneType)
            values[key] = None if off else value
    try:
        return kind(**values)
    except ValueError as error:
        raise DatasetError(f"{source}: {prefix}{error}.") from None


def _suggestion(key: str, kind: type[Settings]) -> str:
    """Name the nearest known key: of this table, else of any table; else list the table's keys."""
    own = [each.name for each in fields(kind)]
    everywhere = {name.rpartition(".")[2]: name for name in TrainConfig().by_name()}
    near = difflib.get_close_matches(key, own, n=1)
    near = near or [everywhere[name] for name in difflib.get_close_matches(key, everywhere, n=1)]
    return f"did you mean `{near[0]}`?" if near else f"expected one of {', '.join(own)}."


def _lines(settings: Settings) -> Iterator[str]:
    """Yield the lines of a table: its comment, its settings, then its own tables."""
    doc = type(settings).__doc__ or ""
    yield from _comment(doc.splitlines()[0])
    tables = {}
    for each in fields(settings):
        value = getattr(settings, each.name)
        if isinstance(value, Settings):
            tables[each.name] = value
            continue
        yield ""
        comment, rule = each.metadata["comment"], each.metadata["rule"]
        if rule:
            comment += f" Expected {describe_values(each.type, rule)}."
        yield from _comment(comment)
        yield f"{each.name} = {_to_toml(value)}"
    for name, table in tables.items():
        yield from ("", "", f"[{name}]", *_lines(table))


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, 98, initial_indent="# ", subsequent_indent="# ")


def _to_toml(value: Any) -> str:
    """Write a value as TOML; a list of tables has a line for each."""
    match value:
        case None:
            return '"none"'
        case dict():
            pairs = (f"{_key(key)} = {_to_toml(x)}" for key, x in value.items())
            return f"{{{', '.join(pairs)}}}"
        case [dict(), *_]:
            return "[\n" + "".join(f"  {_to_toml(x)},\n" for x in value) + "]"
        case list() | tuple():
            return f"[{', '.join(map(_to_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    """Write a key, in quotes where TOML needs them."""
    return (
        key
        if key.replace("_", "").replace("-", "").isalnum() and key.isascii()
        else json.dumps(key)
    )
