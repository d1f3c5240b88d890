"""The zoo: a plugin-based model zoo for image classification.

``import zoo`` imports neither torch nor numpy; ``zoo.run``, ``zoo.load`` and the functions that plugins contribute
(``zoo.show_batch``, ``zoo.compare`` …) do, when they are used. ``dir(zoo)`` lists all of them. ``zoo.register`` gives
names to classes and functions of a script, ``zoo.testing`` checks them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zoo.version import __version__

if TYPE_CHECKING:
    from zoo import register, testing
    from zoo.api import load, run

__all__ = ["__version__", "load", "register", "run", "testing"]


def __getattr__(name: str) -> Any:
    if name in ("run", "load"):
        from zoo import api

        return getattr(api, name)
    if name in ("register", "testing"):
        return import_module(f"zoo.{name}")
    from importlib.util import find_spec

    if not name.startswith("_") and find_spec(f"zoo.{name}") is None:  # a module is imported by the statement itself
        from zoo.host.loader import open_registry

        if (entry := open_registry().plugin_entry("function", name)) is not None:
            return entry.factory()
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__() -> list[str]:
    from zoo.host.loader import open_registry

    return sorted({*__all__, *(entry.component.name for entry in open_registry().entries("function"))})
