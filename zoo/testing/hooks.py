"""Checks of a plugin's lifecycle hooks: called as in a run, with a recorded run, two epochs and a result."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import NoReturn

from zoo.errors import PluginError
from zoo.host.hookspecs import LIFECYCLE
from zoo.registry.loaded_plugin import LoadedPlugin
from zoo.registry.settings_book import PluginSettings
from zoo.runner.hooks import Hooks, HookTimeout
from zoo.testing.outcome import fail, skip
from zoo.testing.sample_run import SampleRun, sample_run

MEND = {
    "zoo_run_start": "Return None. `run` has the attributes that docs/hooks.md lists, each a plain mapping or list.",
    "zoo_epoch_end": "Return None, or the reason to stop the run as text. `epoch` is a line of metrics.jsonl.",
    "zoo_run_end": "Return None. `result` is the run's result.json, whose entries docs/results.md describes.",
    "zoo_run_failed": "Return None. `error` may be any exception, such as KeyboardInterrupt.",
    "zoo_report_sections": "Return or yield pairs of text, (title, plain text).",
}
"""Remedy for a failure of each hook."""
_ANY = "Compare the hook with its example in docs/hooks.md."
_Ends = dict[str, BaseException | None]
"""Exception of each hook that was called, or None where it returned."""


def hook_trials(plugin: LoadedPlugin) -> Iterator[tuple[str, Callable[[], None], str]]:
    """Yield the name, the test and the remedy of a check for each lifecycle hook that a plugin implements."""
    play = functools.cache(lambda: _play(plugin))
    for hook in LIFECYCLE:
        if hook in plugin.hooks:
            yield f"hook {hook}", functools.partial(_returns, hook, play), MEND.get(hook, _ANY)


def _returns(hook: str, play: Callable[[], _Ends]) -> None:
    """Test that a hook returns in time, with a result of the right type."""
    ends = play()
    if hook not in ends:
        failed = next((name for name, error in ends.items() if error is not None), "an earlier hook")
        skip(f"{failed} fails before it is called.")
    error = ends[hook]
    if isinstance(error, HookTimeout | PluginError):
        fail(f"{error}.")
    if error is not None:
        raise error


def _play(plugin: LoadedPlugin) -> _Ends:
    """Call the hooks of a plugin as a complete run does, then as one that is interrupted."""
    ends: _Ends = {}
    for script in (_completed, _interrupted):
        hooks = _StrictHooks([plugin])
        with sample_run(script.__name__.removeprefix("_")) as sample:
            for hook, call in script(hooks, sample):
                try:
                    call()
                except (Exception, SystemExit) as error:
                    ends[hook] = error
                    break
                ends.setdefault(hook, None)
    return {hook: error for hook, error in ends.items() if hook in plugin.hooks}


_Calls = Iterator[tuple[str, Callable[[], object]]]


def _completed(hooks: Hooks, sample: SampleRun) -> _Calls:
    yield "zoo_run_start", lambda: hooks.run_start(sample.run)
    for epoch in sample.epochs:
        yield "zoo_epoch_end", functools.partial(hooks.epoch_end, sample.run, epoch)
    yield "zoo_report_sections", lambda: hooks.report_sections(sample.run, sample.result)
    yield "zoo_run_end", lambda: hooks.call("zoo_run_end", run=sample.run, result=sample.result)


def _interrupted(hooks: Hooks, sample: SampleRun) -> _Calls:
    yield "zoo_run_start", lambda: hooks.run_start(sample.run)
    yield "zoo_epoch_end", lambda: hooks.epoch_end(sample.run, sample.epochs[0])
    yield "zoo_run_failed", lambda: hooks.run_failed(sample.run, KeyboardInterrupt())


class _StrictHooks(Hooks):
    """The hooks of one plugin, whose exceptions are passed on and not recorded for ``zoo plugins doctor``.

    ``run.settings`` has the defaults of the plugin.
    """

    def __init__(self, plugins: list[LoadedPlugin]):
        declared = {plugin.name: plugin.settings for plugin in plugins if plugin.settings is not None}
        settings = {name: PluginSettings(schema, schema.cls(), {}) for name, schema in declared.items()}
        super().__init__(plugins, _cannot_call, settings)

    def _set_aside(self, watcher: object, hook: str, error: BaseException) -> NoReturn:
        raise error


def _cannot_call(text: str) -> NoReturn:
    skip(f"{text}.")
