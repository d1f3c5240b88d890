"""The end of a command, which no plugin can put off: not with a thread, and not with a function left to atexit."""

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
"""What the doctor calls it."""
_PROBLEM = "a thread, or a function that it left to atexit, doesn't end"
_SHORT_S = 0.05
_IMPORTING = "<frozen importlib._bootstrap>"
"""What Python calls the file whose functions are on the stack in every import."""


def end(code: int) -> NoReturn:
    """Leave the process with an exit code. Python would wait for every thread and atexit function as long as they like.

    After a run they get as long as a hook gets, once: a plugin that was seen to hold up the end gets no more than what
    a command gets that ran nothing.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):  # a shell can close them: `zoo list >&-`
        with contextlib.suppress(BrokenPipeError):
            stream.flush()
    grace = _grace_s()
    for action, seconds in ((_leave, grace), (os._exit, grace + 1)):  # the second, should the first not come to an end
        watchdog = threading.Timer(seconds, action, (code,))
        watchdog.daemon = True
        watchdog.start()
    sys.exit(code)


def end_imports_at_once() -> None:
    """Let Ctrl-C end the process where it imports something, and raise KeyboardInterrupt elsewhere.

    Whoever is importing may drop the exception, as torch's C code does of numpy's, and go on with half of a module: the
    command then went on, or ended with any error whatever. A run that has begun listens to Ctrl-C for itself.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where a shell has switched it off
        signal.signal(signal.SIGINT, _interrupted)


def _interrupted(number: int, frame: FrameType | None) -> None:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTING:
            os.write(2, b"\nzoo: interrupted.\n")
            os._exit(130)
        frame = frame.f_back
    raise KeyboardInterrupt


def _grace_s() -> float:
    """How long the end may take: nothing that ran without torch has anything of value to finish."""
    if "torch" not in sys.modules:
        return _SHORT_S
    from zoo.host import faults
    from zoo.host.hook_calls import patience_s

    known = any((faults.stuck(plugin) or {}).get("phase") == PHASE for plugin in _strangers())
    return min(_SHORT_S, patience_s()) if known else patience_s()


def _leave(code: int) -> None:
    """Say whose fault it is that the process didn't end by itself, where that can be told, and end it."""
    try:
        for plugin, line in _held_up_by():
            from zoo.host import faults

            faults.remember(plugin, PHASE, _PROBLEM, line, stuck=True)
            advice = f"zoo plugins doctor {plugin.name}"
            sys.stderr.write(f"zoo: plugin {plugin.name!r}: {_PROBLEM}; it is not waited for — see: {advice}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)


def _strangers() -> list[LoadedPlugin]:
    host = sys.modules.get("zoo.host.loader")
    return [p for p in host.discovered if p.state == "enabled" and not p.origin.bundled] if host else []


def _held_up_by() -> list[tuple[LoadedPlugin, str]]:
    """The plugins at work in a thread that Python waits for, each with its lines of that thread's stack."""
    from zoo.registry.tracebacks import stack_of

    waited_for = [t for t in threading.enumerate() if not t.daemon and t.ident is not None]
    found: list[tuple[LoadedPlugin, str]] = []
    for plugin in _strangers():
        stacks = [stack_of(t.ident, plugin.target, whole=t in plugin.threads) for t in waited_for if t.ident]
        found += [(plugin, stack) for stack in stacks if stack][:1]
    return found
