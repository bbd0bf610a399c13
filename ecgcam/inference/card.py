"""Model card: everything needed to use a model's weights, as a dict that JSON can hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..tasks import Task
from .decisions import TEMPERATURES, OperatingPoints

if TYPE_CHECKING:
    from ..nn.network import Network

FORMAT = 1
Card = dict[str, Any]

COMPANION = "companion"  # in a card: a second model, and which of its classes answers name
FITTED_HEAD = "head"  # in the provenance: the score once the head is fitted (training/head_fit.py)

_LARGEST = 1e9  # of any number in a card
_REQUIRED: dict[str, type | tuple[type, ...]] = {
    "backbone": str,
    "backbone_config": dict,
    "preprocess": dict,
    "leads": list,
    "rate_hz": (int, float),
    "duration_s": (int, float),
    "task": dict,
    "classes": list,
    "thresholds": list,
    "temperature": (int, float),
    "parameters": int,
    "provenance": dict,
}


def make_card(
    network: "Network",
    task: Task,
    *,
    provenance: Mapping[str, Any],
    class_titles: Mapping[str, str] | None = None,
    thresholds: list[float] | None = None,
    temperature: float = 1.0,
) -> Card:
    """Return the card of a network for a task; thresholds are 0.5 by default.

    class_titles: classes spelled out for people, where known; superclasses need none.
    """
    from ..nn.complexity import frames_of, measure_complexity, receptive_field

    config = network.config
    return {
        "format": FORMAT,
        "backbone": config.backbone,
        "backbone_config": dict(config.backbone_config),
        "preprocess": config.preprocess.to_dict(),
        "leads": list(config.leads),
        "rate_hz": config.rate_hz,
        "duration_s": config.duration_s,
        "task": task.to_dict(),
        "classes": list(task.classes),
        "class_titles": dict(class_titles or {}),
        "thresholds": thresholds or [0.5] * len(task.classes),
        "temperature": temperature,
        "parameters": network.parameters_count,
        "cost": measure_complexity(network).to_dict(),
        "frame_samples": receptive_field(network),
        "frames": frames_of(network),
        "provenance": dict(provenance),
        "note": "Not a medical device.",
    }


def check_card(card: object, path: Path) -> Card:
    """Return the card if it is valid, else raise ModelError; path names the file in the error."""
    if not isinstance(card, dict):
        raise ModelError(f"{path}: the file has no model card, so its classes are not known.")
    if card.get("format") != FORMAT:
        raise ModelError(
            f"{path}: the model card has format {card.get('format')!r}; this version of ecgcam "
            f"reads format {FORMAT}."
        )
    for key, kind in _REQUIRED.items():
        if not isinstance(card.get(key), kind):
            raise _invalid(path, key, card.get(key), expected=_kind_name(kind))
    _check_classes(card, path)
    _check_numbers(card, path)
    _check_companion(card, path)
    _check_fold_digests(card, path)
    try:
        OperatingPoints.from_card(card)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return card


def recipe_setting(recipe: Mapping[str, Any], table: str, key: str) -> Any:
    """Return a setting of the training recipe in a card; None if it is not there.

    The cards of the shipped models have all settings in one table.
    """
    settings = recipe.get(table, recipe)
    return settings.get(key) if isinstance(settings, Mapping) else None


def keeps_last_epoch(recipe: Mapping[str, Any]) -> bool:
    """Return whether training by this recipe keeps the last epoch, which no fold then chooses."""
    weight, first_epoch = (
        recipe_setting(recipe, "additivity", key) for key in ("weight", "first_epoch")
    )
    starts_late = is_number(first_epoch) and first_epoch > 1
    return starts_late and is_number(weight) and bool(weight > 0)


def is_number(value: object) -> bool:
    """Return whether a value of a card is a finite number below 1e9."""
    return isinstance(value, int | float) and abs(value) < _LARGEST


def _check_classes(card: Card, path: Path) -> None:
    try:
        task = Task.from_dict(card["task"])
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    if not all(isinstance(name, str) for name in card["leads"]):
        raise _invalid(path, "leads", card["leads"], expected="a list of names")
    if list(task.classes) != card["classes"]:
        raise _invalid(path, "classes", card["classes"], expected=f"the task's {task.classes}")
    titles = card.get("class_titles", {})
    if not isinstance(titles, dict) or not all(isinstance(t, str) for t in titles.values()):
        raise _invalid(path, "class_titles", titles, expected="a text for each class")


def _check_numbers(card: Card, path: Path) -> None:
    thresholds, classes = card["thresholds"], card["classes"]
    if len(thresholds) != len(classes) or not all(map(is_number, thresholds)):
        raise _invalid(path, "thresholds", thresholds, expected="a number for each class")
    for key in ("rate_hz", "duration_s"):
        if not is_number(card[key]) or card[key] <= 0:
            raise _invalid(path, key, card[key], expected="a number above 0")
    lowest, highest = TEMPERATURES
    if not lowest <= card["temperature"] <= highest:
        expected = f"a number from {lowest} to {highest:g}"
        raise _invalid(path, "temperature", card["temperature"], expected=expected)


def _check_companion(card: Card, path: Path) -> None:
    """Raise ModelError unless the companion is the name of a model and some of its classes."""
    match card.get(COMPANION):
        case None:
            return
        case {"model": str(name), "classes": [*classes]}:
            if Path(name).name == name and all(isinstance(one, str) for one in classes):
                return
    raise _invalid(
        path, COMPANION, card[COMPANION], expected="the name of a model and a list of its classes"
    )


def _check_fold_digests(card: Card, path: Path) -> None:
    """Raise ModelError unless digests are lists by fold, by store (evaluation/leakage.py)."""
    try:
        tables = [table.values() for table in card.get("fold_digests", {}).values()]
        lists = [digests for table in tables for digests in table]
        valid = all(isinstance(digests, list) for digests in lists) and all(
            isinstance(digest, str) for digests in lists for digest in digests
        )
    except AttributeError:  # not a table
        valid = False
    if not valid:
        raise ModelError(
            f"{path}: invalid 'fold_digests' in the model card (expected lists of texts by fold, "
            "by store)"
        )


def _invalid(path: Path, key: str, value: object, *, expected: str) -> ModelError:
    return ModelError(f"{path}: invalid {key!r} in the model card: {value!r} (expected {expected})")


def _kind_name(kind: type | tuple[type, ...]) -> str:
    names = {str: "text", dict: "a table", list: "a list", int: "a whole number"}
    return "a number" if isinstance(kind, tuple) else names[kind]
