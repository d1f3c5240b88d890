"""State of a plugin in this process: enabled with entries and hooks, disabled, or failed with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Thread

import pluggy

from zoo.errors import PluginError
from zoo.plugin import CacheKind
from zoo.registry.entry import Entry, Origin
from zoo.registry.plugin_settings import SettingsSchema
from zoo.registry.recipe_book import PluginRecipe

Implementations = dict[str, list[pluggy.HookImpl]]


@dataclass
class LoadedPlugin:
    """A plugin that is enabled, disabled or failed.

    ``state`` is ``"enabled"``, ``"disabled"`` or ``"failed"``; a failed one has ``phase`` (find, require, import,
    validate or contribute), ``problem`` (one line) and ``error``, or ``account``: the lines at which its import ended a
    process. ``heavy`` are the large libraries that its import
    brought in, ``threads`` those that it began; ``collected`` whether its components of other plugins' kinds were
    collected; ``rivals`` other distributions with a plugin of the same name.
    """

    origin: Origin
    target: str
    state: str = "enabled"
    phase: str | None = None
    problem: str | None = None
    error: BaseException | None = field(default=None, repr=False)
    account: str = field(default="", repr=False)
    load_ms: float = 0.0
    heavy: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    collected: bool = False
    entries: list[Entry] = field(default_factory=list)
    cache_kinds: list[CacheKind] = field(default_factory=list)
    recipes: list[PluginRecipe] = field(default_factory=list)
    settings: SettingsSchema | None = None
    hooks: Implementations = field(default_factory=dict, repr=False)
    threads: frozenset[Thread] = field(default=frozenset(), repr=False)

    @property
    def name(self) -> str:
        return self.origin.plugin

    def set_aside(self, phase: str, error: BaseException) -> None:
        """Mark the plugin as failed, and drop its entries and hooks."""
        self.state, self.phase, self.error = "failed", phase, error
        self.problem = problem_of(error)
        self.entries, self.cache_kinds, self.recipes, self.settings, self.hooks = [], [], [], None, {}


def problem_of(error: BaseException) -> str:
    """Summarise an exception in one line."""
    # pluggy describes the error in a hook on the last line.
    text = " ".join(str(error).split()) if isinstance(error, pluggy.PluginValidationError) else str(error)
    lines = f"{type(error).__name__}: {text}".splitlines()
    return lines[0].removesuffix(": ").removeprefix(f"{PluginError.__name__}: ")
