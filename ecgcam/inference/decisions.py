"""Decisions: thresholds, abstention bands and conformal limits, as a model card keeps them.

`ecgcam calibrate` chooses them on a fold (evaluation/calibrator.py); this file applies them.
"""

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

KEY = "operating_points"  # in a card
TEMPERATURES = (0.05, 20.0)  # lowest and highest in a card


@dataclass(frozen=True, kw_only=True)
class Band:
    """Abstention band: the open interval of probabilities (low, high) around a threshold.

    A model abstains from a decision in it.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(
                f"invalid band from {self.low} to {self.high} (expected 0 <= low <= high <= 1)"
            )

    @classmethod
    def around(cls, threshold: float, *, width: float) -> "Band":
        """Return the band of width w around a threshold t: from t (1 - w) to t + w (1 - t)."""
        return cls(low=threshold * (1 - width), high=threshold + width * (1 - threshold))

    def holds(self, probabilities: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which probabilities lie in the band, compared at their own precision."""
        low, high = np.array([self.low, self.high], probabilities.dtype)
        return (probabilities > low) & (probabilities < high)


@dataclass(frozen=True, kw_only=True)
class ConformalLimits:
    """Limits of the conformal set: the answers that a probability does not rule out.

    positive_from:  "yes" is in the set at or above it; 0: always.
    negative_up_to: "no" is in the set at or below it; 1: always.
    Between the two both answers are in the set; neither is, if negative_up_to is the lower one.
    """

    positive_from: float
    negative_up_to: float

    def __post_init__(self) -> None:
        if not (0 <= self.positive_from <= 1 and 0 <= self.negative_up_to <= 1):
            raise ValueError(
                f"invalid conformal limits {self.positive_from} and {self.negative_up_to} "
                "(expected numbers from 0 to 1)"
            )

    def sets(self, probabilities: NDArray[Any]) -> NDArray[np.bool_]:
        """Return for probabilities (n,) whether "no" and whether "yes" is in the set, (n, 2)."""
        low, high = np.array([self.positive_from, self.negative_up_to], probabilities.dtype)
        return np.stack([probabilities <= high, probabilities >= low], axis=-1)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold with its sensitivity and specificity on the records it was chosen on."""

    threshold: float
    sensitivity: float
    specificity: float

    def __post_init__(self) -> None:
        if not all(0 <= number <= 1 for number in astuple(self)):
            raise ValueError(f"invalid {self} (expected numbers from 0 to 1)")


@dataclass(frozen=True, kw_only=True)
class ClassPoints:
    """Choices for one class.

    positives, negatives: numbers of records they were chosen on.
    points: operating points by how each was chosen, as in "youden" or "sensitivity=0.95".
    band: where the model abstains; None: nowhere.
    """

    positives: int
    negatives: int
    points: Mapping[str, OperatingPoint]
    band: Band | None
    conformal: ConformalLimits

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "ClassPoints":
        """Read one from a card; TypeError, ValueError, KeyError or AttributeError if invalid."""
        return cls(
            positives=int(saved["positives"]),
            negatives=int(saved["negatives"]),
            points={str(by): OperatingPoint(**point) for by, point in saved["points"].items()},
            band=None if saved["band"] is None else Band(**saved["band"]),
            conformal=ConformalLimits(**saved["conformal"]),
        )


@dataclass(frozen=True, kw_only=True)
class ChosenOn:
    """Records that the operating points were chosen on: folds of the store with a fingerprint.

    source: dataset that the store was made of; "": not known.
    """

    folds: tuple[int, ...]
    records: int
    store: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class OperatingPoints:
    """Choices for a model.

    threshold, band: rule by which the card's thresholds, and the bands, were chosen.
    alpha:    error rate of the conformal sets, from 0 to 1.
    classes:  choices by class; a class without both kinds of records is left out.
    """

    chosen_on: ChosenOn
    threshold: str
    band: str
    alpha: float
    classes: Mapping[str, ClassPoints]

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"invalid alpha {self.alpha} (expected a number between 0 and 1)")

    def to_dict(self) -> dict[str, Any]:
        """Return the choices as a card keeps them."""
        return asdict(self)

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "OperatingPoints | None":
        """Return a card's choices, or None if it has none; ModelError if they are invalid."""
        if KEY not in card:
            return None
        try:
            points = cls._from_dict(card[KEY])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"invalid {KEY!r} in the model card: {error!r}") from None
        if unknown := set(points.classes) - set(card["classes"]):
            raise ModelError(
                f"invalid {KEY!r} in the model card: unknown classes {', '.join(sorted(unknown))}."
            )
        return points

    @classmethod
    def _from_dict(cls, saved: Mapping[str, Any]) -> "OperatingPoints":
        on = saved["chosen_on"]
        return cls(
            chosen_on=ChosenOn(
                folds=tuple(int(fold) for fold in on["folds"]),
                records=int(on["records"]),
                store=str(on["store"]),
                source=str(on.get("source", "")),
            ),
            threshold=str(saved["threshold"]),
            band=str(saved["band"]),
            alpha=float(saved["alpha"]),
            classes={
                name: ClassPoints.from_dict(points) for name, points in saved["classes"].items()
            },
        )

    def uncertain(
        self, classes: tuple[str, ...], probabilities: NDArray[np.float32]
    ) -> tuple[str, ...] | None:
        """Return the classes whose probability lies in their band; None if there are no bands.

        probabilities: (classes,).
        """
        bands = {name: chosen.band for name, chosen in self.classes.items() if chosen.band}
        if not bands:
            return None
        pairs = zip(classes, map(np.asarray, probabilities), strict=True)
        return tuple(name for name, p in pairs if name in bands and bands[name].holds(p))
