"""The folder of a run: its files, its settings, and the check that a resumed run is the same.

model.safetensors  the network of the best epoch, by a score on the validation folds
metrics.csv        one row per epoch
curve.png          the same as a figure, with the best epoch marked
config.toml        the settings, readable with `ecgcam train --config`
inputs.json        digests of the data and the teachers, and the task, which --resume compares
last.ckpt          the state to resume from
tensorboard/       logs for TensorBoard
preprocessed/      while training: the preprocessed signals, as large as the store
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import DatasetError
from ..files import check_output_folder, sha256, write_text
from ..inference.zoo import find_model
from ..tasks import Task
from .config import AUTO, TrainConfig
from .recipe_file import make_config, read_recipe, recipe_text

MODEL = "model.safetensors"
METRICS = "metrics.csv"
CURVE = "curve.png"
CONFIG = "config.toml"
INPUTS = "inputs.json"
LAST = "last.ckpt"
TENSORBOARD = "tensorboard"
PREPROCESSED = "preprocessed"


def check_new_run(out: Path) -> None:
    """Raise DatasetError unless a new run can be written to this folder."""
    check_output_folder(out)
    if out.exists() and any(out.iterdir()):
        raise DatasetError(
            f"{out}: the folder is not empty; --resume continues a run, a new run needs a new "
            "folder."
        )


def run_inputs(
    task: Task, store: Store, *, teachers: Sequence[Path], subsampled: NDArray[np.bool_] | None
) -> dict[str, Any]:
    """Describe what the files that a config names contain: the task, the teachers, the data.

    teachers: their model files. subsampled: (records,), see TrainingTargets.
    """
    inputs = {
        "task": task.to_dict(),
        "teachers": [sha256(path) for path in teachers],
        "data": store.about["fingerprint"],
        # the fingerprint does not cover which records were validated
        "subsampled": None
        if subsampled is None
        else hashlib.sha256(subsampled.tobytes()).hexdigest(),
    }
    return dict(json.loads(json.dumps(inputs)))  # as read back


def write_settings(out: Path, config: TrainConfig, inputs: Mapping[str, Any]) -> None:
    """Write the settings and the inputs of a new run."""
    write_text(out / INPUTS, json.dumps(inputs, indent=1) + "\n")
    write_text(out / CONFIG, recipe_text(config))


def read_config(out: Path) -> TrainConfig:
    """Read the settings of the run in this folder; DatasetError if there is no run."""
    path = out / CONFIG
    if not path.is_file():
        raise DatasetError(f"{out}: there is no run to resume; {CONFIG} is missing.")
    return make_config(read_recipe(path), source=str(path))


def check_same_settings(out: Path, config: TrainConfig) -> None:
    """Raise DatasetError if the run in this folder has other settings than these.

    A precision of "auto" is the run's, and a teacher may have been moved.
    """
    started, settings = read_config(out).by_name(), config.by_name()
    for name, value in settings.items():
        if value in (started[name], AUTO):
            continue
        if name == "distillation.teachers" and _are_teachers(out, config.distillation.teachers):
            continue
        raise DatasetError(
            f"{out}: this run was started with {name} {started[name]}, not {value}; --resume "
            "continues with the run's own settings. Leave the setting out, or start a new run."
        )


def check_same_inputs(out: Path, inputs: Mapping[str, Any]) -> None:
    """Raise DatasetError if the run in this folder was started with other inputs than these."""
    started = _read_inputs(out)
    if any(started.get(key) != inputs[key] for key in ("data", "subsampled")):
        raise DatasetError(f"{out}: this run was started on other data than this store's.")
    changed = [key for key in ("task", "teachers") if started.get(key) != inputs[key]]
    if changed:
        raise DatasetError(
            f"{out}: the {' and the '.join(changed)} changed since the run was started; restore "
            "the file, or start a new run."
        )


def _are_teachers(out: Path, teachers: Sequence[str]) -> bool:
    """Return whether these model files have the contents of the run's teachers."""
    files = [find_model(teacher) for teacher in teachers]
    digests = sorted(sha256(path) for path in files if path.is_file())
    return digests == sorted(_read_inputs(out).get("teachers", ()))


def _read_inputs(out: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((out / INPUTS).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DatasetError(f"{out / INPUTS}: cannot be read: {error}") from None
