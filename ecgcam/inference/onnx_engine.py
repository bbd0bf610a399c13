"""Engine that runs an ONNX model in onnxruntime; it needs no torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from .card import Card, check_card
from .engine import Array, EngineOutput

# Keys of the file's metadata.
CARD, NAME, SOURCE, BIAS = "card", "model", "safetensors_sha256", "head_bias"


class OnnxEngine:
    """Runs an exported model on one thread of the caller.

    It can be pickled, is safe in threads and works after a fork, since the session has no threads
    of its own.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._session = _open_session(content)

    def __getstate__(self) -> dict[str, Any]:
        return {"_content": self._content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["_content"])  # type: ignore[misc]

    def __call__(self, signal_mv: Array) -> EngineOutput:
        """Run windows (batch, leads, samples) in mV."""
        signal = np.ascontiguousarray(signal_mv, np.float32)
        named = {output.name for output in self._session.get_outputs()}
        names = [name for name in EngineOutput._fields if name in named]
        return EngineOutput(*self._session.run(names, {"signal_mv": signal}))

    @property
    def metadata(self) -> dict[str, str]:
        """The texts that the export wrote beside the graph."""
        return dict(self._session.get_modelmeta().custom_metadata_map)


def open_onnx(path: Path) -> OnnxEngine:
    """Open an exported model; ModelError if the file is not one of ecgcam's."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot read the model file: {error.strerror}.") from None
    try:
        return OnnxEngine(content)
    except ModuleNotFoundError:
        raise
    except Exception as error:  # onnxruntime has a class of its own for every fault
        raise ModelError(f"{path}: not an ONNX model: {error}") from None


def card_and_bias(engine: OnnxEngine, path: Path) -> tuple[Card, Array]:
    """Return the card and the head's bias (classes,) of an exported model."""
    metadata = engine.metadata
    try:
        card = check_card(json.loads(metadata[CARD]), path)
        bias = np.array(json.loads(metadata[BIAS]), np.float32)
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(
            f"{path}: the ONNX file has no ecgcam card ({error!r}); `ecgcam export` writes one."
        ) from None
    if bias.shape != (len(card["classes"]),) or not np.isfinite(bias).all():
        raise ModelError(f"{path}: invalid {BIAS!r} in the metadata: {metadata[BIAS][:60]}.")
    return card, bias


def _open_session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
