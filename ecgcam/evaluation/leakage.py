"""Data-leakage check: was a model trained or tuned on these ECGs?

A model card keeps digests of 64 ECGs of each fold of its data: the smallest SHA-256 digests of
their signals. A fold of any other store shares data with them if it contains one of these ECGs,
whatever its folder, ids and folds are. A random subset of n ECGs of PTB-XL's 17,418 training ECGs
contains none of the 512 with probability 0.0025 for n = 200 and 0.05 for n = 100. An ECG that was
resampled, or stored with other leads, has another digest and is not recognized.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from heapq import nsmallest
from typing import Any

from ..data.store import Store
from ..inference.card import Card, keeps_last_epoch, recipe_setting
from ..inference.decisions import OperatingPoints

Folds = tuple[int, ...] | None
FoldDigests = dict[str, list[str]]  # of each fold

DIGESTS_PER_FOLD = 64

_DIGITS = 12  # of a digest: a million other ECGs match one of 576 with probability 2e-6
_BLOCK = 512  # records read together
_TRAIN, _VALIDATION = "train_folds", "validation_folds"

_WARNINGS = {
    "trained_on": "The model was trained on {}: expect lower scores on new ECGs.",
    "epoch_chosen_on": "The training epoch of the model was chosen on {}: expect slightly lower "
    "scores on new ECGs.",
    "thresholds_chosen_on": "The thresholds were chosen on {}: expect them to work less well on "
    "new ECGs.",
}
_UNKNOWN = {
    "trained_on": "It is not known whether the model was trained on these ECGs.",
    "thresholds_chosen_on": "It is not known whether the thresholds were chosen on these ECGs.",
}


@dataclass(frozen=True, kw_only=True)
class LeakageCheck:
    """Folds of a store that share ECGs with a model's data; None: not known.

    trained_on:           with the training data of the model, or of a teacher.
    epoch_chosen_on:      with the data that chose the training epoch of the model, or of a
                          teacher, without the folds in `trained_on`.
    thresholds_chosen_on: with the data that chose temperature, thresholds, bands and sets.
    """

    trained_on: Folds
    epoch_chosen_on: Folds
    thresholds_chosen_on: Folds

    def to_dict(self) -> dict[str, list[int] | None]:
        """Return the check as metrics.json holds it."""
        return {key: None if folds is None else list(folds) for key, folds in asdict(self).items()}

    def in_words(self) -> list[str]:
        """Return a sentence for each leakage, and for each that is not known."""
        sentences = []
        for key, folds in self.to_dict().items():
            if folds:
                names = f"fold{'s' if len(folds) > 1 else ''} {', '.join(map(str, folds))}"
                sentences.append(_WARNINGS[key].format(names))
            elif folds is None and key in _UNKNOWN:
                sentences.append(_UNKNOWN[key])
        return sentences


def check_leakage(card: Card, store: Store, folds: Sequence[int]) -> LeakageCheck:
    """Check which of these folds of a store the model of a card was trained or tuned on."""
    shared = _comparison(card, store, folds)
    sources = list(_sources(card["provenance"]))
    trained = _union([shared(source.get("data"), _folds(source, _TRAIN)) for source in sources])
    chosen = _union([shared(source.get("data"), _folds(source, _VALIDATION)) for source in sources])
    points = OperatingPoints.from_card(card)
    thresholds: Folds = ()
    if points is not None:
        on = points.chosen_on
        thresholds = shared({"fingerprint": on.store}, list(on.folds))
    return LeakageCheck(
        trained_on=trained,
        epoch_chosen_on=chosen and tuple(fold for fold in chosen if fold not in (trained or ())),
        thresholds_chosen_on=thresholds,
    )


def training_data(store: Store) -> dict[str, Any]:
    """Describe a store in the provenance of a model that is trained on it."""
    return {key: store.about.get(key) for key in ("source", "fingerprint", "records")}


def teacher_provenance(teachers: Iterable[Card]) -> list[dict[str, Any]]:
    """Return data and folds of all models that the teachers were made from, without repetition."""
    kept: list[dict[str, Any]] = []
    for teacher in teachers:
        for source in _sources(teacher["provenance"]):
            match source:
                case {"data": dict(data), "recipe": dict()}:
                    recipe = {key: _folds(source, key) for key in (_TRAIN, _VALIDATION)}
                    entry = {"data": data, "recipe": recipe}
                case _:
                    entry = {}  # the card shows that something is not known
            if entry not in kept:
                kept.append(entry)
    return kept


def digest_tables(store: Store, cards: Iterable[Card] = ()) -> dict[str, FoldDigests]:
    """Return the fold digests of a store, and those in some cards, by fingerprint.

    A card keeps this under the key "fold_digests": one table for each store that its model, or a
    teacher, was trained or tuned on.
    """
    tables: dict[str, FoldDigests] = {}
    for card in cards:
        tables |= card.get("fold_digests", {})
    fingerprint = store.about["fingerprint"]
    if fingerprint not in tables:
        folds = sorted(store.records["fold"].unique().tolist())
        tables[fingerprint] = {
            str(fold): nsmallest(DIGESTS_PER_FOLD, _record_digests(store, fold)) for fold in folds
        }
    return tables


def _record_digests(store: Store, fold: int) -> list[str]:
    """Return the digest of each record of a fold: of its samples in µV, (leads, time)."""
    indices = store.indices(folds=[fold])
    return [
        sha256(signal_uv.astype("<i2").tobytes()).hexdigest()[:_DIGITS]
        for at in range(0, len(indices), _BLOCK)
        for signal_uv in store.signals_uv(indices[at : at + _BLOCK])
    ]


def _comparison(
    card: Card, store: Store, folds: Sequence[int]
) -> Callable[[object, object], Folds]:
    """Return a function that compares these folds with folds `used` of the data in a card."""
    tables: Mapping[str, FoldDigests] = card.get("fold_digests", {})
    digests = cache(lambda fold: frozenset(_record_digests(store, fold)))

    def shared(data: object, used: object) -> Folds:
        match data, used:
            case {"fingerprint": str(fingerprint)}, [*_]:
                pass
            case _:
                return None
        if fingerprint == store.about["fingerprint"]:
            return tuple(int(fold) for fold in folds if fold in used)
        if fingerprint not in tables:
            return None
        table = tables[fingerprint]
        known = {digest for fold in used for digest in table.get(str(fold), ())}
        return tuple(int(fold) for fold in folds if not known.isdisjoint(digests(fold)))

    return shared


def _sources(provenance: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the provenance of each model that a model was made from, and those of its teachers.

    A combined model was made from its members. Yields {} for each model that is not known.
    """
    match provenance:
        case {"combined": [*members]} if members:
            for member in members:
                match member:
                    case {"provenance": dict(own)}:
                        yield from _sources(own)
                    case _:
                        yield {}
            return
    yield provenance
    match provenance:
        case {"teacher_provenance": [*teachers]}:
            yield from (teacher if isinstance(teacher, dict) else {} for teacher in teachers)
        case {"recipe": dict(recipe)} if recipe_setting(recipe, "distillation", "teachers"):
            yield {}


def _folds(source: Mapping[str, Any], key: str) -> Any:
    """Return the folds that a model was trained on, or that chose its epoch; None if not known."""
    match source:
        case {"recipe": dict(recipe)}:
            if key == _VALIDATION and keeps_last_epoch(recipe):
                return []
            return recipe_setting(recipe, "data", key)
    return None


def _union(parts: Sequence[Folds]) -> Folds:
    """Return all folds of the known parts; None if they have none and a part is not known."""
    folds = tuple(sorted({fold for part in parts if part is not None for fold in part}))
    return None if not folds and None in parts else folds
