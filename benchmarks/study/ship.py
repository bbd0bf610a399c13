"""Make a shipped model from runs of the study: calibrate and score it on fold 9, write its page.

    python benchmarks/study/ship.py STORE normal runs/local-0/model.safetensors --external FOLDER

Several runs become one model, their mean. --companion names a shipped model of all statements: the
rhythms and beats that it finds reliably will stand beside the answers. --ptbxl, the folder of PTB-
XL, adds the scores of all tasks that follow from such a model's statements. --external adds scores
on ECGs of other hospitals, which are measured once, when all else is settled. --scorecard is the
folder of the scorecard of its map: an interrupted one goes on there. --ludb, --other and --retrain
add those parts to it. A model of more than ten classes gets no scorecard.

Writes NAME.safetensors and NAME.onnx to ecgcam/inference/weights, and docs/models/NAME.md, a page
of the same card.
"""

import argparse
import json
import math
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jinja2
import numpy as np
from external import external_scores
from run import teacher_name
from safetensors.numpy import load_file, save
from scales import two_scales
from statement_scores import score_tasks

from ecgcam.data.ptbxl import read_statements
from ecgcam.data.store import Store, open_store
from ecgcam.evaluation.calibrator import CalibrateConfig, calibrate
from ecgcam.evaluation.fold_predictions import FoldPredictions, predict_folds
from ecgcam.evaluation.robustness import plan_disturbances, predict_disturbed
from ecgcam.evaluation.scoring import score
from ecgcam.evaluation.subgroups import score_subgroups
from ecgcam.explanation.card_entry import short_form
from ecgcam.files import atomic_write
from ecgcam.inference.card import COMPANION, keeps_last_epoch, recipe_setting
from ecgcam.inference.combine import combine
from ecgcam.inference.decisions import OperatingPoints
from ecgcam.inference.export import export
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import card_text, copy_with_card, load_network, read_card
from ecgcam.inference.zoo import find_model
from ecgcam.nn.complexity import frames_of, measure_complexity, receptive_field
from ecgcam.reports.scorecard_report import RESULTS, report_scorecard
from ecgcam.signals.leads import lead_order
from ecgcam.tasks import TITLES, Task, full_name
from ecgcam.training.shuffled_labels import train_on_shuffled_labels

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("model-card.md.jinja")
FOLD = 9
DISTURBANCES = {
    ("one-way high-pass", "0.05 Hz"),
    ("one-way high-pass", "0.5 Hz"),
    ("one-way high-pass", "0.67 Hz"),
    ("baseline wander", "0.5 mV"),
    ("mains hum of 50 Hz", "0.1 mV"),
    ("muscle noise", "0.05 mV RMS"),
    ("white noise", "12 dB SNR"),
}
BEATS, SINUS_RHYTHM = ("PVC", "PAC"), "SR"
MOST_CLASSES = 10  # of a model with a scorecard and with subgroups of each class
FEWEST = 10  # positives of a class that a companion names
KEPT = ("auroc", "average_precision", "accuracy", "precision", "recall", "f1")

