"""Lifecycle hooks as a callback: each plugin in its own thread, so that no plugin can block or end a run."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import redirect_stdout
from queue import SimpleQueue
from typing import Any

from pluggy import HookImpl

from zoo.errors import PluginError
from zoo.host import faults, hookspecs
from zoo.host.hook_calls import PATIENCE, call_implementation, patience_s, rank
from zoo.host.views import calling
from zoo.model.provenance import PLUGIN
from zoo.registry.loaded_plugin import LoadedPlugin, problem_of
from zoo.registry.settings_book import PluginSettings
from zoo.registry.tracebacks import plugin_frames, stack_of
from zoo.runner.callbacks import Callback
from zoo.runner.measurements import EpochRecord
from zoo.runner.record import Run
from zoo.runner.result_parts import ObservingPlugin
from zoo.runner.run_result import RunResult
from zoo.runner.views import view, with_settings


class Hooks(Callback):
    """Calls the lifecycle hooks of plugins; a plugin whose hook raises or times out is disabled for the run.

    Hooks receive read-only views of plain mappings, one for all plugins, where callbacks receive typed records.

    Args:
        plugins: the loaded plugins.
        tell: receives a line for each hook that fails.
        settings: settings by plugin, which the plugin's hooks find in ``run.settings``.
    """

    def __init__(
        self,
        plugins: Sequence[LoadedPlugin],
        tell: Callable[[str], None],
        settings: Mapping[str, PluginSettings] | None = None,
    ):
        known = settings or {}
        self.watchers: list[_Watcher] = []
        self.tell = tell
        self._accounts: dict[str, ObservingPlugin] = {}
        for plugin in (p for p in plugins if p.state == "enabled" and _watches(p)):
            self._accounts[plugin.name] = _account_of(plugin, known.get(plugin.name))
            fault = faults.stuck(plugin)
            if fault and fault.phase in hookspecs.LIFECYCLE:  # a plugin may time out only once
                problem = f"last time, {fault.phase} never returned"
                self._note(plugin.name, failed={"hook": fault.phase, "problem": problem})
                name = plugin.name
                tell(f"plugin {name!r} is disabled for this run: {problem} — see: zoo plugins doctor {name}")
            else:
                self.watchers.append(_Watcher(plugin, known.get(plugin.name)))

    def call(self, hook: str, **arguments: Any) -> list[Any]:
        """Call a hook of each plugin, and return the results that are not None."""
        return [given for _, given in self._answers(hook, arguments)]

    def _answers(self, hook: str, arguments: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Names of plugins and their results; those with ``tryfirst`` come first, those with ``trylast`` last."""
        calls = [(w, implementation) for w in self.watchers for implementation in w.plugin.hooks.get(hook, ())]
        views = {name: view(value, name) for name, value in arguments.items()} if calls else {}
        found: list[tuple[str, Any]] = []
        for watcher, implementation in sorted(calls, key=lambda each: rank(each[1])):
            if watcher not in self.watchers:
                continue  # it failed in this event
            try:
                given = watcher.call(hook, implementation, views)
                found += [] if given is None else [(watcher.plugin.name, _checked(hook, given))]
            except (Exception, SystemExit) as error:  # a plugin must not end a run
                self._set_aside(watcher, hook, error)
        return found

    def _note(self, name: str, **changes: Any) -> None:
        self._accounts[name] = self._accounts[name].changed(**changes)

    def provenance(self) -> dict[str, ObservingPlugin]:
        """Describe the plugins that observed the run, and what each has changed so far."""
        return {f"plugins.{name}": account for name, account in self._accounts.items()}

    def run_start(self, run: Run) -> None:
        self.call("zoo_run_start", run=run)

    def epoch_end(self, run: Run, epoch: EpochRecord) -> str | None:
        """Call the hooks; several reasons to stop become one, and each is recorded with its plugin."""
        reasons = [each for each in self._answers("zoo_epoch_end", {"run": run, "epoch": epoch}) if each[1]]
        for name in dict(reasons):
            own = "; ".join(reason for whose, reason in reasons if whose == name)
            self._note(name, stopped={"epoch": epoch.epoch, "reason": own})
        return "; ".join(dict.fromkeys(reason for _, reason in reasons)) or None

    def report_sections(self, run: Run, result: RunResult) -> Iterable[tuple[str, str]]:
        answers = self._answers("zoo_report_sections", {"run": run, "result": result})
        for name, sections in answers:
            self._note(name, sections=[*self._accounts[name].sections, *(title for title, _ in sections)])
        return [section for _, sections in answers for section in sections]

    def run_end(self, run: Run, result: RunResult) -> None:
        self.call("zoo_run_end", run=run, result=result)
        self.done()

    def run_failed(self, run: Run, error: BaseException) -> None:
        self.call("zoo_run_failed", run=run, error=error)

    def _set_aside(self, watcher: _Watcher, hook: str, error: BaseException) -> None:
        self.watchers.remove(watcher)
        plugin, problem, stuck = watcher.plugin, problem_of(error), isinstance(error, HookTimeout)
        details = watcher.where() if stuck else plugin_frames(error, plugin.target)
        faults.remember(plugin, hook, problem, details, stuck=stuck)
        name = plugin.name
        self._note(name, failed={"hook": hook, "problem": problem})
        self.tell(
            f"plugin {name!r}: {hook} failed; it is disabled for the rest of this run: {problem} — see: zoo plugins "
            f"doctor {name}"
        )

    def done(self) -> None:
        """Clear the recorded faults of the plugins whose hooks all succeeded in this run."""
        for watcher in self.watchers:
            fault = faults.recall(watcher.plugin) if watcher.called else None
            if fault and fault.phase in hookspecs.LIFECYCLE:
                faults.forget(watcher.plugin.name)


