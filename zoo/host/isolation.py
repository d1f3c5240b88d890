"""Trial import of each plugin in its own process, so that an exit, crash or hang affects no other plugin."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import Any

from zoo.host.child_process import Child, answers
from zoo.host.enablement import ALLOW_LIST, allowed
from zoo.registry.distributions import installed
from zoo.registry.entry import DISTRIBUTION

PATIENCE = "ZOO_IMPORT_PATIENCE_S"
"""Environment variable with the timeout of a plugin's import in seconds."""
_DEFAULT_PATIENCE_S = 30.0


def alone(disabled: Collection[str]) -> dict[str, dict[str, Any]]:
    """Import each third-party plugin in its own process, and return the results by name.

    Args:
        disabled: names of plugins to skip.

    Returns:
        For each plugin a row of ``zoo.host.subprocess_probe``; or ``died`` (how its process ended) and ``stderr``.
    """
    wanted = allowed()
    theirs = {found.name for found in installed() if found.distribution != DISTRIBUTION} - set(disabled)
    names = sorted(theirs if wanted is None else theirs & wanted)
    size, rows = max(2, os.cpu_count() or 1), dict[str, dict[str, Any]]()
    for start in range(0, len(names), size):
        chunk = names[start : start + size]
        children = [_begun(name) for name in chunk]
        begun = [child.process is not None for child in children]  # else no fault of the plugin
        found = zip(chunk, begun, answers(children), strict=True)
        rows.update((name, row) for name, at_work, row in found if at_work)
    return rows


def _begun(name: str) -> Child:
    limit_s = patience_s()
    environment = {ALLOW_LIST: name, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return Child("zoo.host.subprocess_probe", "alone", name, str(limit_s), limit_s=limit_s, environment=environment)


def patience_s() -> float:
    """Timeout of an import in seconds, from the environment where valid."""
    try:
        return max(0.1, float(os.environ.get(PATIENCE, "")))
    except ValueError:
        return _DEFAULT_PATIENCE_S
