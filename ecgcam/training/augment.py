"""Augmentation: chance changes to a batch of ECGs, so that training sees more than was recorded.

    augment = paper_augmentation(rate_hz=100)
    changed = augment(signal, generator=torch.Generator().manual_seed(1))

It acts after preprocessing. The generator lives on the signal's device, and the same seed gives
the same changes there. What was done to a batch can be looked at and done again:

    changes = augment.draw(signal.shape, generator=generator)
    changed = apply_changes(signal, changes)
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Size, Tensor

from .lead_transforms import LeadDropout, LeadMix
from .transforms import (
    AmplitudeScale,
    GaussianNoise,
    MainsHum,
    Respiration,
    TimeShift,
    TimeWarp,
    Transform,
    refuse_outside,
)

TRANSFORMS = {
    kind.__name__: kind
    for kind in (
        TimeShift,
        AmplitudeScale,
        GaussianNoise,
        MainsHum,
        Respiration,
        TimeWarp,
        LeadDropout,
        LeadMix,
    )
}


@dataclass(frozen=True, eq=False)
class Change:
    """What was drawn for some records of a batch.

    rows:  (changed,), which records of the batch.
    drawn: (changed, …), what `transform.apply_` does to them.
    """

    transform: Transform
    rows: Tensor
    drawn: Tensor


@dataclass(frozen=True)
class OneOf:
    """A step: with `probability` a record gets exactly one of the transforms, each as likely."""

    transforms: tuple[Transform, ...]
    probability: float = 0.5

    def __post_init__(self) -> None:
        if not self.transforms:
            raise ValueError("a step has no transform; needed: at least one to choose from.")
        refuse_outside(0, 1, probability=self.probability)

    def draw(self, shape: Size, *, generator: torch.Generator) -> list[Change]:
        """One Change for each of the transforms, of the records that it fell to."""
        luck = torch.rand(shape[0], generator=generator, device=generator.device)
        # luck below the probability is cut into equal parts, one a transform
        part = self.probability / len(self.transforms)
        changes = []
        for k, transform in enumerate(self.transforms):
            rows = ((luck >= k * part) & (luck < (k + 1) * part)).nonzero()[:, 0]
            drawn = transform.draw(Size((len(rows), *shape[1:])), generator=generator)
            changes.append(Change(transform, rows, drawn))
        return changes


@dataclass(frozen=True)
class Augment:
    """Steps done one after the other; without a step, nothing is changed."""

    steps: tuple[OneOf, ...] = ()

    def __call__(self, signal: Tensor, *, generator: torch.Generator) -> Tensor:
        """A changed copy of signal (batch, leads, time)."""
        return self.apply_(_copied(signal), generator=generator)

    def apply_(self, signal: Tensor, *, generator: torch.Generator) -> Tensor:
        """The same in place, of a signal that lies in memory in its own order; it is returned."""
        return _apply_changes_(signal, self.draw(signal.shape, generator=generator))

    def draw(self, shape: Size, *, generator: torch.Generator) -> list[Change]:
        """All that will be done, in order, to a batch of this shape (batch, leads, time)."""
        if len(shape) != 3:
            raise ValueError(f"the signal's shape is {tuple(shape)}; needed: (batch, leads, time).")
        return [change for step in self.steps for change in step.draw(shape, generator=generator)]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold of it, and `from_dict` reads."""
        return {
            "steps": [
                {
                    "probability": step.probability,
                    "one_of": [
                        {"transform": type(transform).__name__, **vars(transform)}
                        for transform in step.transforms
                    ],
                }
                for step in self.steps
            ]
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any], *, rate_hz: float) -> "Augment":
        """The reverse of `to_dict`, for signals of this rate.

        What is left out has its default. Raises ValueError for a name or a number that cannot
        be, and for a `rate_hz` within that is not the signals'.
        """
        steps = _table(plain, ["steps"], what="augmentation").get("steps", [])
        return cls(tuple(_step(step, rate_hz=rate_hz) for step in _listed(steps, what="steps")))


