"""The models that come with the package, by name: `normal`, `superclass`, …"""

from pathlib import Path

from ..errors import ModelError

_WEIGHTS = Path(__file__).with_name("weights")


def shipped_models() -> dict[str, Path]:
    """The file of each shipped model, by its name, in alphabetical order."""
    files = {path.stem: path for path in _WEIGHTS.glob("*.safetensors")}
    return dict(sorted(files.items()))


def find_model(path_or_name: str | Path) -> Path:
    """A model file by its path, or a shipped one by its name; a file of that name goes first.

    Raises ModelError for a name that is neither.
    """
    path = Path(path_or_name)
    if path.is_file() or path.suffix == ".safetensors":
        return path
    shipped = shipped_models()
    if str(path_or_name) not in shipped:
        raise ModelError(
            f"{path_or_name}: no such model; needed: the path of a .safetensors file, or one of "
            f"{', '.join(shipped)}."
        )
    return shipped[str(path_or_name)]