def _account_of(plugin: LoadedPlugin, settings: PluginSettings | None) -> ObservingPlugin:
    hooks = [hook for hook in hookspecs.LIFECYCLE if hook in plugin.hooks]
    origin = {"distribution": plugin.origin.distribution, "version": plugin.origin.version}
    said = {} if settings is None else {"settings": settings.changed()}
    return ObservingPlugin.read({"kind": PLUGIN, "id": plugin.name, **origin, "hooks": hooks, **said})


def _watches(plugin: LoadedPlugin) -> bool:
    return not plugin.hooks.keys().isdisjoint(hookspecs.LIFECYCLE)


class HookTimeout(TimeoutError):
    """A hook that did not return in time; its thread continues in the background until the process exits."""


def _checked(hook: str, given: Any) -> Any:
    """Return a hook's result if it has the required type.

    Raises:
        PluginError: it has not.
    """
    if hook == "zoo_epoch_end" and not isinstance(given, str):
        raise PluginError(f"it returned {given!r}; it must return None, or the reason to stop as text")
    if hook != "zoo_report_sections":
        return given
    sections = list(given)
    for section in sections:
        if not (isinstance(section, tuple | list) and len(section) == 2 and all(isinstance(s, str) for s in section)):
            raise PluginError(f"it returned the section {section!r}; a section is (title, text)")
    return [tuple(section) for section in sections]


class _Watcher:
    """One plugin's hooks, always called in the same thread, as libraries keep thread-local state."""

    def __init__(self, plugin: LoadedPlugin, settings: PluginSettings | None = None):
        self.plugin, self.settings = plugin, settings
        self.called = False
        # A daemon: the process doesn't wait for it.
        self._thread = threading.Thread(target=self._work, name=f"zoo-plugin-{plugin.name}", daemon=True)
        self._jobs: SimpleQueue[tuple[str, HookImpl, Mapping[str, Any], Future[Any]]] = SimpleQueue()

    def call(self, hook: str, implementation: HookImpl, arguments: Mapping[str, Any]) -> Any:
        """Call one implementation of a hook, and wait for its result.

        Raises:
            HookTimeout: it did not return in time.
            BaseException: any error that the hook raised.
        """
        if not self.called:
            self.called = True
            self._thread.start()
        answer: Future[Any] = Future()
        self._jobs.put((hook, implementation, self._with_settings(arguments), answer))
        patience = patience_s()
        try:
            with redirect_stdout(sys.stderr):  # a print() must not spoil the result that --json prints
                return answer.result(patience)
        except TimeoutError as error:
            if answer.done():  # raised by the hook itself
                raise
            raise HookTimeout(f"it did not return within {patience:g} s ({PATIENCE} is the limit)") from error

    def _with_settings(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments, with the plugin's own settings in its view of the run."""
        if self.settings is None or "run" not in arguments:
            return arguments
        return {**arguments, "run": with_settings(arguments["run"], self.settings.made)}

    def where(self) -> str:
        """Stack of the hook's thread within the plugin's code."""
        return stack_of(self._thread.ident or 0, self.plugin.target)

    def _work(self) -> None:
        while True:
            hook, implementation, arguments, answer = self._jobs.get()
            try:
                with calling(self.plugin.name, hook):
                    answer.set_result(call_implementation(self.plugin, hook, implementation, arguments))
            except BaseException as error:  # passed on to the waiting thread
                answer.set_exception(error)
