"""Record of plugins' failures during runs, kept until they succeed, for ``zoo plugins doctor``.

A plugin that can't be loaded is reported at each start; one whose hook fails during a run would otherwise not be.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ZooError
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.storage.files import cache_folder, write_json


@dataclass(frozen=True)
class Fault:
    """A recorded failure of a plugin; the arguments are those of :func:`remember`."""

    phase: str
    problem: str
    traceback: str
    stuck: bool = False


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


def recall(plugin: LoadedPlugin) -> Fault | None:
    """Read the recorded failure of this version of the plugin."""
    try:
        account = json.loads(_file(plugin.name).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not _whose(plugin).items() <= account.items():
        return None
    return Fault(account["phase"], account["problem"], account["traceback"], account.get("stuck", False))


def stuck(plugin: LoadedPlugin) -> Fault | None:
    """Read the recorded failure if the plugin hung and its code is unchanged; else None."""
    fault = recall(plugin)
    return fault if fault and fault.stuck else None


def forget(name: str) -> bool:
    """Delete the record of a plugin; True if there was one."""
    try:
        _file(name).unlink()
    except OSError:
        return False
    return True


def _whose(plugin: LoadedPlugin) -> dict[str, str | int | None]:
    """Identify the plugin's code by its version and its entry point's file."""
    path = getattr(sys.modules.get(plugin.target.partition(":")[0]), "__file__", None)
    try:
        changed = Path(path).stat().st_mtime_ns if path else None
    except OSError:
        changed = None
    return {"distribution": plugin.origin.distribution, "version": plugin.origin.version, "changed": changed}


def _file(name: str) -> Path:
    return cache_folder() / "plugins" / f"{name}.json"
