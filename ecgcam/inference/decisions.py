"""What a model's card says of how its probabilities are to be used, beyond one threshold a class.

`ecgcam calibrate` chooses it on a fold: the points a clinic asks for, the band of doubt, and the
limits of the conformal sets. A card without the key knows none of it.
"""

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError

KEY = "operating_points"  # in a card
TEMPERATURES = (0.05, 20.0)  # the lowest and the highest that a card may have


@dataclass(frozen=True, kw_only=True)
class Band:
    """The open interval of probabilities, (low, high), that is too near the threshold to tell."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(f"a band goes from {self.low} to {self.high}; needed: within 0 and 1.")

    @classmethod
    def around(cls, threshold: float, *, width: float) -> "Band":
        """The band of this width w, within [0, 1]: from t (1 - w) to t + w (1 - t)."""
        return cls(low=threshold * (1 - width), high=threshold + width * (1 - threshold))

    def holds(self, probabilities: NDArray[Any]) -> NDArray[np.bool_]:
        """Which lie in the band, at the probabilities' own precision."""
        low, high = np.array([self.low, self.high], probabilities.dtype)
        return (probabilities > low) & (probabilities < high)


@dataclass(frozen=True, kw_only=True)
class ConformalLimits:
    """Which answers a probability leaves possible.

    positive_from:  a yes is possible at or above it; 0: always.
    negative_up_to: a no is possible at or below it; 1: always.
    Between the two both are possible, or, where they are the other way round, neither is: such a
    record would be unusual for either kind.
    """

    positive_from: float
    negative_up_to: float

    def __post_init__(self) -> None:
        if not (0 <= self.positive_from <= 1 and 0 <= self.negative_up_to <= 1):
            raise ValueError(
                f"conformal limits are {self.positive_from} and {self.negative_up_to}; "
                "needed: within 0 and 1."
            )

    def sets(self, probabilities: NDArray[Any]) -> NDArray[np.bool_]:
        """(n,) to (n, 2): whether a no, and whether a yes, is possible."""
        low, high = np.array([self.positive_from, self.negative_up_to], probabilities.dtype)
        return np.stack([probabilities <= high, probabilities >= low], axis=-1)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold, and what it reached on the records that it was chosen on; all within [0, 1]."""

    threshold: float
    sensitivity: float
    specificity: float

    def __post_init__(self) -> None:
        if not all(0 <= number <= 1 for number in astuple(self)):
            raise ValueError(f"{self} is not within 0 and 1")


@dataclass(frozen=True, kw_only=True)
class ClassPoints:
    """What was chosen for one class.

    positives, negatives: how many records it was chosen on.
    points: by what each was chosen by, as in "youden" or "sensitivity=0.95".
    band: where the model is not sure; None: it always answers.
    """

    positives: int
    negatives: int
    points: Mapping[str, OperatingPoint]
    band: Band | None
    conformal: ConformalLimits

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> "ClassPoints":
        """Back from a card; TypeError, ValueError, KeyError or AttributeError if it is not one."""
        return cls(
            positives=int(saved["positives"]),
            negatives=int(saved["negatives"]),
            points={str(by): OperatingPoint(**point) for by, point in saved["points"].items()},
            band=None if saved["band"] is None else Band(**saved["band"]),
            conformal=ConformalLimits(**saved["conformal"]),
        )


@dataclass(frozen=True, kw_only=True)
class ChosenOn:
    """The records that it was all chosen on: their folds of the store with this fingerprint.

    source: what that store was made of; "": the card does not say.
    digests: of a few records of each of the folds (seen.py); {}: the card has none.
    """

    folds: tuple[int, ...]
    records: int
    store: str
    source: str = ""
    digests: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OperatingPoints:
    """What was chosen for a model.

    threshold, band: what the card's thresholds, and the bands, were chosen by.
    alpha:    the error rate of the conformal sets, within (0, 1).
    classes:  a class that had records of one kind only is not among them.
    """

    chosen_on: ChosenOn
    threshold: str
    band: str
    alpha: float
    classes: Mapping[str, ClassPoints]

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is {self.alpha}; needed: above 0, below 1")

    def to_dict(self) -> dict[str, Any]:
        """As a card keeps it."""
        return asdict(self)

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> "OperatingPoints | None":
        """What the card knows, None if nothing; ModelError if that cannot be."""
        if KEY not in card:
            return None
        try:
            found = cls._from_dict(card[KEY])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"the card's {KEY!r} cannot be used: {error!r}") from None
        if strange := set(found.classes) - set(card["classes"]):
            raise ModelError(f"the card's {KEY!r} are of no class of it: {', '.join(strange)}.")
        return found

    @classmethod
    def _from_dict(cls, saved: Mapping[str, Any]) -> "OperatingPoints":
        said = saved["chosen_on"]
        return cls(
            chosen_on=ChosenOn(
                folds=tuple(int(fold) for fold in said["folds"]),
                records=int(said["records"]),
                store=str(said["store"]),
                source=str(said.get("source", "")),
                digests={
                    str(fold): list(map(str, few)) for fold, few in said.get("digests", {}).items()
                },
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
        """The classes whose probability lies in their band; None if no class has a band.

        probabilities: (classes,).
        """
        bands = {name: chosen.band for name, chosen in self.classes.items() if chosen.band}
        said = zip(classes, map(np.asarray, probabilities), strict=True)
        found = tuple(name for name, p in said if name in bands and bands[name].holds(p))
        return found if bands else None
