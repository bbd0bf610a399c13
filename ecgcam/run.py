"""The folder of a run: its settings, its scores epoch by epoch, its curve, its best model.

model.safetensors  the best epoch's network, by a score of the validation folds
metrics.csv        a row an epoch
curve.png          the same as a picture, the best epoch marked
config.json        the settings, and the fingerprint of the data
last.ckpt          where to go on from
tensorboard/       for those who watch with it
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd

from .errors import DatasetError
from .files import written_whole
from .modelfile import Card, save_model
from .pictures.plots import draw_training_curve
from .recipe import TrainConfig
from .store import Store
from .training import Training

MODEL = "model.safetensors"
METRICS = "metrics.csv"
CURVE = "curve.png"
CONFIG = "config.json"
LAST = "last.ckpt"
TENSORBOARD = "tensorboard"

OnEpoch = Callable[[Mapping[str, float]], None]


def write_settings(out: Path, config: TrainConfig, store: Store) -> None:
    """Keep what a run was started with, for going on with it."""
    settings = {"config": asdict(config), "data": store.about["fingerprint"]}
    with written_whole(out / CONFIG) as temporary:
        temporary.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")


def read_settings(out: Path, store: Store) -> TrainConfig:
    """What the run in this folder was started with.

    Raises DatasetError if there is no run, or it was started on other data.
    """
    try:
        settings = json.loads((out / CONFIG).read_text(encoding="utf-8"))
        config, data = TrainConfig.from_dict(settings["config"]), settings["data"]
    except FileNotFoundError:
        raise DatasetError(f"{out}: there is no run to go on with; {CONFIG} is missing.") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{out / CONFIG}: not the settings of a run: {error}") from None
    if data != store.about["fingerprint"]:
        raise DatasetError(f"{out}: this run was started on other data than {store.folder}.")
    return config


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
        with written_whole(self.out / METRICS) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
        if self.best is self.rows[-1] and isinstance(training, Training):
            self._keep(training)
        if self.on_epoch:
            self.on_epoch({**self.rows[-1], "best_epoch": self.best["epoch"]})

    def on_fit_end(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        figure = draw_training_curve(
            pd.DataFrame(self.rows), best_epoch=int(self.best["epoch"]), score=self.score
        )
        with written_whole(self.out / CURVE) as temporary:
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

    def _keep(self, training: Training) -> None:
        row = self.rows[-1]
        chosen = {"epoch": row["epoch"], "score": self.score, "value": row[self.score]}
        provenance = {**self.card["provenance"], "chosen": chosen}
        save_model(self.out / MODEL, training.network, {**self.card, "provenance": provenance})


def _or_lowest(score: float) -> float:
    return -np.inf if np.isnan(score) else score
