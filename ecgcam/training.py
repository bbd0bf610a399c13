"""One step of training and one validation, for lightning to run."""

from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .augment import augmentation
from .batches import Batch
from .metrics import binary_scores
from .network import Network
from .recipe import TrainConfig


class Training(pl.LightningModule):
    """Augmentation, backbone, loss: one step and one validation, from preprocessed signals."""

    def __init__(self, network: Network, config: TrainConfig, *, exclusive: bool) -> None:
        super().__init__()
        self.network = network
        self.config = config
        self.exclusive = exclusive
        self.augment = augmentation(config.augmentation, rate_hz=network.config.rate_hz)
        self._validated: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: Batch, place: int) -> Tensor:
        signal, targets = batch
        changed = self.augment(signal.float(), generator=self._chance(1 + place))
        # dropout draws from the global generator, as do lightning and torch between the batches
        torch.manual_seed(self._chance(1 + place, 1).initial_seed())
        loss = self.loss(self.network.logits(changed), targets)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(targets))
        return loss

    def validation_step(self, batch: Batch, place: int) -> None:
        signal, targets = batch
        logits = self.network.logits(signal.float()).float()
        self._validated.append((logits, targets))

    def on_validation_epoch_end(self) -> None:
        logits, targets = (torch.cat(parts) for parts in zip(*self._validated, strict=True))
        self._validated.clear()
        if not logits.isfinite().all():
            raise ArithmeticError(
                f"training diverged in epoch {self.current_epoch + 1}: its logits are no numbers; "
                "a lower learning rate may help."
            )
        probabilities = logits.softmax(-1) if self.exclusive else logits.sigmoid()
        score = validation_score(
            self.config.score, targets.cpu().numpy(), probabilities.cpu().numpy()
        )
        self.log("val_loss", self.loss(logits, targets))
        self.log(f"val_{self.config.score}", score)

    def on_train_epoch_end(self) -> None:
        schedule = self.lr_schedulers()
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(self.trainer.callback_metrics[f"val_{self.config.score}"])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy: over exclusive classes together, else of each class by itself."""
        if self.exclusive:
            return functional.cross_entropy(logits, targets)
        return functional.binary_cross_entropy_with_logits(logits, targets)

    def configure_optimizers(self) -> Any:
        config = self.config
        make = torch.optim.AdamW if config.weight_decay else torch.optim.Adam
        optimizer = make(
            self.network.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=True,
        )
        if config.schedule == "constant":
            return optimizer
        if config.schedule == "onecycle":
            steps = int(self.trainer.estimated_stepping_batches)
            cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, steps)
            return [optimizer], [{"scheduler": cycle, "interval": "step"}]
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode="max", factor=0.5, patience=3
        )
        # Lightning would step it after it has saved the epoch, so that a run which goes on from
        # there would miss the step: a frequency beyond the last epoch leaves it to us.
        ours = {"monitor": f"val_{config.score}", "frequency": config.epochs + 1}
        return [optimizer], [{"scheduler": plateau, **ours}]

    def _chance(self, *draw: int) -> torch.Generator:
        """The generator of one draw of this epoch, whatever was drawn before."""
        state = np.random.SeedSequence([self.config.seed, self.current_epoch, *draw])
        seed = int(state.generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator(self.device).manual_seed(seed)


def validation_score(
    name: str, targets: NDArray[np.float32], probabilities: NDArray[np.float32]
) -> float:
    """A score at the threshold of 0.5, the mean over the classes where it is defined.

    targets, probabilities: (records, classes). NaN if it is defined for no class.
    """
    scores = [binary_scores(y, p)[name] for y, p in zip(targets.T, probabilities.T, strict=True)]
    defined = [score for score in scores if not np.isnan(score)]
    return float(np.mean(defined)) if defined else float("nan")
