"""Record of plugins' failures during runs, kept until they succeed, for ``zoo plugins doctor``.

A plugin that can't be loaded is reported at each start; one whose hook fails during a run would otherwise not be.
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
    """Record a failure; an unwritable file is ignored, since the run has printed the failure.

    Args:
        plugin: the plugin.
        phase: name of the hook, or the end of the process.
        problem: description in one line.
        details: traceback, reduced to the plugin's frames.
        stuck: the plugin hung, and would delay every run by the timeout until its code changes.
    """
    account = {**_whose(plugin), "phase": phase, "problem": problem, "traceback": details, "stuck": stuck}
    try:
        _file(plugin.name).parent.mkdir(parents=True, exist_ok=True)
        write_json(_file(plugin.name), account)
    except (OSError, ZooError):
        return


def recall(plugin: LoadedPlugin) -> dict[str, Any] | None:
    """Read the recorded failure of this version of the plugin: ``phase``, ``problem`` and ``traceback``."""
    try:
        account = json.loads(_file(plugin.name).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return account if _whose(plugin).items() <= account.items() else None


def stuck(plugin: LoadedPlugin) -> dict[str, Any] | None:
    """Read the recorded failure if the plugin hung and its code is unchanged; else None."""
    account = recall(plugin)
    return account if account and account.get("stuck") else None


def forget(name: str) -> bool:
    """Delete the record of a plugin; True if there was one."""
    try:
        _file(name).unlink()
    except OSError:
        return False
    return True


def _whose(plugin: LoadedPlugin) -> dict[str, Any]:
    """Identify the plugin's code by its version and its entry point's file."""
    path = getattr(sys.modules.get(plugin.target.partition(":")[0]), "__file__", None)
    try:
        changed = Path(path).stat().st_mtime_ns if path else None
    except OSError:
        changed = None
    return {"distribution": plugin.origin.distribution, "version": plugin.origin.version, "changed": changed}


def _file(name: str) -> Path:
    return cache_folder() / "plugins" / f"{name}.json"
