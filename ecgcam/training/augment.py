"""Augmentation: random changes to a batch of ECGs, so that training sees more than was recorded.

    augment = paper_augmentation(rate_hz=100)
    changed = augment(signal, generator=torch.Generator().manual_seed(1))

It follows preprocessing. The generator is on the signal's device; there, the same seed gives the
same changes. Changes can be inspected and repeated:

    changes = augment.draw(signal.shape, generator=generator)
    changed = apply_changes(signal, changes)
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Size, Tensor

from .noise_transforms import DeviceFilter, GaussianNoise, MainsHum, Respiration, Wander
from .transforms import (
    AmplitudeScale,
    LeadDropout,
    LeadGain,
    LeadMix,
    TimeDropout,
    TimeShift,
    TimeWarp,
    Transform,
    check_range,
)

TRANSFORMS = {
    kind.__name__: kind
    for kind in (
        TimeShift,
        AmplitudeScale,
        GaussianNoise,
        MainsHum,
        Respiration,
        Wander,
        DeviceFilter,
        TimeWarp,
        LeadDropout,
        TimeDropout,
        LeadGain,
        LeadMix,
    )
}


@dataclass(frozen=True, eq=False)
class Change:
    """A transform drawn for some records of a batch.

    rows:  (changed,), the records that it changes.
    drawn: (changed, …), the argument of `transform.apply_`.
    """

    transform: Transform
    rows: Tensor
    drawn: Tensor


@dataclass(frozen=True)
class OneOf:
    """A step: with `probability`, apply one of the transforms to a record, each equally likely."""

    transforms: tuple[Transform, ...]
    probability: float = 0.5

    def __post_init__(self) -> None:
        if not self.transforms:
            raise ValueError("a step has no transform; expected at least one in `one_of`.")
        check_range(0, 1, probability=self.probability)

    def draw(self, shape: Size, *, generator: torch.Generator) -> list[Change]:
        """Draw the changes to a batch of this shape, one for each transform."""
        uniform = torch.rand(shape[0], generator=generator, device=generator.device)
        # [0, probability) is divided into equal parts, one for each transform
        part = self.probability / len(self.transforms)
        changes = []
        for k, transform in enumerate(self.transforms):
            rows = ((uniform >= k * part) & (uniform < (k + 1) * part)).nonzero()[:, 0]
            drawn = transform.draw(Size((len(rows), *shape[1:])), generator=generator)
            changes.append(Change(transform, rows, drawn))
        return changes


@dataclass(frozen=True)
class Augment:
    """A sequence of steps; without steps, the signal stays as it is."""

    steps: tuple[OneOf, ...] = ()

    def __call__(self, signal: Tensor, *, generator: torch.Generator) -> Tensor:
        """Return a changed copy of signal (batch, leads, time)."""
        return self.apply_(_contiguous_copy(signal), generator=generator)

    def apply_(self, signal: Tensor, *, generator: torch.Generator) -> Tensor:
        """Change a contiguous signal (batch, leads, time) in place and return it."""
        return _apply_changes_(signal, self.draw(signal.shape, generator=generator))

    def draw(self, shape: Size, *, generator: torch.Generator) -> list[Change]:
        """Draw the changes, in order, to a batch of this shape (batch, leads, time)."""
        if len(shape) != 3:
            raise ValueError(f"the signal has shape {tuple(shape)}; expected (batch, leads, time).")
        return [change for step in self.steps for change in step.draw(shape, generator=generator)]

    def to_list(self) -> list[dict[str, Any]]:
        """Return the steps as JSON can hold them; `make_augmentation` reads them."""
        return [
            {
                "probability": step.probability,
                "one_of": [
                    {"transform": type(transform).__name__, **vars(transform)}
                    for transform in step.transforms
                ],
            }
            for step in self.steps
        ]


def apply_changes(signal: Tensor, changes: Iterable[Change]) -> Tensor:
    """Return a copy of signal (batch, leads, time) with the changes applied in order."""
    return _apply_changes_(_contiguous_copy(signal), changes)


def _apply_changes_(signal: Tensor, changes: Iterable[Change]) -> Tensor:
    for change in changes:
        change.transform.apply_(signal, change.rows, change.drawn)
    return signal


def _contiguous_copy(signal: Tensor) -> Tensor:
    return signal.clone(memory_format=torch.contiguous_format)


def paper_augmentation(*, rate_hz: float, mains_hz: int = 50) -> Augment:
    """Return the paper's augmentation: shift, scale, noise, and mains hum or breathing.

    Each step has probability 0.5. "Lightweight Data-driven ECG Classification Approach with
    Explainable CAM Output", EMBC 2025.
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


def make_augmentation(
    augmentation: str | Sequence[Mapping[str, Any]], *, rate_hz: float
) -> Augment:
    """Build the augmentation "none", "paper", or one from a list of steps, as in a recipe file.

        [[augmentation]]
        probability = 0.3
        one_of = [{transform = "MainsHum", mains_hz = 60}, {transform = "Respiration"}]

    Arguments may be left out; `rate_hz` is the signals'. Raises ValueError for an unknown name or
    key, an invalid value, and a `rate_hz` in a step that differs from the signals'.
    """
    if augmentation == "none":
        return Augment()
    if augmentation == "paper":
        return paper_augmentation(rate_hz=rate_hz)
    if isinstance(augmentation, str):
        raise ValueError(
            f"augmentation is {augmentation!r}; expected paper, none, or a list of steps."
        )
    return Augment(tuple(_step(step, rate_hz=rate_hz) for step in augmentation))


def _step(plain: object, *, rate_hz: float) -> OneOf:
    step = _table(plain, ["probability", "one_of"], name="an augmentation step")
    one_of = step.get("one_of", [])
    if not isinstance(one_of, list | tuple):
        raise ValueError(f"one_of is {one_of!r}; expected a list of transforms.")
    transforms = tuple(_transform(one, rate_hz=rate_hz) for one in one_of)
    return OneOf(transforms, probability=step.get("probability", 0.5))


def _transform(plain: object, *, rate_hz: float) -> Transform:
    name = str(plain.get("transform")) if isinstance(plain, Mapping) else ""
    if name not in TRANSFORMS:
        raise ValueError(
            f"there is no transform {name!r}; expected one of {', '.join(TRANSFORMS)}."
        )
    kind = TRANSFORMS[name]
    known = [field.name for field in fields(kind)]
    arguments = dict(_table(plain, ["transform", *known], name=name))
    del arguments["transform"]
    if "rate_hz" in known and arguments.setdefault("rate_hz", rate_hz) != rate_hz:
        raise ValueError(
            f"{name} is for {arguments['rate_hz']} Hz; expected the signals' {rate_hz} Hz."
        )
    return kind(**arguments)


def _table(plain: object, known: list[str], *, name: str) -> Mapping[str, Any]:
    if not isinstance(plain, Mapping):
        raise ValueError(f"{name} is {plain!r}; expected a table of {', '.join(known)}.")
    unknown = [str(key) for key in plain if key not in known]
    if unknown:
        raise ValueError(
            f"unknown key {', '.join(unknown)} in {name}; expected {', '.join(known)}."
        )
    return plain
