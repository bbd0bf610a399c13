"""Lightning callbacks: the files of a run after each epoch, and early stopping."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import pandas as pd
from lightning.pytorch.callbacks import EarlyStopping

from ..files import atomic_write
from ..inference.card import Card
from ..inference.modelfile import save_model
from ..plots.curves import draw_training_curve
from .lightning_module import TrainingModule
from .run_folder import CURVE, METRICS, MODEL
from .validation import CHANCE_EPOCHS, TrainingFailedError

OnEpoch = Callable[[Mapping[str, float]], None]


class RunFiles(pl.Callback):
    """After each epoch, write a row of scores, and the model if it is the best so far.

    Epochs before the first one that is better than chance are never the best. If the first
    CHANCE_EPOCHS epochs are all chance, the run fails. With `keep_last` the last epoch so far is
    the best.
    """

    def __init__(
        self, out: Path, *, score: str, card: Card, keep_last: bool, on_epoch: OnEpoch | None
    ) -> None:
        self.out = out
        self.keep_last = keep_last
        self.score = f"val_{score}"
        self.card = card
        self.on_epoch = on_epoch
        self.rows: list[dict[str, float]] = []
        self.chance_epochs = 0  # at the start of the run

    @property
    def best_epoch(self) -> int:
        """The best epoch, counted from 1; of equals the first, and 0 if there is none."""
        rows = self.rows[self.chance_epochs :]
        if not rows:
            return 0
        if self.keep_last:
            return len(self.rows)
        best = max(rows, key=lambda row: (_nan_lowest(row[self.score]), -row["epoch"]))
        return int(best["epoch"])

    def on_train_epoch_end(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        self.rows.append(self._row(trainer))
        with atomic_write(self.out / METRICS) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
        training = cast(TrainingModule, training)
        if training.chance and self.chance_epochs == trainer.current_epoch:
            self.chance_epochs += 1
        if self.best_epoch == len(self.rows):
            self._save(training)
        if self.on_epoch:
            self.on_epoch({**self.rows[-1], "best_epoch": self.best_epoch})
        if self.chance_epochs == min(CHANCE_EPOCHS, training.config.optimizer.epochs):
            raise TrainingFailedError(
                f"training failed: by epoch {self.chance_epochs} no class is predicted better "
                "than chance on the validation folds. Check the labels and the unit of the "
                "signals; if they are right, try another learning rate or more training ECGs."
            )

    def on_fit_end(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        figure = draw_training_curve(
            pd.DataFrame(self.rows), best_epoch=self.best_epoch, score=self.score
        )
        with atomic_write(self.out / CURVE) as temporary:
            figure.savefig(temporary, dpi=150)

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "chance_epochs": self.chance_epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = list(state_dict["rows"])
        self.chance_epochs = state_dict["chance_epochs"]

    def _row(self, trainer: pl.Trainer) -> dict[str, float]:
        """Return the scores of this epoch; epochs count from 1."""
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        return {"epoch": trainer.current_epoch + 1, **logged, "learning_rate": float(rate)}

    def _save(self, training: TrainingModule) -> None:
        row = self.rows[-1]
        chosen = {"epoch": row["epoch"], "score": self.score, "value": row[self.score]}
        provenance = {**self.card["provenance"], "chosen": chosen}
        save_model(self.out / MODEL, training.kept, {**self.card, "provenance": provenance})


class Patience(EarlyStopping):
    """Early stopping that stays stopped when the run is resumed."""

    def on_train_start(self, trainer: pl.Trainer, training: pl.LightningModule) -> None:
        trainer.should_stop = self.wait_count >= self.patience


def _nan_lowest(score: float) -> float:
    return -np.inf if np.isnan(score) else score