def apply_changes(signal: Tensor, changes: Iterable[Change]) -> Tensor:
    """A copy of signal (batch, leads, time) with the changes done to it, in their order."""
    return _apply_changes_(_copied(signal), changes)


def _apply_changes_(signal: Tensor, changes: Iterable[Change]) -> Tensor:
    for change in changes:
        change.transform.apply_(signal, change.rows, change.drawn)
    return signal


def _copied(signal: Tensor) -> Tensor:
    return signal.clone(memory_format=torch.contiguous_format)


def paper_augmentation(*, rate_hz: float, mains_hz: int = 50) -> Augment:
    """The paper's: shift, scale, noise, and mains or breathing, each with probability 0.5.

    "Lightweight Data-driven ECG Classification Approach with Explainable CAM Output", EMBC 2025.
    """
    return Augment(
        (
            OneOf((TimeShift(up_to=0.03),)),
            OneOf((AmplitudeScale(up_to=0.2),)),
            OneOf((GaussianNoise(variance=0.001),)),
            OneOf(
                (
                    MainsHum(rate_hz=rate_hz, mains_hz=mains_hz, up_to=0.2),
                    Respiration(rate_hz=rate_hz, up_to=0.2),
                )
            ),
        )
    )


def augmentation(name: str, *, rate_hz: float) -> Augment:
    """The augmentation called "none" or "paper", or written in a .toml or .json file.

    A file holds what `Augment.to_dict` gives; each transform may leave out what is as usual, and
    takes the signals' rate from `rate_hz`:

        [[steps]]
        probability = 0.3
        one_of = [{transform = "MainsHum", mains_hz = 60}, {transform = "Respiration"}]

    Raises ValueError for an unknown name and for a file that is not like this.
    """
    if name == "none":
        return Augment()
    if name == "paper":
        return paper_augmentation(rate_hz=rate_hz)
    path = Path(name)
    if path.suffix not in (".toml", ".json") or not path.is_file():
        raise ValueError(
            f"there is no augmentation {name!r}; needed: none, paper, or a .toml or .json file."
        )
    try:
        text = path.read_text(encoding="utf-8")
        plain = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        return Augment.from_dict(plain, rate_hz=rate_hz)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _step(plain: object, *, rate_hz: float) -> OneOf:
    step = _table(plain, ["probability", "one_of"], what="step")
    one_of = _listed(step.get("one_of", []), what="one_of")
    transforms = tuple(_transform(one, rate_hz=rate_hz) for one in one_of)
    return OneOf(transforms, probability=step.get("probability", 0.5))


def _transform(plain: object, *, rate_hz: float) -> Transform:
    name = str(plain.get("transform")) if isinstance(plain, Mapping) else ""
    if name not in TRANSFORMS:
        raise ValueError(f"there is no transform {name!r}; there are: {', '.join(TRANSFORMS)}.")
    kind = TRANSFORMS[name]
    known = [field.name for field in fields(kind)]
    numbers = dict(_table(plain, ["transform", *known], what=name))
    del numbers["transform"]
    if "rate_hz" in known and numbers.setdefault("rate_hz", rate_hz) != rate_hz:
        raise ValueError(f"{name} is for {numbers['rate_hz']} Hz; the signals have {rate_hz} Hz.")
    return kind(**numbers)


def _table(plain: object, known: list[str], *, what: str) -> Mapping[str, Any]:
    if not isinstance(plain, Mapping):
        raise ValueError(f"the {what} is {plain!r}; needed: a table of {', '.join(known)}.")
    unknown = [str(key) for key in plain if key not in known]
    if unknown:
        raise ValueError(f"{what} has no {', '.join(unknown)}; it has: {', '.join(known)}.")
    return plain


def _listed(plain: object, *, what: str) -> list[Any]:
    if not isinstance(plain, list):
        raise ValueError(f"{what} is {plain!r}; needed: a list.")
    return plain
