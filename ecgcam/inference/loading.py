"""Loading: the classifier of a model file, or of a shipped model by its name."""

from pathlib import Path

from ..errors import ModelError
from ..files import sha256
from .card import COMPANION
from .classifier import Classifier
from .modelfile import load_network, model_name
from .onnx_engine import NAME, SOURCE, OnnxEngine, card_and_bias, open_onnx
from .zoo import find_model


def load(
    path_or_name: str | Path, *, device: str | None = None, backbone: str | None = None
) -> Classifier:
    """Load the classifier of a model file, or of a shipped model by its name.

    An .onnx file runs in onnxruntime, and so does a .safetensors file that has its export beside
    it under the same name. Otherwise, or where a device or a backbone is asked for, torch runs it.

    A companion that its card names is loaded with it: the model of that name in the same folder,
    or else a shipped one.

    device: where torch runs it: "cpu", "cuda", "cuda:1", "mps".
    backbone: `module:Class`, for a model whose backbone is your own code, which you trust.
    Raises ModelError if there is no such file, it is not a model, or torch is not installed.
    """
    path = find_model(path_or_name)
    classifier = _load_alone(path, device=device, backbone=backbone)
    named = classifier.card.get(COMPANION)
    if named is not None:
        beside = path.with_name(f"{named['model']}{path.suffix}")
        other = beside if beside.is_file() else find_model(named["model"])
        classifier.companion = _load_alone(other, device=device, backbone=None)
        _check_companion(classifier, path)
    return classifier


def _check_companion(classifier: Classifier, path: Path) -> None:
    """Raise ModelError unless the companion takes the same windows and has the named classes."""
    other, named = classifier.companion, classifier.card[COMPANION]
    if other is None:
        return
    own = classifier.leads, classifier.rate_hz, classifier.duration_s
    theirs = other.leads, other.rate_hz, other.duration_s
    if own != theirs:
        raise ModelError(
            f"{path}: its companion, {named['model']}, takes other leads, another rate or another "
            "duration."
        )
    if unknown := sorted(set(named["classes"]) - set(other.classes)):
        raise ModelError(
            f"{path}: its companion, {named['model']}, has no class {', '.join(unknown)}."
        )


def _load_alone(path: Path, *, device: str | None, backbone: str | None) -> Classifier:
    if path.suffix == ".onnx":
        return _from_onnx(open_onnx(path), path)
    if device is None and backbone is None:
        exported = path.with_suffix(".onnx")
        engine = open_onnx(exported) if exported.is_file() else None
        if engine is not None and engine.metadata.get(SOURCE) == sha256(path):
            return _from_onnx(engine, exported)
    return _from_torch(path, device=device or "cpu", backbone=backbone)


def _from_onnx(engine: OnnxEngine, path: Path) -> Classifier:
    card, bias = card_and_bias(engine, path)
    metadata = engine.metadata
    return Classifier(
        engine,
        bias=bias,
        card=card,
        model=metadata.get(NAME, path.stem),
        sha256=metadata.get(SOURCE, ""),
    )


def _from_torch(path: Path, *, device: str, backbone: str | None) -> Classifier:
    network, card = load_network(path, backbone=backbone)

    from .torch_engine import TorchEngine

    return Classifier(
        TorchEngine(network, device=device),
        bias=network.bias().detach().numpy(),
        card=card,
        model=model_name(path),
        sha256=sha256(path),
    )
