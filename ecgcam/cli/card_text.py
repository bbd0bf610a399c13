"""A model's card in lines for people; `--json` shows all of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..inference.decisions import OperatingPoints
from ..inference.modelfile import Card

Row = tuple[str, str]


def card_lines(card: Card) -> Iterator[str]:
    """What the model judges, how it was made, what it costs: a label and a text a line.

    A card is a stranger's text: no sign of it can move a terminal's cursor.
    """
    rows = [*_judges(card), *_made(card), *_points(card), *_costs(card)]
    for label, text in rows:
        yield "".join(sign if sign.isprintable() else "□" for sign in f"{label:<23}{text}")
    yield "Not a medical device."


def scores_in_words(card: Card) -> str:
    """What a shipped model reached on the fold that it was chosen and calibrated on."""
    match card.get("about"):
        case {"scores": {"fold": int(fold), "macro_auroc": float(auroc)}}:
            return f"macro-AUROC {auroc:.3f} on fold {fold}, which chose it"
        case {"scores": {"fold": int(fold), "classes": dict(classes)}} if len(classes) == 1:
            (scores,) = classes.values()
            reached = f"AUROC {scores['auroc']:.3f}, accuracy {scores['accuracy']:.3f}"
            return f"{reached} on fold {fold}, which chose it and its threshold"
    return "not scored"


def _judges(card: Card) -> Iterator[Row]:
    yield "task", card["task"]["name"]
    yield "classes", ", ".join(card["classes"])
    yield "decision", _decision(card)
    yield "temperature", f"{card['temperature']:g}"
    yield "leads", " ".join(card["leads"])
    yield "window", f"{card['duration_s']:g} s at {card['rate_hz']:g} Hz"
    yield "preprocessing", _settings(card["preprocess"])
    for text in _backbones(card["backbone"], card["backbone_config"]):
        yield "backbone", text
    match card.get("frame_samples"):
        case int(samples):
            yield "a frame sees", f"{samples} samples, {samples / card['rate_hz']:.2f} s"


def _backbones(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """In words; of several side by side each, those that are alike together."""
    members = config.get("members")
    if not isinstance(members, list):
        members = [{"name": name, "config": config}]
    said = []
    for member in members:
        match member:
            case {"name": str(own), "config": dict(settings)}:
                said.append(f"{own} {_settings(settings)}".strip())
    for text, times in Counter(said).items():
        yield f"{times} × {text}" if times > 1 else text


def _decision(card: Card) -> str:
    if card["task"]["exclusive"]:
        return "the most probable class"
    limits = [f"{threshold:g}" for threshold in card["thresholds"]]
    if len(set(limits)) == 1:
        return f"from a probability of {limits[0]} on"
    named = zip(card["classes"], limits, strict=True)
    return "from a probability on: " + ", ".join(f"{name} {limit}" for name, limit in named)


def _made(card: Card) -> Iterator[Row]:
    match card["provenance"]:
        case {"source": str(source)}:
            yield "made from", source
        case {"data": {"source": source}, "recipe": {"train_folds": list(folds)}}:
            yield "trained on", f"{source}, {_folds(folds)}"
    match card["provenance"]:
        case {
            "chosen": {"epoch": epoch, "score": str(score), "value": float(value)},
            "recipe": {"validation_folds": list(folds)},
        }:
            reached = f"{score.removeprefix('val_')} {value:.4f}"
            yield "chosen", f"epoch {epoch}, with {reached} on {_folds(folds)}"


def _points(card: Card) -> Iterator[Row]:
    """What `ecgcam calibrate` chose; ModelError if that cannot be."""
    found = OperatingPoints.from_card(card)
    if found is None:
        return
    on = found.chosen_on
    chosen_on = [on.source, _folds(list(on.folds)), f"{on.records:,} records"]
    said = ", ".join(filter(None, chosen_on))  # an earlier card has no source
    yield "operating points", f"chosen on {said}; the decision is by {found.threshold}"
    for name, chosen in found.classes.items():
        for by, point in chosen.points.items():
            reached = f"sensitivity {point.sensitivity:.3f}, specificity {point.specificity:.3f}"
            yield f"  {name}", f"{by:<17} from {point.threshold:.3f} on: {reached}"
        if chosen.band:
            doubt = f"between {chosen.band.low:.3f} and {chosen.band.high:.3f}"
            yield f"  {name}", f"{'not sure':<17} {doubt} ({found.band})"


def _costs(card: Card) -> Iterator[Row]:
    match card.get("cost"):
        case {
            "parameters": int(parameters),
            "multiply_accumulates": {
                "preprocess": int(preprocess),
                "backbone": int(backbone),
                "head": int(head),
                "map": int(evidence),
                "total": int(total),
            },
            "map_share": float(share),
            "activation_bytes": int(memory),
        }:
            yield "parameters", f"{parameters:>13,}"
            yield "multiply-accumulates", f"{total:>13,}  an ECG, each two FLOPs"
            yield "  preprocessing", f"{preprocess:>13,}"
            yield "  backbone", f"{backbone:>13,}"
            yield "  head", f"{head:>13,}"
            yield "  map", f"{evidence:>13,}  {100 * share:.2f} % on top of backbone and head"
            yield "activations", f"{memory:>13,}  bytes at once, at most"
        case _:
            yield "parameters", f"{card['parameters']:>13,}"
            yield "cost", "not in this card, which an earlier version wrote"


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _folds(folds: list[Any]) -> str:
    return f"fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}"
