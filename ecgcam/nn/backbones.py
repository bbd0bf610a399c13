"""Backbones: a signal (batch, leads, time) to features (batch, channels, frames).

Any nn.Module will do that maps so, takes `leads` and its configuration as keyword arguments, and
has the attribute `channels`, the number of channels it gives. The head averages its features
over the frames, so each backbone here explains itself.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from ..errors import ModelError
from .depthwise import DepthwiseNet
from .ensemble import Ensemble
from .inception import InceptionNet
from .resnet import ResNet
from .signalcnn import SignalCNN

BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "signalcnn": SignalCNN,
    "resnet": ResNet,
    "inception": InceptionNet,
    "depthwise": DepthwiseNet,
}
SEVERAL = "several"  # backbones of ours side by side (several.py), an ensemble


def build_backbone(name: str, *, leads: int, config: Mapping[str, Any]) -> nn.Module:
    """The backbone of that name, or the class that `module:Class` names, with its configuration.

    `module:Class` imports and runs that module: give only names that you trust. Raises
    ModelError if there is no such backbone or it does not take the configuration.
    """
    make = _several if name == SEVERAL else BACKBONES.get(name) or _import_backbone(name)
    settings = {key: tuple(x) if isinstance(x, list) else x for key, x in config.items()}
    try:
        return make(leads=leads, **settings)
    except (TypeError, ValueError) as error:
        raise ModelError(f"the backbone {name!r} cannot be built: {error}") from None


def feature_channels(backbone: nn.Module) -> int:
    """How many channels its features have; ModelError if it does not say."""
    channels = getattr(backbone, "channels", None)
    if not isinstance(channels, int):
        raise ModelError(f"{type(backbone).__name__} needs an attribute `channels`, an int.")
    return channels


def _several(*, leads: int, members: Sequence[Mapping[str, Any]]) -> Ensemble:
    """members: the `name`, which must be of a backbone of ours, and the `config` of each."""
    made = []
    for member in members:
        if set(member) != {"name", "config"} or member["name"] not in (*BACKBONES, SEVERAL):
            raise ValueError(f"a member is {member!r}; needed: the name of ours, and its config.")
        made.append(build_backbone(member["name"], leads=leads, config=member["config"]))
    return Ensemble(made, channels=sum(map(feature_channels, made)))


def _import_backbone(name: str) -> Callable[..., nn.Module]:
    module, _, attribute = name.partition(":")
    if not attribute:
        raise ModelError(
            f"there is no backbone {name!r}; there are {', '.join(BACKBONES)}, and any "
            "module:Class of your own."
        )
    try:
        found: Callable[..., nn.Module] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise ModelError(f"the backbone {name!r} cannot be imported: {error}") from None
    return found
