"""What went wrong with a plugin while a run was on: kept till it goes right, for ``zoo plugins doctor``.

A plugin that can't be loaded shows its fault at each start; one whose hook raises in the last minute of a run doesn't.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.storage.files import cache_folder, write_json


def remember(plugin: LoadedPlugin, phase: str, problem: str, details: str, *, stuck: bool = False) -> None:
    """Write down what went wrong. Where that can't be written, the run's own line has to do.

    Args:
        phase: the hook, or the end of the process.
        problem: one line.
        details: a traceback, trimmed to the plugin's frames.
        stuck: it came to no end, and so costs every run its limit until the plugin is another.
    """
    account = {**_whose(plugin), "phase": phase, "problem": problem, "traceback": details, "stuck": stuck}
    try:
        _file(plugin.name).parent.mkdir(parents=True, exist_ok=True)
        write_json(_file(plugin.name), account)
    except (OSError, ZooError):
        return


def recall(plugin: LoadedPlugin) -> dict[str, Any] | None:
    """What was written down of this version of the plugin: ``phase``, ``problem`` and ``traceback``."""
    try:
        account = json.loads(_file(plugin.name).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return account if _whose(plugin).items() <= account.items() else None


def stuck(plugin: LoadedPlugin) -> dict[str, Any] | None:
    """What was written down, if it is that the plugin came to no end, and its code is the same still."""
    account = recall(plugin)
    return account if account and account.get("stuck") else None


def forget(name: str) -> bool:
    """It went right, or is to be tried again; whether there was something to forget."""
    try:
        _file(name).unlink()
    except OSError:
        return False
    return True


def _whose(plugin: LoadedPlugin) -> dict[str, Any]:
    """Which code of which plugin: its version, and the state of the file that its entry point names."""
    path = getattr(sys.modules.get(plugin.target.partition(":")[0]), "__file__", None)
    try:
        changed = Path(path).stat().st_mtime_ns if path else None
    except OSError:
        changed = None
    return {"distribution": plugin.origin.distribution, "version": plugin.origin.version, "changed": changed}


def _file(name: str) -> Path:
    return cache_folder() / "plugins" / f"{name}.json"
