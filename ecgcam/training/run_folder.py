"""The folder of a run: its settings, its scores epoch by epoch, its curve, its best model.

model.safetensors  the best epoch's network, by a score of the validation folds
metrics.csv        a row an epoch
curve.png          the same as a picture, the best epoch marked
config.json        the settings, what the files they name hold, and the data's fingerprint
last.ckpt          where to go on from
tensorboard/       for those who watch with it
preprocessed/      while it trains: its signals, as large as in the store
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import DatasetError
from ..files import atomic_write, sha256
from ..inference.card import Card
from ..inference.modelfile import save_model
from ..inference.zoo import find_model
from ..plots.curves import draw_training_curve
from ..tasks import Task
from .augment import Augment
from .config import TrainConfig
from .lightning_module import TrainingModule

MODEL = "model.safetensors"
METRICS = "metrics.csv"
CURVE = "curve.png"
CONFIG = "config.json"
LAST = "last.ckpt"
TENSORBOARD = "tensorboard"
PREPROCESSED = "preprocessed"

OnEpoch = Callable[[Mapping[str, float]], None]


def settings(
    config: TrainConfig,
    task: Task,
    augment: Augment,
    store: Store,
    *,
    teachers: Sequence[Path],
    seldom: NDArray[np.bool_] | None,
) -> dict[str, Any]:
    """All that determines a run: its recipe, what the files that it names hold, and its data.

    teachers: the files of the recipe's. seldom: (records,), see TrainingTargets.
    """
    said = {
        "config": asdict(config),
        "task": task.to_dict(),
        "augmentation": augment.to_dict(),
        "teachers": [sha256(path) for path in teachers],
        "data": store.about["fingerprint"],
        "seldom": None if seldom is None else hashlib.sha256(seldom.tobytes()).hexdigest(),
    }
    return dict(json.loads(json.dumps(said)))  # as it will be read back


def write_settings(out: Path, said: Mapping[str, Any]) -> None:
    """Keep what a run was started with, for going on with it."""
    with atomic_write(out / CONFIG) as temporary:
        temporary.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def read_config(out: Path) -> TrainConfig:
    """The recipe of the run in this folder; DatasetError if there is no run."""
    return _read_settings(out)[0]


def has_teachers(out: Path, teachers: Sequence[str]) -> bool:
    """Whether these are the files of the teachers of the run in this folder, wherever they lie."""
    files = [find_model(teacher) for teacher in teachers]
    digests = sorted(sha256(path) for path in files if path.is_file())
    return digests == sorted(_read_settings(out)[1].get("teachers", ()))


def refuse_changed(out: Path, said: Mapping[str, Any]) -> None:
    """DatasetError if the run in this folder was started with other settings than these."""
    _, started = _read_settings(out)
    # of the fingerprint who validated what is no part; older runs do not say which come seldom
    if any(started.get(key, said[key]) != said[key] for key in ("data", "seldom")):
        raise DatasetError(f"{out}: this run was started on other data than this store's.")
    changed = [key for key in ("task", "augmentation", "teachers") if started.get(key) != said[key]]
    if changed:
        raise DatasetError(
            f"{out}: its {' and '.join(changed)} changed since the run was started; put the file "
            "back as it was, or start anew."
        )


def _read_settings(out: Path) -> tuple[TrainConfig, dict[str, Any]]:
    try:
        said = json.loads((out / CONFIG).read_text(encoding="utf-8"))
        config, _ = TrainConfig.from_dict(said["config"]), said["data"]
    except FileNotFoundError:
        raise DatasetError(f"{out}: there is no run to go on with; {CONFIG} is missing.") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{out / CONFIG}: not the settings of a run: {error}") from None
    return config, said


class RunFiles(pl.Callback):
    """After each epoch: a row of scores, the curve, and the model if it is the best so far."""

    def __init__(self, out: Path, *, score: str, card: Card, on_epoch: OnEpoch | None) -> None:
        self.out = out
        self.score = f"val_{score}"
        self.card = card
        self.on_epoch = on_epoch
        self.rows: list[dict[str, float]] = []

    @property
    def best(self) -> dict[str, float]:
        """The row of the best epoch, the first of equals."""
        return max(self.rows, key=lambda row: (_or_lowest(row[self.score]), -row["epoch"]))

    def on_train_epoch_end(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        self.rows.append(self._row(trainer))
        with atomic_write(self.out / METRICS) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
        if self.best is self.rows[-1] and isinstance(training, TrainingModule):
            self._keep(training)
        if self.on_epoch:
            self.on_epoch({**self.rows[-1], "best_epoch": self.best["epoch"]})

    def on_fit_end(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        figure = draw_training_curve(
            pd.DataFrame(self.rows), best_epoch=int(self.best["epoch"]), score=self.score
        )
        with atomic_write(self.out / CURVE) as temporary:
            figure.savefig(temporary, dpi=150)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])

    def _row(self, trainer: pl.Trainer) -> dict[str, float]:
        """Epochs count from 1."""
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        return {"epoch": trainer.current_epoch + 1, **logged, "learning_rate": float(rate)}

    def _keep(self, training: TrainingModule) -> None:
        row = self.rows[-1]
        chosen = {"epoch": row["epoch"], "score": self.score, "value": row[self.score]}
        provenance = {**self.card["provenance"], "chosen": chosen}
        save_model(self.out / MODEL, training.kept, {**self.card, "provenance": provenance})


def _or_lowest(score: float) -> float:
    return -np.inf if np.isnan(score) else score
