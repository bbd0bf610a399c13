"""The study's configurations as training recipes: recipes.toml, resolved for a run.

    python benchmarks/study/recipes.py crop5 --seed 1

prints the recipe file of a configuration, for `ecgcam train --config`.
"""

import argparse
import os
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ecgcam.inference.zoo import shipped_models
from ecgcam.training.config import TrainConfig
from ecgcam.training.recipe_file import make_config, recipe_text
from ecgcam.training.run_folder import MODEL

HERE = Path(__file__).parent
RECIPES = HERE / "recipes.toml"
TRAIN_FOLDS = tuple(range(1, 9))
VALIDATION_FOLDS = (9,)
TEACHER = re.compile(r"(?P<name>.+?)-(?P<seed>\d+)(-without-(?P<folds>[\d-]+))?")


class Run(NamedTuple):
    """A configuration, its seed, its validation folds, and other folds that it must not see.

    It trains on the remaining folds of 1 to 8.
    """

    name: str
    seed: int
    folds: tuple[int, ...] = VALIDATION_FOLDS
    unseen: tuple[int, ...] = ()

    def __str__(self) -> str:
        left_out = "" if self.folds == VALIDATION_FOLDS else f"-without-{joined(self.folds)}"
        unseen = f"-nor-{joined(self.unseen)}" if self.unseen else ""
        return f"{self.name}-{self.seed}{left_out}{unseen}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configuration", choices=configurations())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the teachers")
    arguments = parser.parse_args()
    run = Run(arguments.configuration, arguments.seed)
    sys.stdout.write(recipe_text(recipe(run, arguments.runs)))


@cache
def configurations() -> dict[str, dict[str, Any]]:
    """Return each configuration with the settings of the one that it is `like`.

    A table of settings is merged key by key; a key's value is replaced.
    """
    whole: dict[str, dict[str, Any]] = {}
    for name, own in tomllib.loads(RECIPES.read_text(encoding="utf-8")).items():
        merged = dict(whole[own["like"]]) if "like" in own else {}
        for key, value in own.items():
            inherited = merged.get(key)
            both = isinstance(value, dict) and isinstance(inherited, dict)
            merged[key] = {**inherited, **value} if both else value
        whole[name] = merged
    return whole


def teachers_of(run: Run) -> list[Run]:
    """Return the runs that a run learns from; none has seen the folds that it is validated on.

    Shipped models among its teachers are no runs.

    A teacher out of fold must not be chosen on these folds either; one that was has no records
    left to predict, and is left out.
    """
    hidden = {*run.folds, *run.unseen} - set(VALIDATION_FOLDS)
    teachers = []
    for text in _names_of_teachers(run):
        if text in shipped_models():
            continue
        match = TEACHER.fullmatch(text)
        if match is None:
            raise ValueError(f"{run.name}: the teacher is {text!r}; expected CONFIGURATION-SEED.")
        name, seed, folds = match["name"], int(match["seed"]), match["folds"]
        if not folds:
            teachers.append(Run(name, seed, run.folds, run.unseen))
        elif own := set(map(int, folds.split("-"))) - hidden:
            teachers.append(Run(name, seed, tuple(sorted(own)), tuple(sorted(hidden))))
    return teachers


def _names_of_teachers(run: Run) -> list[str]:
    return configurations()[run.name].get("distillation", {}).get("teachers", [])


def recipe(run: Run, runs: Path) -> TrainConfig:
    """Return the recipe of a run, with paths relative to the working directory."""
    tables = {
        key: value
        for key, value in configurations()[run.name].items()
        if key not in ("why", "like")
    }
    if str(tables.get("task", "")).endswith(".toml"):
        tables["task"] = os.path.relpath(HERE / tables["task"])
    tables["optimizer"] = {"precision": "float32", **tables.get("optimizer", {})}
    left_out = {*run.folds, *run.unseen}
    shipped = [name for name in _names_of_teachers(run) if name in shipped_models()]
    changes = {
        "seed": run.seed,
        "data.train_folds": [fold for fold in TRAIN_FOLDS if fold not in left_out],
        "data.validation_folds": run.folds,
        "distillation.teachers": [
            *shipped,
            *(str(runs / str(one) / MODEL) for one in teachers_of(run)),
        ],
    }
    return make_config(tables, changes, source=f"{RECIPES.name}, {run.name}")


def joined(folds: tuple[int, ...]) -> str:
    """Return folds as in the name of a run: "1-2"."""
    return "-".join(map(str, folds))


if __name__ == "__main__":
    main()
