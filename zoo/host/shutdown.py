"""Termination of a command, which no thread or atexit function of a plugin can delay."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

    from zoo.registry.loaded_plugin import LoadedPlugin

PHASE = "exit"
"""Phase of such failures in the diagnosis."""
_PROBLEM = "a thread or an atexit function doesn't end"
_SHORT_S = 0.05
_IMPORTING = "<frozen importlib._bootstrap>"
"""File name of the frames that are on the stack during every import."""


def end(code: int) -> NoReturn:
    """Exit the process with a code, without an unlimited wait for threads and atexit functions.

    After a run they get the timeout of a hook; if a plugin is known to delay the exit, only the short limit.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a shell can close them: `zoo list >&-`
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    grace = _grace_s()
    for action, seconds in ((_leave, grace), (os._exit, grace + 1)):  # the second in case the first one hangs
        watchdog = threading.Timer(seconds, action, (code,))
        watchdog.daemon = True
        watchdog.start()
    sys.exit(code)


def end_imports_at_once() -> None:
    """Make Ctrl-C end the process during an import, and raise KeyboardInterrupt elsewhere.

    Code that imports a module may swallow the exception, as torch's C code does for numpy, and continue with a partial
    module, which leads to arbitrary errors. A run in progress has its own handler for Ctrl-C.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell ignores SIGINT
        signal.signal(signal.SIGINT, _interrupted)


def _interrupted(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            if os.isatty(1):
                os.write(1, b"\x1b[?25h")  # a live display hides the cursor
            os.write(2, b"\nzoo: interrupted.\n")
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


def _grace_s() -> float:
    """Time limit of the exit in seconds; short for commands without torch, which have no work to finish."""
    if "torch" not in sys.modules:
        return _SHORT_S
    from zoo.host import faults
    from zoo.host.hook_calls import patience_s

    known = any((fault := faults.stuck(plugin)) and fault.phase == PHASE for plugin in _strangers())
    return min(_SHORT_S, patience_s()) if known else patience_s()


def _leave(code: int) -> None:
    """Report the plugin that delays the exit, where it can be identified, and end the process."""
    try:
        for plugin, line in _held_up_by():
            from zoo.host import faults

            faults.remember(plugin, PHASE, _PROBLEM, line, stuck=True)
            advice = f"zoo plugins doctor {plugin.name}"
            sys.stderr.write(f"zoo: plugin {plugin.name!r}: {_PROBLEM}, and was abandoned — see: {advice}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def _strangers() -> list[LoadedPlugin]:
    host = sys.modules.get("zoo.host.loader")
    return [p for p in host.discovered if p.state == "enabled" and not p.origin.bundled] if host else []


def _held_up_by() -> list[tuple[LoadedPlugin, str]]:
    """Plugins that run in a thread that Python waits for, each with its lines of that thread's stack."""
    from zoo.registry.tracebacks import stack_of

    waited_for = [t for t in threading.enumerate() if not t.daemon and t.ident is not None]
    found: list[tuple[LoadedPlugin, str]] = []
    for plugin in _strangers():
        stacks = [stack_of(t.ident, plugin.target, whole=t in plugin.threads) for t in waited_for if t.ident]
        found += [(plugin, stack) for stack in stacks if stack][:1]
    return found
