"""A client of the Espalier service: live Keras models go in, smaller ones come out.

    import espalier

    smaller = espalier.prune(model, x, y, target={"macs": 0.5})

The service's address is `ESPALIER_ADDRESS`, or http://127.0.0.1:8080; its key `ESPALIER_API_KEY`. `espalier.esp` decodes .esp files and needs NumPy alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import Client
    from .errors import EspalierError, JobFailedError, ProblemError
    from .live import prune, train

__version__ = "0.1.0"
__all__ = ["Client", "EspalierError", "JobFailedError", "ProblemError", "prune", "train"]

_HOMES = {
    "Client": "client",
    "EspalierError": "errors",
    "JobFailedError": "errors",
    "ProblemError": "errors",
    "prune": "live",
    "train": "live",
}


def __getattr__(name: str) -> Any:
    # Only then: whoever decodes .esp files needs no httpx.
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
