"""What went wrong with a plugin while a run was on: kept till it goes right, for ``zoo plugins doctor``.

A plugin that can't be loaded shows its fault at each start; one whose hook raises in the last minute of a run doesn't.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.files import cache_folder, write_json
from zoo.frames import plugin_frames
from zoo.hooks import Plugin, problem_of


def remember(plugin: Plugin, phase: str, error: BaseException) -> None:
    """Write down that a hook of the plugin failed. Where that can't be written, the run's own line has to do."""
    account = {
        "distribution": plugin.origin.distribution,
        "version": plugin.origin.version,
        "phase": phase,
        "problem": problem_of(error),
        "traceback": plugin_frames(error, plugin.target),
    }
    try:
        _file(plugin.name).parent.mkdir(parents=True, exist_ok=True)
        write_json(_file(plugin.name), account)
    except (OSError, ZooError):
        return


def recall(plugin: Plugin) -> dict[str, Any] | None:
    """What was written down of this version of the plugin: ``phase``, ``problem`` and ``traceback``."""
    try:
        account = json.loads(_file(plugin.name).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    same = (account.get("distribution"), account.get("version")) == (plugin.origin.distribution, plugin.origin.version)
    return account if same else None


def forget(plugin: Plugin) -> None:
    """It went right."""
    try:
        _file(plugin.name).unlink(missing_ok=True)
    except OSError:
        return


def _file(name: str) -> Path:
    return cache_folder() / "plugins" / f"{name}.json"
