"""Runs of the study to a shipped model: calibrated and scored on fold 9, its card written out.

    python benchmarks/study/ship.py STORE normal runs/crop5-0/model.safetensors

Several runs become one model, the mean of them. It leaves ecgcam/weights/NAME.safetensors and
docs/models/NAME.md, which say the same.
"""

import argparse
import math
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jinja2
from run import teacher_name

from ecgcam.data.store import Store, open_store
from ecgcam.evaluation.calibrator import CalibrateConfig, calibrate
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.scoring import score
from ecgcam.evaluation.subgroups import score_subgroups
from ecgcam.files import atomic_write
from ecgcam.inference.classifier import load
from ecgcam.inference.combine import combine
from ecgcam.inference.modelfile import copy_with_card, load_network, read_card
from ecgcam.nn.complexity import measure_complexity, receptive_field

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("model-card.md.jinja")
FOLD = 9
KEPT = ("auroc", "average_precision", "accuracy", "precision", "recall", "f1")

ABOUT = {
    "data": "PTB-XL 1.0.3 (Wagner et al. 2020, PhysioNet; CC BY 4.0), folds 1 to 8 at 100 Hz; "
    "fold 9 chose the epoch, the temperature and the thresholds",
    "licence": "Apache-2.0",
    "intended_use": "research, teaching and the making of devices and software; never, by itself, "
    "a decision on a patient",
    "limits": [
        "Trained on one dataset: one country, eleven devices of two series, the years 1984 to "
        "2001, adults almost only. Other people, devices, filters and electrodes were not tried.",
        "One of the devices, CS100 3, recorded a third of the ECGs trained on and 3 % of fold 9, "
        "and nearly all labels of its ECGs are a machine's.",
        "The labels are what cardiologists wrote, a statement counting whatever its likelihood.",
        "It knows the diagnoses of PTB-XL's superclasses alone: without them one may be ill still.",
        "Its scores on fold 9 are a little too kind, since fold 9 was chosen on.",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("name")
    parser.add_argument("runs", type=Path, nargs="+", help="their model files")
    parser.add_argument("--threshold", default="youden")
    arguments = parser.parse_args()
    store = open_store(arguments.store)
    out = ROOT / "ecgcam" / "inference" / "weights" / f"{arguments.name}.safetensors"
    with TemporaryDirectory() as folder:
        trained, calibrated = arguments.runs[0], Path(folder) / "model.safetensors"
        if len(arguments.runs) > 1:
            trained = combine(arguments.runs, Path(folder) / "combined.safetensors")
        config = CalibrateConfig(threshold=arguments.threshold)
        card = calibrate(trained, store, calibrated, config, folds=(FOLD,))
        card = _by_names(card)
        runs = [run.parent.name.rpartition("-") for run in arguments.runs]
        about = {
            "name": arguments.name,
            "runs": [{"configuration": name, "seed": int(seed)} for name, _, seed in runs],
            **ABOUT,
            "limits": [*ABOUT["limits"], *limits_of_teachers(card["provenance"])],
        }
        about |= _scored(calibrated, store)
        network, _ = load_network(calibrated)
        today = {
            "cost": measure_complexity(network).to_dict(),
            "frame_samples": receptive_field(network),
        }
        card = {**card, **today, "about": about}
        copy_with_card(calibrated, card, out)
    page = ROOT / "docs" / "models" / f"{arguments.name}.md"
    with atomic_write(page) as temporary:
        temporary.write_text(page_of(out), encoding="utf-8")
    sys.stdout.write(f"{out}\n{page}\n")


def limits_of_teachers(provenance: dict[str, Any]) -> list[str]:
    """A sentence if fold 9 chose the epochs of some teachers, by their names; else nothing."""
    members = provenance.get("combined", [{"provenance": provenance}])
    teachers = {name for one in members for name in one["provenance"]["recipe"]["teachers"]}
    chosen = [name for name in teachers if "-without-" not in name]  # as run.py names runs
    if not chosen:
        return []
    some = "each" if len(chosen) == len(teachers) else f"{len(chosen)}"
    return [
        f"Fold {FOLD} also chose the epoch of {some} of its {len(teachers)} teachers: its scores "
        "there are kinder still."
    ]


def _by_names(said: Any) -> Any:
    """The same, the teachers by the names of their runs: where they lay is nobody's business."""
    if isinstance(said, list):
        return [_by_names(one) for one in said]
    if not isinstance(said, dict):
        return said
    return {
        key: list(map(teacher_name, one)) if key == "teachers" else _by_names(one)
        for key, one in said.items()
    }


def _scored(model: Path, store: Store) -> dict[str, Any]:
    """The scores of fold 9 with their intervals, and those of its subgroups."""
    judged = predict_folds(load(model), store, folds=(FOLD,))
    found = score(judged)
    classes = found.get("classes", {judged.classifier.classes[0]: found})
    scores: dict[str, Any] = {
        "fold": FOLD,
        "n": found["n"],
        "classes": {name: _kept(of_class) for name, of_class in classes.items()},
    }
    if "macro_auroc" in found:
        scores |= {key: found[key] for key in ("macro_auroc", "macro_auroc_ci")}
    return {"scores": scores, "subgroups": score_subgroups(judged)}


def _kept(scores: dict[str, Any]) -> dict[str, Any]:
    kept = {key: scores[key] for key in scores if key.removesuffix("_ci") in KEPT}
    return {**kept, "calibration": scores["calibration"]}


def page_of(model: Path) -> str:
    """The page of a shipped model, from its card."""
    card = read_card(model)
    frame_samples = receptive_field(load_network(model)[0])
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["interval"] = _interval
    environment.globals["zip"] = zip
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    kilobytes = math.ceil(model.stat().st_size / 1000)
    page = template.render(
        card=card, about=card["about"], kilobytes=kilobytes, frame_samples=frame_samples
    )
    return page.rstrip() + "\n"


def _interval(scores: dict[str, Any], key: str) -> str:
    """A score with its interval, as in 0.945 (0.936 to 0.954)."""
    if scores.get(key) is None:
        return "–"
    found = f"{scores[key]:.3f}"
    if scores.get(f"{key}_ci"):
        low, high = scores[f"{key}_ci"]
        found += f" ({low:.3f} to {high:.3f})"
    return found


if __name__ == "__main__":
    main()
