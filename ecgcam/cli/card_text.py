"""Text of a model card for people; `ecgcam info --json` prints all of it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ..inference.card import COMPANION, FITTED_HEAD, Card, keeps_last_epoch
from ..inference.decisions import OperatingPoints
from ..tasks import TITLES, full_name

Row = tuple[str, str]


def card_lines(card: Card) -> Iterator[str]:
    """Yield what the model predicts, how it was made and what it costs: a label and a text a line.

    A card may come from anyone: characters that could move a terminal's cursor are replaced.
    """
    rows = [*_predicts(card), *_made(card), *_points(card), *_scorecard(card), *_cost(card)]
    for label, text in rows:
        yield "".join(sign if sign.isprintable() else "□" for sign in f"{label:<23}{text}")
    yield "Not a medical device."


def class_names(card: Card) -> str:
    """Return the classes spelled out, separated by commas."""
    titles = TITLES | card.get("class_titles", {})
    return ", ".join(full_name(name, titles.get(name, "")) for name in card["classes"])


def scores_text(card: Card) -> str:
    """Return the scores of a shipped model on the fold that it was calibrated on."""
    match card.get("about"):
        case {"scores": {"fold": int(fold), "macro_auroc": float(auroc)}}:
            return f"macro-AUROC {auroc:.3f} on fold {fold}, which calibrated it"
        case {"scores": {"fold": int(fold), "classes": dict(classes)}} if len(classes) == 1:
            (scores,) = classes.values()
            reached = f"AUROC {scores['auroc']:.3f}, accuracy {scores['accuracy']:.3f}"
            return f"{reached} on fold {fold}, which chose its threshold"
    return "not scored"


def _predicts(card: Card) -> Iterator[Row]:
    yield "task", card["task"]["name"]
    yield "classes", class_names(card)
    yield "decision", _decision(card)
    yield "temperature", f"{card['temperature']:g}"
    yield "leads", " ".join(card["leads"])
    yield "window", f"{card['duration_s']:g} s at {card['rate_hz']:g} Hz"
    yield "preprocessing", _settings(card["preprocess"])
    for text in _backbones(card["backbone"], card["backbone_config"]):
        yield "backbone", text
    if companion := card.get(COMPANION):
        yield "companion", f"{companion['model']}, for {', '.join(companion['classes'])}"
    match card.get("frame_samples"):
        case int(samples):
            yield "receptive field", f"{samples} samples, {samples / card['rate_hz']:.2f} s"


def _backbones(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each backbone; equal members of an ensemble share one."""
    members = config.get("members")
    if not isinstance(members, list):
        members = [{"name": name, "config": config}]
    texts = []
    for member in members:
        match member:
            case {"name": str(member_name), "config": dict(settings)}:
                texts.append(f"{member_name} {_settings(settings)}".strip())
    for text, count in Counter(texts).items():
        yield f"{count} × {text}" if count > 1 else text


def _decision(card: Card) -> str:
    if card["task"]["exclusive"]:
        return "the most probable class"
    limits = [f"{threshold:g}" for threshold in card["thresholds"]]
    if len(set(limits)) == 1:
        return f"yes from a probability of {limits[0]}"
    named = zip(card["classes"], limits, strict=True)
    return "yes from a probability of: " + ", ".join(f"{name} {limit}" for name, limit in named)


def _made(card: Card) -> Iterator[Row]:
    match card["provenance"]:
        case {"source": str(source)}:
            yield "made from", source
        case {
            "data": {"source": source},
            "recipe": {"data": {"train_folds": list(folds)}} | {"train_folds": list(folds)},
        }:
            yield "trained on", f"{source}, {_folds(folds)}"
    match card["provenance"]:
        case {
            "chosen": {"epoch": epoch, "score": str(score), "value": float(value)},
            "recipe": {"data": {"validation_folds": list(folds)}}
            | {"validation_folds": list(folds)} as recipe,
        }:
            reached = f"{score.removeprefix('val_')} {value:.4f}"
            kept = "the last epoch" if keeps_last_epoch(recipe) else "the best epoch"
            yield "kept", f"{kept}, {epoch}: {reached} on {_folds(folds)}"
    match card["provenance"].get(FITTED_HEAD):
        case {"score": str(score), "value": float(value)}:
            reached = f"{score.removeprefix('val_')} {value:.4f}"
            yield "head", f"fitted to the labels afterwards: {reached} on the same folds"


def _points(card: Card) -> Iterator[Row]:
    """Yield the choices of `ecgcam calibrate`; ModelError if the card's are invalid."""
    points = OperatingPoints.from_card(card)
    if points is None:
        return
    on = points.chosen_on
    records = [on.source, _folds(list(on.folds)), f"{on.records:,} records"]
    chosen_on = ", ".join(filter(None, records))
    yield "operating points", f"chosen on {chosen_on}; the decision is by {points.threshold}"
    for name, chosen in points.classes.items():
        for by, point in chosen.points.items():
            reached = f"sensitivity {point.sensitivity:.3f}, specificity {point.specificity:.3f}"
            yield f"  {name}", f"{by:<17} from {point.threshold:.3f}: {reached}"
        if chosen.band:
            band = f"between {chosen.band.low:.3f} and {chosen.band.high:.3f}"
            yield f"  {name}", f"{'not sure':<17} {band} ({points.band})"


def _scorecard(card: Card) -> Iterator[Row]:
    """Yield how many goals of its scorecard the map meets, and the missed ones by part."""
    match card.get("about"):
        case {
            "scorecard": {
                "fold": int(fold),
                "goals": {"met": int(met), "of": int(of)},
                "parts": list(parts),
            }
        }:
            yield "scorecard of the map", f"{met} of {of} goals met on fold {fold}"
        case _:
            return
    for part in parts:
        with_goal = [figure for figure in part["figures"] if figure["met"] is not None]
        missed = [figure for figure in with_goal if not figure["met"]]
        if with_goal:
            text = f"{len(with_goal) - len(missed)} of {len(with_goal)}"
            if missed:
                text += ", missed: " + "; ".join(map(_missed, missed))
            yield f"  {part['part']}", text


def _missed(figure: Mapping[str, Any]) -> str:
    goal, subject = figure["goal"], figure["subject"]
    name = f"{figure['name']}{f', {subject}' if subject else ''}"
    return f"{name} {figure['value']:.3g} ({'≥' if goal['at_least'] else '≤'} {goal['bound']:.3g})"


def _cost(card: Card) -> Iterator[Row]:
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
            "map_share": float(fraction),
            "activation_bytes": int(memory),
        }:
            yield "parameters", f"{parameters:>13,}"
            yield "multiply-accumulates", f"{total:>13,}  for one ECG; two FLOPs each"
            yield "  preprocessing", f"{preprocess:>13,}"
            yield "  backbone", f"{backbone:>13,}"
            yield "  head", f"{head:>13,}"
            yield "  map", f"{evidence:>13,}  {100 * fraction:.2f} % on top of backbone and head"
            yield "activations", f"{memory:>13,}  bytes at the peak"
        case _:
            yield "parameters", f"{card['parameters']:>13,}"
            yield "cost", "not in this card"


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _folds(folds: list[Any]) -> str:
    return f"fold{'s' * (len(folds) > 1)} {', '.join(map(str, folds))}"
