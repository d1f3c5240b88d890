"""The zoo: a plugin-based model zoo for image classification.

``import zoo`` imports neither torch nor numpy; ``zoo.run`` and ``zoo.load`` do, when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.version import __version__

if TYPE_CHECKING:
    from zoo.api import load, run

__all__ = ["__version__", "load", "run"]


def __getattr__(name: str) -> Any:
    if name in ("run", "load"):
        from zoo import api

        return getattr(api, name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")
