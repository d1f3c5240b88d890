"""Inspection of plugins in a fresh process, with the result printed as JSON.

``python -m zoo.host.subprocess_probe plugins``, ``alone NAME SECONDS`` or ``distributions``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
from collections import defaultdict
from importlib.metadata import distributions
from typing import Any

from zoo.host.loader import discover
from zoo.registry.distributions import canonical
from zoo.registry.loaded_plugin import LoadedPlugin


def found() -> dict[str, Any]:
    """All plugins with the names of their components, and sentences about ambiguous names, by plugin."""
    from zoo.host.loader import open_registry

    registry = open_registry(careful=True)
    return {
        "plugins": [_row(plugin) for plugin in registry.plugins],
        "clashes": {plugin.name: registry.clashes([plugin.name]) for plugin in registry.plugins},
    }


def _row(plugin: LoadedPlugin) -> dict[str, Any]:
    brings: dict[str, list[str]] = defaultdict(list)
    for entry in plugin.entries:
        brings[entry.kind].append(entry.id)
    return {
        "name": plugin.name,
        "distribution": plugin.origin.distribution,
        "version": plugin.origin.version,
        "state": plugin.state,
        "brings": brings,
        "problem": plugin.problem,
        "load_ms": round(plugin.load_ms, 2),
        "heavy": list(plugin.heavy),
    }


def alone(name: str, limit_s: float) -> dict[str, Any]:
    """Load one third-party plugin and return its row, empty where there is none; dump the stack on a crash or hang.

    Args:
        name: name of the plugin.
        limit_s: seconds until this process is ended; shortly before, the stack is written to stderr.
    """
    faulthandler.enable()
    faulthandler.dump_traceback_later(0.9 * limit_s)
    rows = [_row(plugin) for plugin in discover() if plugin.name == name and not plugin.origin.bundled]
    faulthandler.cancel_dump_traceback_later()
    return rows[0] if rows else {}


def versions() -> dict[str, str]:
    """Versions of all installed distributions, by canonical name."""
    return {canonical(d.metadata["Name"]): d.version for d in reversed(list(distributions())) if d.metadata["Name"]}


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    answer = alone(words[0], float(words[1])) if what == "alone" else versions() if what == "distributions" else found()
    sys.stdout.write(f"\n{json.dumps(answer)}")
    sys.stdout.flush()
    os._exit(0)  # a plugin's endless thread must not delay the caller
