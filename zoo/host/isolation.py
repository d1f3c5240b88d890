"""Each plugin imported in a process of its own: one that exits, crashes or hangs ends nobody else."""

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
"""The environment variable with the seconds that a plugin's import is waited for."""
_DEFAULT_PATIENCE_S = 30.0


def alone(disabled: Collection[str]) -> dict[str, dict[str, Any]]:
    """What an import of each third-party plugin comes to, by its name.

    Args:
        disabled: those that are not to be imported.

    Returns:
        A row of ``zoo.host.subprocess_probe``; or ``died``, how it ended its process, and ``stderr``.
    """
    wanted = allowed()
    theirs = {found.name for found in installed() if found.distribution != DISTRIBUTION} - set(disabled)
    names = sorted(theirs if wanted is None else theirs & wanted)
    size, rows = max(2, os.cpu_count() or 1), dict[str, dict[str, Any]]()
    for start in range(0, len(names), size):
        chunk = names[start : start + size]
        children = [_begun(name) for name in chunk]
        begun = [child.process is not None for child in children]  # else it is no fault of the plugin's
        found = zip(chunk, begun, answers(children), strict=True)
        rows.update((name, row) for name, at_work, row in found if at_work)
    return rows


def _begun(name: str) -> Child:
    limit_s = patience_s()
    environment = {ALLOW_LIST: name, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return Child("zoo.host.subprocess_probe", "alone", name, str(limit_s), limit_s=limit_s, environment=environment)


def patience_s() -> float:
    """Seconds that an import is waited for."""
    try:
        return max(0.1, float(os.environ.get(PATIENCE, "")))
    except ValueError:
        return _DEFAULT_PATIENCE_S
