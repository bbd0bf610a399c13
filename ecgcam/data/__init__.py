"""Datasets to stores: PTB-XL, CSV tables, synthetic ECGs."""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .preparation import PrepareConfig, prepare
    from .store import open_store
    from .synthetic.folder import synthesize

__all__ = ["PrepareConfig", "open_store", "prepare", "synthesize"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "PrepareConfig": ".preparation",
        "open_store": ".store",
        "prepare": ".preparation",
        "synthesize": ".synthetic.folder",
    },
)
