"""What a model has met of some records before, by its card: of those its scores are too kind.

A store holds the data that a card names if its fingerprint is the same, or its source: whichever
of a source's folds were prepared, each is what it was. Other names prove nothing, for a folder can
have any; then, and where a card says nothing, it is not known.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .modelfile import Card
from .operating_points import OperatingPoints
from .store import Store

Folds = tuple[int, ...] | None

_MET = {
    "learned_from": "The model has learned from {}: new ECGs will show less.",
    "epoch_chosen_on": "The epoch of the model was chosen on {}: new ECGs will show a little less.",
    "points_chosen_on": "The thresholds were chosen on {}: on new ECGs they will do worse.",
}
_NOT_KNOWN = {
    "learned_from": "Whether the model has learned from these ECGs is not known.",
    "points_chosen_on": "Whether the thresholds were chosen on these ECGs is not known.",
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Which of the folds asked for a model has met; None: that is not known.

    learned_from:     it was trained on them.
    epoch_chosen_on:  they chose which epoch of its training was kept.
    points_chosen_on: they chose its temperature, thresholds, bands and sets.
    """

    learned_from: Folds
    epoch_chosen_on: Folds
    points_chosen_on: Folds

    def to_dict(self) -> dict[str, list[int] | None]:
        """As metrics.json has it."""
        return {how: None if met is None else list(met) for how, met in asdict(self).items()}

    def in_words(self) -> list[str]:
        """A sentence for each that a reader of the scores must know."""
        told = []
        for how, met in self.to_dict().items():
            if met:
                folds = f"fold{'s' if len(met) > 1 else ''} {', '.join(map(str, met))}"
                told.append(_MET[how].format(folds))
            elif met is None and how in _NOT_KNOWN:
                told.append(_NOT_KNOWN[how])
        return told


def seen(card: Card, store: Store, folds: Sequence[int]) -> Seen:
    """What the model of this card has met of these folds of the store."""
    made = list(_made_of(card["provenance"]))
    return Seen(
        learned_from=_of_any([_met(one, "train_folds", store, folds) for one in made]),
        epoch_chosen_on=_of_any([_met(one, "validation_folds", store, folds) for one in made]),
        points_chosen_on=_chosen_on(card, store, folds),
    )


def _made_of(provenance: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of several models as one each one's provenance, else the model's own."""
    match provenance:
        case {"combined": [*members]} if members:
            for member in members:
                match member:
                    case {"provenance": dict(own)}:
                        yield from _made_of(own)
                    case _:
                        yield {}
        case _:
            yield provenance


def _met(provenance: Mapping[str, Any], key: str, store: Store, folds: Sequence[int]) -> Folds:
    """Those of the folds that a recipe names under this key, if it is known to be of the store."""
    match provenance:
        case {"data": dict(data), "recipe": dict(recipe)} if isinstance(recipe.get(key), list):
            if _same(data.get("fingerprint"), data.get("source"), store):
                return tuple(fold for fold in folds if fold in recipe[key])
    return None


def _chosen_on(card: Card, store: Store, folds: Sequence[int]) -> Folds:
    """Those of the folds that the card's operating points were chosen on; none if it has none."""
    points = OperatingPoints.from_card(card)
    if points is None:
        return ()
    on, source = points.chosen_on, points.chosen_on.source
    match card["provenance"]:
        case {"data": {"fingerprint": on.store, "source": str(learned)}} if not source:
            source = learned  # a card from before points had a source; they are of the same store
    if _same(on.store, source, store):
        return tuple(fold for fold in folds if fold in on.folds)
    return None


def _same(fingerprint: object, source: object, store: Store) -> bool:
    """Whether this is the store's data, as far as can be known."""
    if fingerprint == store.about["fingerprint"]:
        return True
    return bool(source) and source == store.about.get("source")


def _of_any(met: Sequence[Folds]) -> Folds:
    """The folds that any of several has met; not known if no known one has and one is not."""
    known = tuple(sorted({fold for folds in met if folds is not None for fold in folds}))
    return None if not known and None in met else known
