"""Train configurations of the study, and keep their scores on fold 9.

    python benchmarks/study/run.py STORE gentle --seeds 0 1 2 --runs runs
    python benchmarks/study/run.py STORE gentle --cross-validate

Each run goes to RUNS/CONFIGURATION-SEED, and its scores to results.csv beside this file, in place
of those it had. A run that was broken off goes on; one that is whole is only scored; one that was
started by another recipe is refused. Teachers that are not there yet are trained first.

--cross-validate leaves fold 9 alone: four runs, RUNS/CONFIGURATION-SEED-without-1-2 and so on, each
of which trains on six of the folds 1 to 8, and is chosen and scored on the two that its name says;
so are its teachers. Those that judge out of fold are trained without these two as well, as in
RUNS/TEACHER-SEED-without-3-4-nor-1-2. Their scores go to cross-validation.csv.
"""

import argparse
import os
import re
import sys
import tomllib
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from ecgcam.cli.train_commands import quiet_lightning, say_epoch
from ecgcam.data.store import Store, open_store
from ecgcam.evaluation.fold_predictions import predict_folds, predict_records
from ecgcam.evaluation.metrics import binary_scores
from ecgcam.evaluation.scoring import score
from ecgcam.files import atomic_write
from ecgcam.inference.classifier import load
from ecgcam.inference.modelfile import read_card
from ecgcam.tasks import Task, find_task
from ecgcam.training.class_mapping import translations, wanted_classes
from ecgcam.training.config import TrainConfig
from ecgcam.training.run_folder import CONFIG, METRICS, MODEL, read_config
from ecgcam.training.trainer import train

HERE = Path(__file__).parent
CONFIGURATIONS = HERE / "configurations.toml"
RESULTS = HERE / "results.csv"
CROSS_VALIDATION = HERE / "cross-validation.csv"
TRAIN_FOLDS = tuple(range(1, 9))
VALIDATION_FOLDS = (9,)
LEFT_OUT = ((1, 2), (3, 4), (5, 6), (7, 8))
TEACHER = re.compile(r"(?P<name>.+?)-(?P<seed>\d+)(-without-(?P<folds>[\d-]+))?")


class Run(NamedTuple):
    """A configuration, its seed, the folds to validate on, and others that it must not see.

    It trains on the others of 1 to 8.
    """

    name: str
    seed: int
    folds: tuple[int, ...] = VALIDATION_FOLDS
    unseen: tuple[int, ...] = ()

    def __str__(self) -> str:
        left_out = "" if self.folds == VALIDATION_FOLDS else f"-without-{_joined(self.folds)}"
        unseen = f"-nor-{_joined(self.unseen)}" if self.unseen else ""
        return f"{self.name}-{self.seed}{left_out}{unseen}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("configurations", nargs="+", choices=configurations())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--cross-validate", action="store_true")
    arguments = parser.parse_args()
    quiet_lightning()
    store = open_store(arguments.store)
    for name in arguments.configurations:
        for seed in arguments.seeds:
            for folds in LEFT_OUT if arguments.cross_validate else (VALIDATION_FOLDS,):
                model = _trained(store, Run(name, seed, folds), arguments.runs)
                row = {"configuration": name, "seed": seed}
                if folds != VALIDATION_FOLDS:
                    row["left_out"] = _joined(folds)
                row |= scores(store, model, folds)
                keep(row, CROSS_VALIDATION if arguments.cross_validate else RESULTS)
                sys.stdout.write(f"{row}\n")


@cache
def configurations() -> dict[str, dict[str, Any]]:
    """Each configuration, with what it takes from the one it is like."""
    written = tomllib.loads(CONFIGURATIONS.read_text(encoding="utf-8"))
    whole: dict[str, dict[str, Any]] = {}
    for name, differs in written.items():
        inherited = whole[differs["like"]] if "like" in differs else {}
        whole[name] = {**inherited, **differs}
    return whole


def teachers_of(run: Run) -> list[Run]:
    """The runs that it learns from; none has seen the folds that it is validated on.

    Nor may a teacher that judges out of fold be chosen on them; one that has then nothing left to
    judge is left out.
    """
    hidden = {*run.folds, *run.unseen} - set(VALIDATION_FOLDS)
    found = []
    for written in configurations()[run.name].get("teachers", []):
        said = TEACHER.fullmatch(written)
        if said is None:
            raise ValueError(f"{run.name}: {written!r} is not CONFIGURATION-SEED.")
        name, seed, named = said["name"], int(said["seed"]), said["folds"]
        if not named:
            found.append(Run(name, seed, run.folds, run.unseen))
        elif own := set(map(int, named.split("-"))) - hidden:
            found.append(Run(name, seed, tuple(sorted(own)), tuple(sorted(hidden))))
    return found


