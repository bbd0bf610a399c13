"""Train configurations of the study (recipes.toml) and keep their scores on fold 9.

    python benchmarks/study/run.py STORE gentle --seeds 0 1 2 --runs runs
    python benchmarks/study/run.py STORE gentle --cross-validate

Each run goes to RUNS/CONFIGURATION-SEED, and its scores to results.csv beside this file, replacing
its earlier ones. An interrupted run is resumed, a complete one is only scored, and one of another
recipe is refused. Missing teachers are trained first.

--cross-validate does not use fold 9: four runs, RUNS/CONFIGURATION-SEED-without-1-2 and so on, each
train on six of the folds 1 to 8, and are chosen and scored on the two in their name; so are their
teachers. Teachers out of fold are also trained without these two, as in
RUNS/TEACHER-SEED-without-3-4-nor-1-2. The scores go to cross-validation.csv.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from recipes import HERE, VALIDATION_FOLDS, Run, configurations, joined, recipe, teachers_of

from ecgcam.cli.train_command import print_epoch, quiet_lightning
from ecgcam.data.store import Store, open_store
from ecgcam.evaluation.fold_predictions import predict_folds, predict_records
from ecgcam.evaluation.metrics import binary_scores
from ecgcam.evaluation.scoring import score
from ecgcam.files import atomic_write
from ecgcam.inference.card import FITTED_HEAD
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import read_card
from ecgcam.tasks import SUPERCLASSES, Task, find_task
from ecgcam.training.class_mapping import map_classes, student_classes
from ecgcam.training.config import TrainConfig
from ecgcam.training.run_folder import CONFIG, METRICS, MODEL, read_config
from ecgcam.training.trainer import train

RESULTS = HERE / "results.csv"
CROSS_VALIDATION = HERE / "cross-validation.csv"
LEFT_OUT = ((1, 2), (3, 4), (5, 6), (7, 8))


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
                model = train_run(store, Run(name, seed, folds), arguments.runs)
                row = {"configuration": name, "seed": seed}
                if folds != VALIDATION_FOLDS:
                    row["left_out"] = joined(folds)
                row |= scores(store, model, folds)
                keep(row, CROSS_VALIDATION if arguments.cross_validate else RESULTS)
                sys.stdout.write(f"{row}\n")


def train_run(store: Store, run: Run, runs: Path) -> Path:
    """Train a run, or what is left of it, after its teachers; return its model file."""
    config, out = recipe(run, runs), runs / str(run)
    started = (out / CONFIG).is_file()
    if started:
        check_same_recipe(out, config)
    if is_complete(out, config):
        return out / MODEL
    for teacher in teachers_of(run):
        train_run(store, teacher, runs)
    return train(store, out, config, resume=started, on_epoch=print_epoch)


def is_complete(out: Path, config: TrainConfig) -> bool:
    """Return whether a run has all its epochs, and its head is fitted if it is to be."""
    if not (out / METRICS).is_file() or len(pd.read_csv(out / METRICS)) < config.optimizer.epochs:
        return False
    return not config.head.fit or FITTED_HEAD in read_card(out / MODEL)["provenance"]


def scores(store: Store, model: Path, folds: tuple[int, ...]) -> dict[str, Any]:
    """Score a model on these folds: ABNORMAL by AUROC and accuracy, superclasses by macro-AUROC.

    For the superclasses alone, also the AUROC of ABNORMAL computed from them.
    """
    metrics = score(predict_folds(load(model), store, folds=folds))
    chosen = read_card(model)["provenance"]["chosen"]
    row = {"parameters": metrics["parameters"], "best_epoch": chosen["epoch"]}
    classes = metrics.get("classes", {"ABNORMAL": metrics})
    if "ABNORMAL" in classes:
        abnormal = classes["ABNORMAL"]
        row |= {"auroc": abnormal["auroc"], "accuracy": abnormal["accuracy"]}
        row |= dict(zip(("auroc_low", "auroc_high"), abnormal["auroc_ci"], strict=True))
    others = [scores["auroc"] for name, scores in classes.items() if name != "ABNORMAL"]
    if others:
        row["macro_auroc"] = sum(others) / len(others)
    if "macro_auroc_ci" in metrics and "ABNORMAL" not in classes:
        row |= dict(zip(("macro_low", "macro_high"), metrics["macro_auroc_ci"], strict=True))
    if set(classes) == set(SUPERCLASSES):
        row["put_together"] = abnormal_auroc(store, model, folds)
    return row


def abnormal_auroc(store: Store, model: Path, folds: tuple[int, ...]) -> float:
    """Compute the AUROC of ABNORMAL, on all records, from a model's superclasses.

    It tells how good a teacher of the task `normal` the model is.
    """
    classifier, task = load(model), find_task("normal", store.vocabulary)
    records = store.labelled(task, folds=folds)
    own = Task.from_dict(classifier.card["task"])
    (abnormal,) = map_classes(model, own, student_classes(task))
    probabilities = classifier.probabilities(predict_records(classifier, store, records.indices))
    return binary_scores(records.targets[:, 0], abnormal.probability(probabilities))["auroc"]


def keep(row: dict[str, Any], results: Path) -> None:
    """Write a row to the results, replacing the row of the same run."""
    table = pd.DataFrame([row])
    if results.is_file():
        before = pd.read_csv(results)
        run = [key for key in ("configuration", "seed", "left_out") if key in row]
        same = (before[run] == table[run].iloc[0]).all(axis=1)
        table = pd.concat([before[~same], table])
    with atomic_write(results) as temporary:
        table.round(6).to_csv(temporary, index=False)


def check_same_recipe(out: Path, config: TrainConfig) -> None:
    """Raise ValueError if the run in this folder was started with another recipe."""
    started, settings = settings_by_name(read_config(out)), settings_by_name(config)
    changed = [
        f"{name} {started[name]!r}, not {value!r}"
        for name, value in settings.items()
        if value != started[name]
    ]
    if changed:
        raise ValueError(
            f"{out}: it was started with {'; '.join(changed)}. Move it away to train it again."
        )


def settings_by_name(config: TrainConfig) -> dict[str, Any]:
    """Return the settings by name, with files by their names: their folders may differ."""
    return config.by_name() | {
        "task": Path(config.task).name,
        "distillation.teachers": list(map(teacher_name, config.distillation.teachers)),
    }


def teacher_name(path_or_name: str) -> str:
    """Return the name of the run that a model file is of, or the name of a shipped model."""
    return Path(path_or_name).parent.name or path_or_name


if __name__ == "__main__":
    main()
