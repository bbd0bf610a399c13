"""Backbones by name, and construction of a backbone from its configuration.

A backbone maps a signal (batch, leads, time) to features (batch, channels, frames). Any nn.Module
that does so can be one: it takes `leads` and its configuration as keyword arguments. The head
averages the features over the frames, so every backbone has a class activation map. Attributes:

    channels              the number of channels of the features; the only one that is required
    norms_to_fuse()       of any module in it: norms that inference fuses (fuse.py)
    leads_apart = True    group k of equal groups of channels depends on lead k alone (cam.py)
    first_center, stride  where the frames lie, if they do not divide the input evenly (frames.py)

The names need no torch, so that a wrong one is refused at once.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ModelError

if TYPE_CHECKING:
    from torch import nn

    from .ensemble import Ensemble

BACKBONES = {  # name: module:Class
    "signalcnn": "ecgcam.nn.signalcnn:SignalCNN",
    "resnet": "ecgcam.nn.resnet:ResNet",
    "inception": "ecgcam.nn.inception:InceptionNet",
    "depthwise": "ecgcam.nn.depthwise:DepthwiseNet",
    "local": "ecgcam.nn.local:Local",
    "leadwise": "ecgcam.nn.local:LeadWise",
}
SEVERAL = "several"  # an ensemble of these backbones


def build_backbone(name: str, *, leads: int, config: Mapping[str, Any]) -> "nn.Module":
    """Build a backbone of this name, or of the class `module:Class`, with its configuration.

    `module:Class` imports and runs that module: pass only names that you trust. Raises ModelError
    if there is no such backbone or it does not accept the configuration.
    """
    build = _build_ensemble if name == SEVERAL else _import_backbone(BACKBONES.get(name, name))
    settings = {key: tuple(x) if isinstance(x, list) else x for key, x in config.items()}
    try:
        return build(leads=leads, **settings)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the backbone {name!r} cannot be built: {error}") from None


def feature_channels(backbone: "nn.Module") -> int:
    """Return the number of channels of its features; ModelError if it has no such attribute."""
    channels = getattr(backbone, "channels", None)
    if not isinstance(channels, int):
        raise ModelError(f"{type(backbone).__name__} needs an attribute `channels`, an int.")
    return channels


def _build_ensemble(*, leads: int, members: Sequence[Mapping[str, Any]]) -> "Ensemble":
    """Build an ensemble; each member has a `name` (not a `module:Class`) and a `config`."""
    from .ensemble import Ensemble

    backbones = []
    for member in members:
        if set(member) != {"name", "config"} or member["name"] not in (*BACKBONES, SEVERAL):
            raise ValueError(
                f"invalid member {member!r}; expected a 'name' of {', '.join(BACKBONES)} and its "
                "'config'."
            )
        backbones.append(build_backbone(member["name"], leads=leads, config=member["config"]))
    return Ensemble(backbones, channels=sum(map(feature_channels, backbones)))


def _import_backbone(name: str) -> Callable[..., "nn.Module"]:
    """Import the class `module:Class`; ModelError if that fails."""
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ModelError(
            f"there is no backbone {name!r}; expected {', '.join(BACKBONES)}, or your own as "
            "module:Class."
        )
    try:
        backbone: Callable[..., nn.Module] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"the backbone {name!r} cannot be imported: {error}") from None
    return backbone
