"""The network and its parts, in torch."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .network import Network, NetworkConfig

__all__ = ["Network", "NetworkConfig"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "Network": ".network",
        "NetworkConfig": ".network",
    },
)
