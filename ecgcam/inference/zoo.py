"""Shipped models by name: `normal`, `superclass`, `statements`, and larger ones."""

from pathlib import Path

from ..errors import ModelError

_WEIGHTS = Path(__file__).with_name("weights")


def shipped_models() -> dict[str, Path]:
    """Return the .safetensors file of each shipped model by name, in alphabetical order."""
    files = {path.stem: path for path in _WEIGHTS.glob("*.safetensors")}
    return dict(sorted(files.items()))


def find_model(path_or_name: str | Path) -> Path:
    """Return the path of a model file, or of a shipped model; a file goes before a name.

    Raises ModelError for a name that is neither.
    """
    path = Path(path_or_name)
    if path.is_file() or path.suffix in (".safetensors", ".onnx"):
        return path
    shipped = shipped_models()
    if str(path_or_name) not in shipped:
        raise ModelError(
            f"{path_or_name}: no such model; expected the path of a .safetensors or .onnx file, or "
            f"one of {', '.join(shipped)}."
        )
    return shipped[str(path_or_name)]