ABOUT = {
    "data": "PTB-XL 1.0.3 (Wagner et al. 2020, PhysioNet; CC BY 4.0), folds 1 to 8 at 100 Hz; "
    "fold 9 chose {chosen}",
    "licence": "Apache-2.0",
    "intended_use": "research, teaching, and the development of devices and software; never by "
    "itself a decision on a patient",
    "limits": [
        "Trained on one dataset: one country, eleven devices of two series, the years 1984 to "
        "2001, almost only adults. Hardly tested on other people, devices, filters and electrodes.",
        "One device, CS100 3, recorded a third of the training ECGs and 3 % of fold 9, and nearly "
        "all labels of its ECGs come from a machine.",
        "A label counts as present even where the cardiologist gave it a low likelihood.",
        "It covers only the statements that its labels name: an ECG without them may still be "
        "pathological.",
        "Its scores on fold 9 are a little optimistic, since fold 9 chose {chosen}.",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("name")
    parser.add_argument("runs", type=Path, nargs="+", help="their model files")
    parser.add_argument("--threshold", default="youden")
    parser.add_argument("--companion", help="name of a shipped model")
    parser.add_argument("--ptbxl", type=Path, help="the folder of PTB-XL")
    parser.add_argument("--scorecard", type=Path, help="a folder; default: scorecards/NAME")
    parser.add_argument("--quick-scorecard", action="store_true", help="fewer records")
    parser.add_argument("--ludb", type=Path, help="a folder of LUDB, for the scorecard")
    parser.add_argument("--other", type=Path, help="the model of another seed, for the scorecard")
    parser.add_argument(
        "--retrain", action="store_true", help="train on shuffled labels, for the scorecard"
    )
    parser.add_argument("--external", type=Path, help="a folder like external.py's")
    arguments = parser.parse_args()
    store = open_store(arguments.store)
    out = ROOT / "ecgcam" / "inference" / "weights" / f"{arguments.name}.safetensors"
    with TemporaryDirectory() as folder:
        trained, calibrated = arguments.runs[0], Path(folder) / "model.safetensors"
        if len(arguments.runs) > 1:
            trained = combine(arguments.runs, Path(folder) / "combined.safetensors")
        halved = halve(trained, Path(folder) / "halved.safetensors")
        config = CalibrateConfig(threshold=arguments.threshold)
        card = calibrate(halved, store, calibrated, config, folds=(FOLD,))
        card = teachers_by_name(card)
        card |= {key: rounded(card[key], digits=6) for key in ("thresholds", "operating_points")}
        copy_with_card(calibrated, card, calibrated)
        about = {
            "name": arguments.name,
            "runs": [named_run(run) for run in arguments.runs],
            **about_training(card["provenance"]),
            **_scored(calibrated, store),
        }
        network, _ = load_network(calibrated)
        if len(card["classes"]) <= MOST_CLASSES:
            about["scorecard"] = scorecard_of(calibrated, store, arguments)
        records = store.labelled(Task.from_dict(card["task"]), folds=(FOLD,))
        if scales := two_scales(network, store, records):
            about["scales"] = scales
        about["robustness"] = robustness(calibrated, store)
        if arguments.ptbxl:
            scores = score_tasks(store, calibrated, read_statements(arguments.ptbxl))
            about["tasks"] = {name: asdict(of_task) for name, of_task in scores.items()}
        if arguments.companion:
            card[COMPANION] = companion(arguments.companion, store)
        if arguments.external:
            about["external"] = external_scores(load(calibrated), arguments.external)
        card |= {
            "cost": measure_complexity(network).to_dict(),
            "frame_samples": receptive_field(network),
            "frames": frames_of(network),
            "about": rounded(about),
        }
        copy_with_card(calibrated, card, out)
    export(out, out.with_suffix(".onnx"))
    page = ROOT / "docs" / "models" / f"{arguments.name}.md"
    with atomic_write(page) as temporary:
        temporary.write_text(page_of(out), encoding="utf-8")
    sys.stdout.write(f"{out}\n{page}\n")


def halve(model: Path, out: Path) -> Path:
    """Write a model with the weights of its layers rounded to float16.

    What has one number for each channel, such as norms and biases, stays float32.
    """
    weights = {
        name: array.astype(np.float16) if array.ndim > 1 else array
        for name, array in load_file(model).items()
    }
    with atomic_write(out) as temporary:
        temporary.write_bytes(save(weights, {"card": card_text(read_card(model), out)}))
    return out


def named_run(model: Path) -> dict[str, Any]:
    """Return the configuration and the seed of the run that trained a model."""
    configuration, _, seed = model.parent.name.rpartition("-")
    return {"configuration": configuration, "seed": int(seed)}


def about_training(provenance: dict[str, Any]) -> dict[str, Any]:
    """Return what a card says of the data, the use and the limits of a shipped model."""
    recipes = recipes_of(provenance)
    chosen = "the temperature and the thresholds"
    if not all(map(keeps_last_epoch, recipes)):
        chosen = "the epoch, " + chosen
    limits = [limit.format(chosen=chosen) for limit in ABOUT["limits"]]
    return ABOUT | {
        "data": ABOUT["data"].format(chosen=chosen),
        "limits": [*limits, *limits_of_teachers(recipes)],
    }


def recipes_of(provenance: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the recipe of each network in a model."""
    members = provenance.get("combined", [{"provenance": provenance}])
    return [member["provenance"]["recipe"] for member in members]


def rounded(part: Any, digits: int = 5) -> Any:
    """Round the numbers in a part of a card to this many significant digits: a smaller file."""
    if isinstance(part, dict):
        return {key: rounded(value, digits) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [rounded(value, digits) for value in part]
    return float(f"{part:.{digits}g}") if isinstance(part, float) else part


def scorecard_of(model: Path, store: Store, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure the map of a model, write its scorecard, and return what the card keeps of it."""
    out = arguments.scorecard or Path("scorecards") / arguments.name
    page = report_scorecard(
        model,
        store,
        out,
        name=arguments.name,
        fold=FOLD,
        ludb=arguments.ludb,
        other=arguments.other,
        retrain=partial(train_on_shuffled_labels, model, store, fold=FOLD)
        if arguments.retrain
        else None,
        quick=arguments.quick_scorecard,
    )
    sys.stdout.write(f"{page}\n")
    return short_form(json.loads((out / RESULTS).read_text(encoding="utf-8")))


def companion(name: str, store: Store) -> dict[str, Any]:
    """Return the entry of a card for a companion: its reliable rhythms and beats.

    A class is reliable if the fold that chose the thresholds has at least ten positives, and the
    model has no more false alarms than hits there.
    """
    card = read_card(find_model(name))
    points = OperatingPoints.from_card(card)
    assert points is not None
    wanted = {*store.vocabulary["rhythm"], *BEATS} - {SINUS_RHYTHM}
    reliable = []
    for of_class, chosen in points.classes.items():
        point = chosen.points[points.threshold]
        hits = chosen.positives * point.sensitivity
        false_alarms = chosen.negatives * (1 - point.specificity)
        if of_class in wanted and chosen.positives >= FEWEST and hits >= false_alarms:
            reliable.append(of_class)
    return {"model": name, "classes": reliable}


def limits_of_teachers(recipes: list[dict[str, Any]]) -> list[str]:
    """Return a sentence if fold 9 chose the epochs of some teachers, by their names; else none."""
    of_members = [recipe_setting(recipe, "distillation", "teachers") for recipe in recipes]
    teachers = {name for names in of_members for name in names}
    chosen = [name for name in teachers if "-without-" not in name]  # as recipes.py names runs
    if not chosen:
        return []
    some = "each" if len(chosen) == len(teachers) else f"{len(chosen)}"
    return [
        f"Fold {FOLD} also chose the epoch of {some} of its {len(teachers)} teachers, which makes "
        "its scores there still more optimistic."
    ]


def teachers_by_name(card: Any) -> Any:
    """Return a card, or a part of it, with teachers by the names of their runs: no local paths."""
    if isinstance(card, list):
        return [teachers_by_name(part) for part in card]
    if not isinstance(card, dict):
        return card
    return {
        key: list(map(teacher_name, part)) if key == "teachers" else teachers_by_name(part)
        for key, part in card.items()
    }


def _scored(model: Path, store: Store) -> dict[str, Any]:
    """Score a model on fold 9, with intervals, and on its subgroups."""
    predictions = predict_folds(load(model), store, folds=(FOLD,))
    metrics = score(predictions)
    classes = metrics.get("classes", {predictions.classifier.classes[0]: metrics})
    scores: dict[str, Any] = {
        "fold": FOLD,
        "n": metrics["n"],
        "classes": {name: _kept(of_class) for name, of_class in classes.items()},
    }
    if "macro_auroc" in metrics:
        scores |= {key: metrics[key] for key in ("macro_auroc", "macro_auroc_ci")}
    subgroups = score_subgroups(predictions)
    if len(classes) > MOST_CLASSES:  # the means alone: each class by itself would fill the file
        groups = [subgroups["all"], *(g for by in subgroups["by"].values() for g in by.values())]
        for group in groups:
            group.pop("classes", None)
    return {"scores": scores, "subgroups": subgroups}


def robustness(model: Path, store: Store) -> list[dict[str, Any]]:
    """Return the mean AUROC and specificity on fold 9 under what devices and electrodes do."""
    predictions = predict_folds(load(model), store, folds=(FOLD,))
    rows = lead_order(store.leads, predictions.classifier.leads)
    plan, _ = plan_disturbances(
        store.leads, rate_hz=store.rate_hz, samples=store.samples, rows=rows
    )
    chosen = [one for one in plan if (one.kind, one.setting) in DISTURBANCES]
    results = [("undisturbed", "", predictions)]
    for one in chosen:
        disturbed = predict_disturbed(predictions, one, rows=rows, seed=0)
        results.append((one.kind, one.setting, disturbed))
    return [
        {"kind": kind, "setting": setting, **_mean_scores(predicted)}
        for kind, setting, predicted in results
    ]


def _mean_scores(predictions: FoldPredictions) -> dict[str, float]:
    negative = predictions.targets == 0
    specificity = [(~predictions.decisions)[no, k].mean() for k, no in enumerate(negative.T)]
    metrics = score(predictions, replicates=1)
    auroc = metrics.get("macro_auroc", metrics.get("auroc"))
    return {"auroc": auroc, "specificity": float(np.mean(specificity))}


def _kept(scores: dict[str, Any]) -> dict[str, Any]:
    kept = {key: scores[key] for key in scores if key.removesuffix("_ci") in KEPT}
    return {**kept, "calibration": scores["calibration"]}


def page_of(model: Path) -> str:
    """Return the page of a shipped model, made from its card."""
    card = read_card(model)
    frame_samples = receptive_field(load_network(model)[0])
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["interval"] = _interval
    environment.filters["estimate"] = _estimate
    environment.globals["zip"] = zip
    titles = TITLES | card.get("class_titles", {})
    environment.filters["full_name"] = lambda name: full_name(name, titles[name])
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    kilobytes = math.ceil(model.stat().st_size / 1000)
    page = template.render(
        card=card, about=card["about"], kilobytes=kilobytes, frame_samples=frame_samples
    )
    return page.rstrip() + "\n"


def _interval(scores: dict[str, Any], key: str) -> str:
    """Write a score with its interval, as in 0.945 (0.936 to 0.954)."""
    if scores.get(key) is None:
        return "–"
    text = f"{scores[key]:.3f}"
    if scores.get(f"{key}_ci"):
        low, high = scores[f"{key}_ci"]
        text += f" ({low:.3f} to {high:.3f})"
    return text


def _estimate(figure: dict[str, Any]) -> str:
    """Write a figure of a scorecard with its interval."""
    value, interval = figure["value"], figure["interval"]
    if value is None:
        return "–"
    return f"{value:.3g}" + (f" ({interval[0]:.3g} to {interval[1]:.3g})" if interval else "")


if __name__ == "__main__":
    main()
