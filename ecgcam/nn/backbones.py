"""Backbones by name, and construction of a backbone from its configuration.

A backbone maps a signal (batch, leads, time) to features (batch, channels, frames). Any nn.Module
that does so can be one: it takes `leads` and its configuration as keyword arguments, and has an
attribute `channels`, the number of channels of its features. The head averages the features over
the frames, so every backbone has a class activation map.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from ..errors import ModelError
from .depthwise import DepthwiseNet
from .ensemble import Ensemble
from .inception import InceptionNet
from .local import LeadWise, Local
from .resnet import ResNet
from .signalcnn import SignalCNN

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "signalcnn": SignalCNN,
    "resnet": ResNet,
    "inception": InceptionNet,
    "depthwise": DepthwiseNet,
    "local": Local,
    "leadwise": LeadWise,
}
SEVERAL = "several"  # an ensemble of these backbones


def build_backbone(name: str, *, leads: int, config: Mapping[str, Any]) -> nn.Module:
    """Build a backbone of this name, or of the class `module:Class`, with its configuration.

    `module:Class` imports and runs that module: pass only names that you trust. Raises ModelError
    if there is no such backbone or it does not accept the configuration.
    """
    build = _build_ensemble if name == SEVERAL else BACKBONES.get(name) or _import_backbone(name)
    settings = {key: tuple(x) if isinstance(x, list) else x for key, x in config.items()}
    try:
        return build(leads=leads, **settings)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the backbone {name!r} cannot be built: {error}") from None


def feature_channels(backbone: nn.Module) -> int:
    """Return the number of channels of its features; ModelError if it has no such attribute."""
    channels = getattr(backbone, "channels", None)
    if not isinstance(channels, int):
        raise ModelError(f"{type(backbone).__name__} needs an attribute `channels`, an int.")
    return channels


def _build_ensemble(*, leads: int, members: Sequence[Mapping[str, Any]]) -> Ensemble:
    """Build an ensemble; each member has a `name` (not a `module:Class`) and a `config`."""
    backbones = []
    for member in members:
        if set(member) != {"name", "config"} or member["name"] not in (*BACKBONES, SEVERAL):
            raise ValueError(
                f"invalid member {member!r}; expected a 'name' of {', '.join(BACKBONES)} and its "
                "'config'."
            )
        backbones.append(build_backbone(member["name"], leads=leads, config=member["config"]))
    return Ensemble(backbones, channels=sum(map(feature_channels, backbones)))


def _import_backbone(name: str) -> Callable[..., nn.Module]:
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