def recipe(run: Run, runs: Path) -> TrainConfig:
    """The recipe of a run, its files named by their paths from where one stands."""
    said = {key: x for key, x in configurations()[run.name].items() if key not in ("why", "like")}
    for key in ("task", "augmentation"):
        if str(said.get(key, "")).endswith(".toml"):
            said[key] = os.path.relpath(HERE / said[key])
    said["teachers"] = [str(runs / str(teacher) / MODEL) for teacher in teachers_of(run)]
    usual = asdict(TrainConfig(precision="float32"))  # whatever processor it is
    said["preprocess"] = {**usual["preprocess"], **said.get("preprocess", {})}
    left_out = {*run.folds, *run.unseen}
    said["train_folds"] = [fold for fold in TRAIN_FOLDS if fold not in left_out]
    said["validation_folds"] = run.folds
    return TrainConfig.from_dict({**usual, **said, "seed": run.seed})


def scores(store: Store, model: Path, folds: tuple[int, ...]) -> dict[str, Any]:
    """Of these folds: AUROC and accuracy of ABNORMAL, macro-AUROC of the superclasses.

    Of the superclasses alone also the AUROC of ABNORMAL put together from them.
    """
    found = score(predict_folds(load(model), store, folds=folds))
    card = read_card(model)
    row = {"parameters": found["parameters"], "best_epoch": card["provenance"]["chosen"]["epoch"]}
    classes = found.get("classes", {"ABNORMAL": found})
    if "ABNORMAL" in classes:
        abnormal = classes["ABNORMAL"]
        row |= {"auroc": abnormal["auroc"], "accuracy": abnormal["accuracy"]}
        row |= dict(zip(("auroc_low", "auroc_high"), abnormal["auroc_ci"], strict=True))
    others = [scores["auroc"] for name, scores in classes.items() if name != "ABNORMAL"]
    if others:
        row["macro_auroc"] = sum(others) / len(others)
    if "macro_auroc_ci" in found and "ABNORMAL" not in classes:
        row |= dict(zip(("macro_low", "macro_high"), found["macro_auroc_ci"], strict=True))
        row["put_together"] = put_together(store, model, folds)
    return row


def put_together(store: Store, model: Path, folds: tuple[int, ...]) -> float:
    """The AUROC of ABNORMAL, of all records, put together from what a model says of superclasses.

    Such a model is a teacher of `normal`; this is how good a one.
    """
    classifier, task = load(model), find_task("normal", store.vocabulary)
    records = store.labelled(task, folds=folds)
    own = Task.from_dict(classifier.card["task"])
    (abnormal,) = translations(model, own, wanted_classes(task))
    said = classifier.probabilities(predict_records(classifier, store, records.indices))
    return binary_scores(records.targets[:, 0], abnormal.probability(said))["auroc"]


def keep(row: dict[str, Any], results: Path) -> None:
    """Put a row into the results, in place of the same run's."""
    table = pd.DataFrame([row])
    if results.is_file():
        before = pd.read_csv(results)
        run = [key for key in ("configuration", "seed", "left_out") if key in row]
        same = (before[run] == table[run].iloc[0]).all(axis=1)
        table = pd.concat([before[~same], table])
    with atomic_write(results) as temporary:
        table.round(6).to_csv(temporary, index=False)


def _joined(folds: tuple[int, ...]) -> str:
    return "-".join(map(str, folds))


def refuse_another(out: Path, config: TrainConfig) -> None:
    """ValueError if the run in this folder was started by another recipe, as by an older one."""
    wanted, started = _named(config), _named(read_config(out))
    differ = [key for key in wanted if wanted[key] != started[key]]
    if differ:
        said = "; ".join(f"{key} {started[key]!r}, not {wanted[key]!r}" for key in differ)
        raise ValueError(f"{out}: it was started with {said}. Move it away to train it anew.")


def _named(config: TrainConfig) -> dict[str, Any]:
    """The recipe, its files by their names: where they lie does not matter."""
    return asdict(config) | {
        "task": Path(config.task).name,
        "augmentation": Path(config.augmentation).name,
        "teachers": list(map(teacher_name, config.teachers)),
    }


def teacher_name(path_or_name: str) -> str:
    """That of the run which the file is of; of a shipped model its own."""
    return Path(path_or_name).parent.name or path_or_name


def _trained(store: Store, run: Run, runs: Path) -> Path:
    config, out = recipe(run, runs), runs / str(run)
    if (out / CONFIG).is_file():
        refuse_another(out, config)
    if (out / METRICS).is_file() and len(pd.read_csv(out / METRICS)) == config.epochs:
        return out / MODEL
    for teacher in teachers_of(run):
        _trained(store, teacher, runs)
    return train(store, out, config, resume=(out / CONFIG).is_file(), on_epoch=say_epoch)


if __name__ == "__main__":
    main()
