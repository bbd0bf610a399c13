"""What a model has met of some records before, by its card: of those its scores are too kind.

A card keeps digests of a few records of each fold of its data. By them a fold is known in whatever
store it comes again, and so are records that were split otherwise; a name proves nothing, for a
folder can have any. The same ECGs under other ids, at another rate or with other leads are taken
for others, and so may be a small part of them. Where a card has no digests, as those of earlier
versions, a store of the same fingerprint is known; all else is not.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from heapq import nsmallest
from typing import Any

from ..data.store import Store
from ..inference.card import Card, recipe_setting
from ..inference.decisions import OperatingPoints

Folds = tuple[int, ...] | None
Digests = dict[str, list[str]]  # of each fold, as a card keeps them

_FEW = 8  # records of each fold
_LEARNED_FROM, _CHOSEN_ON = "train_folds", "validation_folds"  # in a recipe

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

    learned_from:     it was trained on records of them, or a teacher of it was.
    epoch_chosen_on:  of the others, those that chose which epoch of its training, or of a
                      teacher's, was kept.
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
    digests = fold_digests(store, folds)
    made = list(_made_of(card["provenance"]))
    learned = _of_any([_met(one, _LEARNED_FROM, store, digests) for one in made])
    chosen = _of_any([_met(one, _CHOSEN_ON, store, digests) for one in made])
    return Seen(
        learned_from=learned,
        epoch_chosen_on=chosen and tuple(fold for fold in chosen if fold not in (learned or ())),
        points_chosen_on=_chosen_on(card, store, digests),
    )


def data_of(store: Store) -> dict[str, Any]:
    """What a card keeps of the store that its model is trained on."""
    said = {key: store.about.get(key) for key in ("source", "fingerprint", "records")}
    return {**said, "folds": fold_digests(store)}


def fold_digests(store: Store, folds: Sequence[int] | None = None) -> Digests:
    """Of each of these folds (of all if None) the digests of a few records: of id and signal.

    Which records is a matter of their ids alone, so that a fold has the same few in whatever store,
    and of records that were split otherwise many are chosen again.
    """
    if folds is None:
        folds = sorted(store.records["fold"].unique().tolist())
    return {str(fold): _digests_of_few(store, fold) for fold in folds}


def _digests_of_few(store: Store, fold: int) -> list[str]:
    numbers = store.indices(folds=[fold])
    names = store.records["id"].to_numpy()[numbers].tolist()
    ids = [sha256(str(name).encode()).digest() for name in names]
    few = nsmallest(_FEW, zip(ids, numbers.tolist(), strict=True))
    signals_uv = store.signals_uv([number for _, number in few])
    return [
        sha256(identity + signal.tobytes()).hexdigest()[:16]
        for (identity, _), signal in zip(few, signals_uv, strict=True)
    ]


def taught_by(teachers: Iterable[Card]) -> list[dict[str, Any]]:
    """What a pupil's card keeps of its teachers' cards: all that they were made of, each once."""
    kept: list[dict[str, Any]] = []
    for teacher in teachers:
        for made in _made_of(teacher["provenance"]):
            match made:
                case {"data": dict(data), "recipe": dict(recipe)}:
                    folds = {
                        key: recipe_setting(recipe, "data", key)
                        for key in (_LEARNED_FROM, _CHOSEN_ON)
                    }
                    one = {"data": data, "recipe": folds}
                case _:
                    one = {}  # not known, and that is to be known
            if one not in kept:
                kept.append(one)
    return kept


def _made_of(provenance: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Of several models as one each one's provenance, else the model's own; and its teachers'."""
    match provenance:
        case {"combined": [*members]} if members:
            for member in members:
                match member:
                    case {"provenance": dict(own)}:
                        yield from _made_of(own)
                    case _:
                        yield {}
            return
    yield provenance
    match provenance:
        case {"taught_by": [*teachers]}:
            yield from (one if isinstance(one, dict) else {} for one in teachers)
        case {"recipe": {"teachers": [_, *_]}}:  # an earlier card tells no more of them
            yield {}


def _met(provenance: Mapping[str, Any], key: str, store: Store, digests: Digests) -> Folds:
    """Those of the folds that a recipe names under this key, if its data are known."""
    match provenance:
        case {"data": dict(data), "recipe": dict(recipe)}:
            return _among(data, recipe_setting(recipe, "data", key), store, digests)
    return None


def _chosen_on(card: Card, store: Store, digests: Digests) -> Folds:
    """Those of the folds that the card's operating points were chosen on; none if it has none."""
    points = OperatingPoints.from_card(card)
    if points is None:
        return ()
    on = points.chosen_on
    return _among({"fingerprint": on.store, "folds": on.digests}, list(on.folds), store, digests)


def _among(data: Mapping[str, Any], named: object, store: Store, digests: Digests) -> Folds:
    """Those of the folds, with their digests, that these data had among the folds so named."""
    if not isinstance(named, list):
        return None
    match data:
        case {"folds": dict(table)} if table:
            few = [table.get(str(fold)) for fold in named]
            known = [digest for some in few if isinstance(some, list) for digest in some]
            return tuple(int(fold) for fold, own in digests.items() if any(d in known for d in own))
        case {"fingerprint": fingerprint} if fingerprint == store.about["fingerprint"]:
            return tuple(int(fold) for fold in digests if int(fold) in named)
    return None


def _of_any(met: Sequence[Folds]) -> Folds:
    """The folds that any of several has met; not known if no known one has and one is not."""
    known = tuple(sorted({fold for folds in met if folds is not None for fold in folds}))
    return None if not known and None in met else known
