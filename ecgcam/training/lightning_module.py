"""The lightning module: one training step, one validation, the optimizer and its schedule."""

from collections.abc import Sequence
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from ..nn.network import Network, evaluating, mean_over_time
from .additivity import FLAT_PROBABILITY, AdditivityLoss
from .augment import make_augmentation
from .classification_loss import ClassificationLoss
from .config import TrainConfig
from .dataloader import Batch
from .distillation import OnlineDistillation
from .validation import CHANCE_EPOCHS, TrainingFailedError, is_chance, validation_score


class TrainingModule(pl.LightningModule):
    """Augmentation, backbone and loss on preprocessed signals.

    kept:   the network that is validated and saved: the trained one, or its average over the steps.
    chance: whether the last validation was no better than chance; False after CHANCE_EPOCHS.
    """

    chance = False

    def __init__(
        self,
        network: Network,
        config: TrainConfig,
        *,
        exclusive: bool,
        auxiliary_sizes: tuple[int, ...] = (),
        online: OnlineDistillation | None = None,
        frequency: Tensor | None = None,
        loss: ClassificationLoss | None = None,
    ) -> None:
        """Set up training.

        auxiliary_sizes: the number of auxiliary labels of each kind; their targets follow those of
        the task's classes. online: teachers that predict each batch. frequency: (classes,), of the
        positive training records; for additive training. loss: of the task's classes; default,
        without weights.
        """
        super().__init__()
        self.network = network
        self.config = config
        self.exclusive = exclusive
        self.loss = loss or ClassificationLoss(exclusive=exclusive)
        self.auxiliary_sizes = auxiliary_sizes
        self.online = online
        if auxiliary_sizes:
            self.auxiliary_head = nn.Linear(network.head.in_features, sum(auxiliary_sizes))
        if config.optimizer.average is not None:
            self.averaged = AveragedModel(network, multi_avg_fn=self._average, use_buffers=True)
        self.augment = make_augmentation(config.augmentation, rate_hz=network.config.rate_hz)
        self.disturb = make_augmentation(config.disturbances, rate_hz=network.config.rate_hz)
        self.crop = (
            None if config.data.crop_s is None else _crop_samples(config.data.crop_s, network)
        )
        self.additivity = _additivity(config, network, frequency)
        self._losses = torch.empty(0)  # one for each step of the epoch
        self._sizes: list[int] = []
        self._validated: list[tuple[Tensor, Tensor]] = []

    @property
    def kept(self) -> Network:
        averaged = self.config.optimizer.average is not None
        return cast(Network, self.averaged.module) if averaged else self.network

    def training_step(self, batch: Batch, step: int) -> Tensor:
        signal, targets, indices = batch
        generator = self._generator(1 + step)
        if self.crop is not None:
            signal = random_crop(signal, samples=self.crop, generator=generator)
        # safe in place: the batch is not shared, and a crop is a copy
        changed = self.augment.apply_(signal.float(), generator=generator)
        if self.online is not None:
            targets = self.online.blend(changed, targets, indices)
        changed = self.disturb.apply_(changed, generator=generator)
        self._seed_dropout(1 + step)
        loss = self._batch_loss(changed, targets, generator)
        self._losses[step] = loss.detach()  # one tensor; many small ones would fragment the memory
        self._sizes.append(len(targets))
        return loss

    def _batch_loss(self, signal: Tensor, targets: Tensor, generator: torch.Generator) -> Tensor:
        first_epoch = self.config.additivity.first_epoch - 1
        if self.additivity is None or self.current_epoch < first_epoch:
            return self._total_loss(self._drop(self.network.mean_features(signal)), targets)
        # One pass for all, so that batch norm treats whole, masked and flat records alike.
        masks = self.additivity.masks(signal.shape, self.network, generator)
        features = self.network.backbone(self.additivity.extend(signal, masks))
        loss = self._total_loss(self._drop(mean_over_time(features[: len(signal)])), targets)
        return loss + self.additivity(self.network, features, masks)

    def _drop(self, mean_features: Tensor) -> Tensor:
        return functional.dropout(mean_features, self.config.optimizer.dropout)

    def on_train_epoch_start(self) -> None:
        self._losses = torch.zeros(int(self.trainer.num_training_batches), device=self.device)
        self._sizes = []

    def on_train_batch_end(self, *_: Any) -> None:
        if self.config.optimizer.average is not None:
            self.averaged.update_parameters(self.network)

    def validation_step(self, batch: Batch, step: int) -> None:
        with torch.autocast(self.device.type, enabled=False):  # float32, as in inference
            logits = self.kept.logits(batch.signal.float())
        self._validated.append((logits, batch.targets))

    def on_validation_epoch_end(self) -> None:
        logits, targets = (torch.cat(parts) for parts in zip(*self._validated, strict=True))
        self._validated.clear()
        train_loss = self._mean_loss()
        if not (logits.isfinite().all() and train_loss.isfinite()):
            raise TrainingFailedError(
                f"training diverged in epoch {self.current_epoch + 1}: the loss is not finite; try "
                "a lower learning rate."
            )
        probabilities = logits.softmax(-1) if self.exclusive else logits.sigmoid()
        validated = targets.cpu().numpy(), probabilities.cpu().numpy()
        self.chance = self.current_epoch < CHANCE_EPOCHS and is_chance(*validated)
        self.log("val_loss", self.loss(logits, targets))
        self.log(f"val_{self.config.score}", validation_score(self.config.score, *validated))
        self.log("train_loss", train_loss)  # per epoch: per step it costs 1/60 of the step

    def _mean_loss(self) -> Tensor:
        """Compute the mean training loss over the records of the epoch."""
        weights = torch.tensor(self._sizes, device=self.device) / sum(self._sizes)
        return self._losses @ weights

    def on_train_epoch_end(self) -> None:
        schedule = self.lr_schedulers()
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(self.trainer.callback_metrics[f"val_{self.config.score}"])

    def _total_loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss of the task plus, for each kind of auxiliary labels, their mean loss."""
        sizes = list(self.auxiliary_sizes)
        own, *auxiliary = torch.split(targets, [self.network.config.classes, *sizes], dim=1)
        loss = self.loss(self.network.head(features), own)
        if auxiliary:
            logits = torch.split(self.auxiliary_head(features), sizes, dim=1)
            for of_kind, target in zip(logits, auxiliary, strict=True):
                loss = loss + functional.binary_cross_entropy_with_logits(of_kind, target)
        return loss

    @torch.no_grad()
    def _average(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int
    ) -> None:
        """Update the running average; early steps keep less of it, since they began untrained."""
        count = int(steps)
        decay = min(self.config.optimizer.average or 0.0, (1 + count) / (10 + count))
        for old, new in zip(averaged, current, strict=True):
            old.lerp_(new, 1 - decay) if old.is_floating_point() else old.copy_(new)

    def configure_optimizers(self) -> Any:
        config = self.config
        make = torch.optim.AdamW if config.optimizer.weight_decay else torch.optim.Adam
        optimizer = make(
            [p for name, p in self.named_parameters() if not name.startswith("averaged.")],
            lr=config.optimizer.learning_rate,
            weight_decay=config.optimizer.weight_decay,
            fused=True,
        )
        if config.optimizer.schedule == "constant":
            return optimizer
        if config.optimizer.schedule == "onecycle":
            steps = int(self.trainer.estimated_stepping_batches)
            cycle = torch.optim.lr_scheduler.OneCycleLR(
                optimizer, config.optimizer.learning_rate, steps
            )
            return [optimizer], [{"scheduler": cycle, "interval": "step"}]
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode="max", factor=0.5, patience=3
        )
        # Lightning would step it after saving the epoch, so a run resumed from there would miss the
        # step. With a frequency beyond the last epoch, only on_train_epoch_end steps it.
        never = {"monitor": f"val_{config.score}", "frequency": config.optimizer.epochs + 1}
        return [optimizer], [{"scheduler": plateau, **never}]

    def _seed_dropout(self, step: int) -> None:
        """Seed the global generator, from which dropout, lightning and torch draw.

        torch.manual_seed also seeds every kind of GPU, which takes 1/50 of a step.
        """
        seed = self._generator(step, 1).initial_seed()
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def _generator(self, *draw: int) -> torch.Generator:
        """Return the generator of one draw of this epoch, independent of all other draws."""
        state = np.random.SeedSequence([self.config.seed, self.current_epoch, *draw])
        seed = int(state.generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator(self.device).manual_seed(seed)


def _additivity(
    config: TrainConfig, network: Network, frequency: Tensor | None
) -> AdditivityLoss | None:
    """Return the additivity loss, or None if it is off; a rare class is rarer than 0.4 if flat."""
    if config.additivity.weight == 0:
        return None
    flat = torch.full((network.config.classes,), FLAT_PROBABILITY)
    return AdditivityLoss(
        config.additivity, flat if frequency is None else torch.minimum(flat, frequency)
    )


def random_crop(signal: Tensor, *, samples: int, generator: torch.Generator) -> Tensor:
    """Crop each record (batch, leads, time) to `samples` at a uniformly random start."""
    last = signal.shape[2] - samples
    starts = torch.randint(last + 1, signal.shape[:1], generator=generator, device=signal.device)
    samples_of = starts[:, None] + torch.arange(samples, device=signal.device)
    return signal.gather(2, samples_of[:, None].expand(-1, signal.shape[1], -1))


def _crop_samples(crop_s: float, network: Network) -> int:
    """Return the length of a crop in samples.

    Raises ValueError if it is longer than the records or the network does not accept it.
    """
    config = network.config
    if crop_s > config.duration_s:
        raise ValueError(
            f"crop_s is {crop_s:g}; expected at most {config.duration_s:g}, the "
            "length of the records in seconds."
        )
    samples = max(1, round(crop_s * config.rate_hz))
    try:
        with evaluating(network):
            frames = network.backbone(torch.zeros(1, len(config.leads), samples)).shape[-1]
    except RuntimeError as error:  # as from a pooling layer without input
        raise ValueError(
            f"crop_s is {crop_s:g}, which the network does not accept: {error}"
        ) from error
    if not frames:
        raise ValueError(f"crop_s is {crop_s:g}, which is too short for the network.")
    return samples
