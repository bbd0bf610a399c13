"""One step of training and one validation, and how lightning runs them."""

import signal
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from ..evaluation.metrics import binary_scores
from ..nn.network import Network, evaluating
from .augment import augmentation
from .config import TrainConfig
from .dataloader import Batch
from .tutors import Tutors


class TrainingModule(pl.LightningModule):
    """Augmentation, backbone, loss: one step and one validation, from preprocessed signals.

    kept: the network that is validated and kept: the one trained, or its average over the steps.
    """

    def __init__(
        self,
        network: Network,
        config: TrainConfig,
        *,
        exclusive: bool,
        auxiliary: tuple[int, ...] = (),
        tutors: Tutors | None = None,
    ) -> None:
        """auxiliary: how many labels of each kind follow a record's own classes in its targets."""
        super().__init__()
        self.network = network
        self.config = config
        self.exclusive = exclusive
        self.auxiliary = auxiliary
        self.tutors = tutors
        if auxiliary:
            self.auxiliary_head = nn.Linear(network.head.in_features, sum(auxiliary))
        if config.average is not None:
            self.averaged = AveragedModel(network, multi_avg_fn=self._average, use_buffers=True)
        self.augment = augmentation(config.augmentation, rate_hz=network.config.rate_hz)
        self.crop = None if config.crop_s is None else _samples(config.crop_s, network)
        self._losses = torch.empty(0)  # of the epoch's steps
        self._sizes: list[int] = []
        self._validated: list[tuple[Tensor, Tensor]] = []

    @property
    def kept(self) -> Network:
        averaged = self.config.average is not None
        return cast(Network, self.averaged.module) if averaged else self.network

    def training_step(self, batch: Batch, place: int) -> Tensor:
        signal, targets, places = batch
        chance = self._chance(1 + place)
        if self.crop is not None:
            signal = random_crop(signal, samples=self.crop, generator=chance)
        # nobody else has the batch, which the loader has read and the crop has copied
        changed = self.augment.apply_(signal.float(), generator=chance)
        if self.tutors is not None:
            targets = self.tutors.teach(changed, targets, places)
        self._seed_dropout(1 + place)
        loss = self._loss_of_all(self.network.mean_features(changed), targets)
        self._losses[place] = loss.detach()  # a tensor kept of each step would cut up the memory
        self._sizes.append(len(targets))
        return loss

    def on_train_epoch_start(self) -> None:
        self._losses = torch.zeros(int(self.trainer.num_training_batches), device=self.device)
        self._sizes = []

    def on_train_batch_end(self, *_: Any) -> None:
        if self.config.average is not None:
            self.averaged.update_parameters(self.network)

    def validation_step(self, batch: Batch, place: int) -> None:
        with torch.autocast(self.device.type, enabled=False):  # in float32, as one will judge
            logits = self.kept.logits(batch.signal.float())
        self._validated.append((logits, batch.targets))

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
        self.log("train_loss", self._mean_loss())  # each step, it would cost a sixtieth of it

    def _mean_loss(self) -> Tensor:
        """Of the epoch's records, whose last batch is behind us."""
        weights = torch.tensor(self._sizes, device=self.device) / sum(self._sizes)
        return self._losses @ weights

    def on_train_epoch_end(self) -> None:
        schedule = self.lr_schedulers()
        if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step(self.trainer.callback_metrics[f"val_{self.config.score}"])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy: over exclusive classes together, else of each class by itself."""
        if self.exclusive:
            return functional.cross_entropy(logits, targets)
        return functional.binary_cross_entropy_with_logits(logits, targets)

    def _loss_of_all(self, features: Tensor, targets: Tensor) -> Tensor:
        """The loss of the task, and of each kind of auxiliary label the mean over its labels."""
        own, *others = torch.split(targets, [self.network.config.classes, *self.auxiliary], dim=1)
        loss = self.loss(self.network.head(features), own)
        if others:
            logits = torch.split(self.auxiliary_head(features), list(self.auxiliary), dim=1)
            for said, wanted in zip(logits, others, strict=True):
                loss = loss + functional.binary_cross_entropy_with_logits(said, wanted)
        return loss

    @torch.no_grad()
    def _average(
        self, averaged: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int
    ) -> None:
        """Keep `average` of the old, less in the first steps, which are of a network still poor."""
        count = int(steps)
        share = min(self.config.average or 0.0, (1 + count) / (10 + count))
        for old, new in zip(averaged, current, strict=True):
            old.lerp_(new, 1 - share) if old.is_floating_point() else old.copy_(new)

    def configure_optimizers(self) -> Any:
        config = self.config
        make = torch.optim.AdamW if config.weight_decay else torch.optim.Adam
        optimizer = make(
            [p for name, p in self.named_parameters() if not name.startswith("averaged.")],
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

    def _seed_dropout(self, step: int) -> None:
        """It draws from the global generator, as do lightning and torch between the batches.

        torch.manual_seed asks every kind of GPU too, which takes a fiftieth of a step.
        """
        seed = self._chance(step, 1).initial_seed()
        if self.device.type == "cpu":
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def _chance(self, *draw: int) -> torch.Generator:
        """The generator of one draw of this epoch, whatever was drawn before."""
        state = np.random.SeedSequence([self.config.seed, self.current_epoch, *draw])
        seed = int(state.generate_state(1, np.uint64)[0] >> np.uint64(1))
        return torch.Generator(self.device).manual_seed(seed)


def fit(
    trainer: pl.Trainer,
    training: TrainingModule,
    to_learn: DataLoader[Batch],
    to_validate: DataLoader[Batch],
    last: Path | None,
) -> None:
    """Train, from the checkpoint `last` on if any; the global generator is left as it was.

    Lightning makes a SystemExit of a KeyboardInterrupt, and is deaf to key presses from then on.
    """
    heard = signal.getsignal(signal.SIGINT)
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*does not have many workers.*")  # a worker copies more
        warnings.filterwarnings("ignore", ".*treespec.*")  # lightning's own use of torch
        warnings.filterwarnings("ignore", ".*exists and is not empty.*")  # as is meant on resuming
        warnings.filterwarnings("ignore", ".*dirpath has changed.*")  # a run may be moved
        try:
            trainer.fit(training, to_learn, to_validate, ckpt_path=last, weights_only=True)
        except SystemExit as leaving:
            if not isinstance(leaving.__context__, KeyboardInterrupt):
                raise
            signal.signal(signal.SIGINT, heard)
            raise KeyboardInterrupt from None


def random_crop(signal: Tensor, *, samples: int, generator: torch.Generator) -> Tensor:
    """So many samples of each record (batch, leads, time), each place as likely as any other."""
    last = signal.shape[2] - samples
    starts = torch.randint(last + 1, signal.shape[:1], generator=generator, device=signal.device)
    places = starts[:, None] + torch.arange(samples, device=signal.device)
    return signal.gather(2, places[:, None].expand(-1, signal.shape[1], -1))


def _samples(crop_s: float, network: Network) -> int:
    """ValueError for a crop longer than the records, or one that the network does not take."""
    config = network.config
    if crop_s > config.duration_s:
        raise ValueError(f"crop_s is {crop_s:g}; the records last {config.duration_s:g} s.")
    samples = max(1, round(crop_s * config.rate_hz))
    try:
        with evaluating(network):
            frames = network.backbone(torch.zeros(1, len(config.leads), samples)).shape[-1]
    except RuntimeError as error:  # as of a pool that has nothing to pool
        raise ValueError(
            f"crop_s is {crop_s:g}, which is too short for the network, or not for it: {error}"
        ) from error
    if not frames:
        raise ValueError(f"crop_s is {crop_s:g}, which is too short for the network.")
    return samples


def validation_score(
    name: str, targets: NDArray[np.float32], probabilities: NDArray[np.float32]
) -> float:
    """A score at the threshold of 0.5, the mean over the classes where it is defined.

    targets, probabilities: (records, classes). NaN if it is defined for no class.
    """
    scores = [binary_scores(y, p)[name] for y, p in zip(targets.T, probabilities.T, strict=True)]
    defined = [score for score in scores if not np.isnan(score)]
    return float(np.mean(defined)) if defined else float("nan")
